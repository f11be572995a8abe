"""Caps and choices that make no sense, in every client's dialect, to every provider's: 400, or all of it reserved."""

import itertools
import json

import pytest

from support.attack_provider import (
    COST,
    DIALECTS,
    OWN_CAP,
    QUESTIONS,
    configured,
    provider,
)
from support.attacking import ask, asking, rows
from support.serving import served

CAPS = {
    "openai-chat": [["max_tokens"], ["max_completion_tokens"]],
    "openai-responses": [["max_output_tokens"]],
    "anthropic-messages": [["max_tokens"]],
    "gemini": [["generationConfig", "maxOutputTokens"], ["generation_config", "max_output_tokens"]],
    "bedrock-converse": [
        ["inferenceConfig", "maxTokens"],
        ["additionalModelRequestFields", "max_tokens"],
    ],
    "cohere": [["max_tokens"]],
    "ollama": [["options", "num_predict"]],
}
CHOICES = {
    "openai-chat": [["n"]],
    "gemini": [["generationConfig", "candidateCount"], ["generation_config", "candidate_count"]],
}
NONSENSE = ["-1", "0", "-2", "0.5", "1.5", "1e9", '"5"', '"1e9"', "true", "[5]", "{}", "NaN"]
HUGE = ["2147483647", "9223372036854775808", "1" + "0" * 40]
OUTPUT_PICO = 10**7
"""A token of output."""
MOST_PICO = 2**60
"""A million dollars: more than any budget may have."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("caps")
    with provider() as up, served(configured(up, folder), folder) as gateway:
        yield gateway.url, up


def at(path, raw):
    """A value's JSON below these names."""
    for name in reversed(path):
        raw = f"{json.dumps(name)}: {raw}" if name is path[0] else f"{{{json.dumps(name)}: {raw}}}"
    return raw


def put(dialect, model, path, raw):
    """A question of this dialect, and a value at this path, which may be no JSON."""
    where, fields = QUESTIONS[dialect].asked(model)
    fields.pop(path[0], None)
    return where, (json.dumps(fields)[:-1] + ", " + at(path, raw) + "}").encode()


def asked_of(sent):
    """All the caps, and the choices, in a body that a provider got."""
    caps, choices, waiting = [], 1, [sent.json]
    while waiting:
        for name, value in waiting.pop().items():
            plain = name.replace("_", "").lower()
            if plain in {"maxtokens", "maxcompletiontokens", "maxoutputtokens", "numpredict"}:
                caps.append(value)
            elif plain in {"n", "candidatecount"}:
                choices = value
            elif isinstance(value, dict):
                waiting.append(value)
    return caps, choices


def most(sent):
    """The most tokens that a provider may write which takes a sensible cap, and nothing else, for one."""
    caps, choices = asked_of(sent)
    good = [one for one in caps if type(one) is int and one > 0]
    cap = max(good) if good and len(good) == len(caps) else OWN_CAP
    return cap * (choices if type(choices) is int and choices > 0 else 1)


FEW = ["-1", '"5"', "5", "1" + "0" * 40]
MANY = [*NONSENSE, *HUGE, "5", "null", "100", "129"]
KNOWN = [("bedrock-converse", "additionalModelRequestFields"), ("ollama", "options")]
"""What is a test of its own, below."""


def small(world, client, targets, paths, values):
    """Ask with each of these; what was reserved too little for, or not answered as it should be."""
    url, up = world
    wrong, told = [], []
    before = len(rows(url))
    up.sent.clear()
    with asking(url) as connection:
        for path, value, target in itertools.product(paths, values, targets):
            arrived = len(up.sent)
            said = connection.ask(*put(client, f"m-{target}", path, value))
            told += [(path, value, target, said.status)] * (len(up.sent) - arrived)
            if said.status >= 500 or (said.status >= 400 and len(up.sent) > arrived):
                wrong.append((path, value, target, said.status, said.body[:100]))
    written = [row for row in rows(url)[before:] if row["basis"] != "free"]  # refused, unsent
    for what, sent, row in zip(told, up.sent, written, strict=True):
        if row["cost_pico_usd"] != COST:
            wrong.append((*what, row["cost_pico_usd"], row["basis"], row["error"]))
        if row["reserved_pico_usd"] < min(most(sent) * OUTPUT_PICO, MOST_PICO):
            wrong.append((*what, sent.body[:300], row["reserved_pico_usd"]))
    return "\n".join(map(str, wrong))


def paths_of(client):
    return CAPS[client] + CHOICES.get(client, [])


@pytest.mark.parametrize("client", DIALECTS)
def test_what_goes_on_as_it_is_asks_for_no_more_than_was_reserved(world, client):
    values = [*NONSENSE, HUGE[-1], "5"]
    assert not (wrong := small(world, client, [client], paths_of(client), values)), wrong


@pytest.mark.parametrize(
    "values", [FEW, pytest.param(MANY, marks=pytest.mark.exhaustive)], ids=["few", "many"]
)
@pytest.mark.parametrize("client", DIALECTS)
def test_what_is_translated_asks_for_no_more_than_was_reserved(world, client, values):
    targets = [one for one in DIALECTS if one != client]
    paths = [one for one in paths_of(client) if (client, one[0]) not in KNOWN]
    paths += [["options", "num_predict"]] if client == "ollama" else []
    assert not (wrong := small(world, client, targets, paths, values)), wrong


def test_a_cap_that_is_left_out_on_the_way_bounds_nothing(world):
    path = ["additionalModelRequestFields", "max_tokens"]
    wrong = small(world, "bedrock-converse", ["openai-chat", "gemini"], [path], ["5"])
    assert not wrong, wrong


def test_a_cap_with_an_exponent_is_counted_as_it_is_sent(world):
    wrong = small(world, "ollama", ["openai-chat"], [["options", "num_predict"]], ["1e9"])
    assert not wrong, wrong


@pytest.mark.parametrize("client", ["gemini", "bedrock-converse", "ollama"])
def test_a_number_that_is_none_is_refused(world, client):
    said = ask(world[0], *put(client, f"m-{client}", CAPS[client][0], "1e999"))
    assert said.status == 400, said


def test_every_prompt_of_a_list_has_its_answer_reserved(world):
    url, _ = world
    body = {"model": "m-openai-chat", "prompt": ["hi"] * 100, "max_tokens": 50}
    assert ask(url, "/v1/completions", body).status == 200
    assert rows(url)[-1]["reserved_pico_usd"] >= 100 * 50 * OUTPUT_PICO


@pytest.mark.parametrize("value", [*NONSENSE, *HUGE[1:], "1e999"])
@pytest.mark.parametrize(
    "dialect", ["openai-chat", "openai-responses", "anthropic-messages", "cohere"]
)
def test_a_cap_at_the_top_that_makes_no_sense_is_refused_before_it_is_sent(world, dialect, value):
    url, up = world
    up.sent.clear()
    said = ask(url, *put(dialect, f"m-{dialect}", CAPS[dialect][0], value))
    assert (said.status, up.sent) == (400, []), said


@pytest.mark.parametrize(
    ("dialect", "name", "value"),
    [
        ("ollama", "Model", "dear"),
        ("ollama", "MODEL", "dear"),
        ("ollama", "Options", {"num_predict": 100_000}),
        ("ollama", "option\u017f", {"num_predict": 100_000}),
        ("openai-chat", "Model", "dear"),
        ("openai-chat", "Max_Tokens", 100_000),
        ("openai-chat", "max_to\u212aens", 100_000),
        ("openai-chat", "N", 100),
        ("openai-chat", "Stream", True),
        ("openai-chat", "Web_Search_Options", {}),
        ("openai-responses", "MAX_OUTPUT_TOKENS", 100_000),
        ("anthropic-messages", "Max_tokens", 100_000),
        ("gemini", "GenerationConfig", {"maxOutputTokens": 100_000}),
        ("bedrock-converse", "inferenceconfig", {"maxTokens": 100_000}),
        ("cohere", "Max_Tokens", 100_000),
    ],
)
def test_no_field_is_said_twice_to_a_host_that_does_not_look_at_case(world, dialect, name, value):
    """Go's reader of JSON takes ``Max_Tokens`` for ``max_tokens``: the last one counts there.

    Source: https://pkg.go.dev/encoding/json#Unmarshal, 2026-11-21.
    """
    url, up = world
    up.sent.clear()
    path, fields = QUESTIONS[dialect].asked(f"m-{dialect}")
    said = ask(url, path, {**fields, name: value})
    assert (said.status, up.sent) == (400, []), said


def test_a_space_does_not_make_prose_of_what_is_none(world):
    url, _ = world
    reserved = []
    for between in ("", " "):
        text = "0f" * 3000 + between + "e1" * 3000
        body = {
            "model": "m-openai-chat",
            "max_tokens": 1,
            "messages": [{"role": "user", "content": text}],
        }
        assert ask(url, "/v1/chat/completions", body).status == 200
        reserved.append(rows(url)[-1]["reserved_pico_usd"])
    assert reserved[1] >= reserved[0]
