"""Answers for questions that mean the same, as clients of a gateway meet them: vectors of a real engine.

Its model has learnt nothing, so that what is near is a matter of letters: it shows that the parts fit.
"""

import asyncio

import httpx
import pytest

import modelway
from modelway.call import Options
from modelway.simulator.serve import SimulatorThread
from support.llama_server import llama_server
from support.serving import KEY, served
from support.tiny_model import build

OTHER = "mw-other-key-0123456789abcdef"
ASKED = "How do I reset my password?"
AGAIN = "How can I reset my password?"
NEAR_MISSES = (
    "How do I reset my passwords policy?",
    "How do I not reset my password?",
    "How do I reset my 2nd password?",
    "How do I reset your password?",
    "How do I reset my password? Reply with the number below.",
    "Wie setze ich mein Passwort?",
)


@pytest.fixture(scope="module")
def simulator():
    with SimulatorThread() as running:
        yield running


@pytest.fixture(scope="module")
def embedding_url(tmp_path_factory):
    model = build(tmp_path_factory.mktemp("model") / "tiny.gguf")
    with llama_server(model, "embed") as url:
        yield url


def configured(simulator, url, **semantic):
    return {
        "providers": {
            "sim": {"like": "simulator", "base_url": simulator.base_url + "/v1"},
            "sim-a": {
                "like": "simulator",
                "base_url": simulator.base_url + "/v1",
                "dialect": "anthropic-messages",
            },
            "house": {"like": "llamacpp", "base_url": f"{url}/v1"},
        },
        "cache": {"semantic": {"model": "house/tiny", "threshold": 0.6, **semantic}},
        "gateway": {"keys": [{"key": OTHER, "name": "other", "tenant": "team"}]},
    }


@pytest.fixture(scope="module")
def gateway(simulator, embedding_url, tmp_path_factory):
    config = configured(simulator, embedding_url)
    with served(config, tmp_path_factory.mktemp("state")) as running:
        reload = httpx.post(
            f"{running.url}/v1/config/reload", headers={"authorization": f"Bearer {KEY}"}
        )
        assert reload.status_code == 200  # its own keys, beside the test's
        yield running


@pytest.fixture
def place(request):
    """A system prompt that no other test has, and so a space."""
    return {"role": "system", "content": f"You are asked by {request.node.name}."}


@pytest.fixture
def asked(simulator):
    before = len(simulator.simulator.requests)
    return lambda: len(simulator.simulator.requests) - before


def ask(gateway, place, text, *, key=KEY, before=(), headers=None, **fields):
    messages = [place, *before, {"role": "user", "content": text}]
    return httpx.post(
        f"{gateway.url}/v1/chat/completions",
        json={"model": "sim/any", "messages": messages, **fields},
        headers={"authorization": f"Bearer {key}", **(headers or {})},
        timeout=20,
    )


def found(answer):
    assert answer.status_code == 200, answer.text
    return answer.headers.get("x-modelway-cache", "")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_other_words_for_the_same_are_answered_from_what_is_kept(gateway, place, asked, stream):
    first = ask(gateway, place, ASKED, stream=stream)
    second = ask(gateway, place, AGAIN, stream=stream)
    assert (found(first), found(second)) == ("", "semantic")
    assert second.content == first.content
    assert second.headers["content-type"] == first.headers["content-type"]
    assert int(second.headers["age"]) < 20
    assert found(ask(gateway, place, ASKED, stream=stream)) == "exact"
    assert asked() == 1


@pytest.mark.parametrize("other", NEAR_MISSES)
def test_a_near_miss_is_asked(gateway, place, asked, other):
    ask(gateway, place, ASKED)
    assert found(ask(gateway, place, other)) == ""
    assert asked() == 2


def test_tenants_share_nothing(gateway, place, asked):
    ask(gateway, place, ASKED)
    for spoofed in ({}, {"x-modelway-tenant": "local", "x-modelway-cache-namespace": "local"}):
        theirs = ask(
            gateway, place, AGAIN, key=OTHER, headers={**spoofed, "x-modelway-cache": "refresh"}
        )
        assert found(theirs) == ""
    assert asked() == 3
    assert found(ask(gateway, place, "Hi, how could I reset my password?", key=OTHER)) == "semantic"


def test_nobody_lowers_the_threshold(gateway, place):
    ask(gateway, place, ASKED)
    names = ("threshold", "cache-threshold", "cache-semantic", "similarity", "cache-similarity")
    spoofed = {f"x-modelway-{name}": "0" for name in names}
    fields = ({}, {"metadata": {"threshold": "0"}}, {"threshold": 0}, {"cache": {"threshold": 0}})
    for other in NEAR_MISSES:
        for more in fields:
            answer = ask(gateway, place, other, headers=spoofed, **more)
            assert answer.headers.get("x-modelway-cache") != "semantic"


def test_no_option_has_to_do_with_how_near_it_must_be():
    about = {name for name in Options.__struct_fields__ if "cache" in name}
    assert about == {"cache", "cache_life_s", "cache_max_age_s"}


def test_conversations_tools_and_pictures_are_asked(gateway, place, asked):
    before = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hi."}]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    for more in ({"before": before}, {"tools": [tool]}):
        for text in (ASKED, AGAIN):
            assert found(ask(gateway, place, text, **more)) == ""
    for text in (ASKED, AGAIN):
        assert found(ask(gateway, place, [{"type": "text", "text": text}, picture])) == ""
    assert asked() == 6


def test_each_call_says_whether_it_may(gateway, place, asked):
    ask(gateway, place, ASKED)
    assert found(ask(gateway, place, AGAIN, headers={"x-modelway-cache": "off"})) == ""
    assert found(ask(gateway, place, AGAIN, headers={"cache-control": "no-cache"})) == ""
    assert found(ask(gateway, place, AGAIN, headers={"x-modelway-cache": "only"})) != ""
    other = ask(gateway, place, NEAR_MISSES[0], headers={"x-modelway-cache": "only"})
    assert other.status_code == 404
    assert asked() == 3


def test_a_question_that_gets_no_vector_is_asked(gateway, place, asked):
    """The engine reads 512 tokens at once, and answers 500 for more."""
    assert found(ask(gateway, place, "a" * 900)) == ""
    ask(gateway, place, ASKED)
    assert found(ask(gateway, place, AGAIN)) == "semantic", "the next one gets its own"
    assert asked() == 2


async def test_programs_are_answered_too_and_vectors_may_be_away(simulator, embedding_url, asked):
    config = configured(simulator, embedding_url)
    async with modelway.Client(config, environment={}) as client:
        first = await client.chat(ASKED, model="sim-a/any")
        await asyncio.sleep(0)
        second = await client.chat(AGAIN, model="sim-a/any")
        assert (second.text, asked()) == (first.text, 1)
        assert (await client.stream("Hello! " + AGAIN, model="sim-a/any").collect()).text
    config["providers"]["house"]["base_url"] = "http://127.0.0.1:9/v1"
    async with modelway.Client(config, environment={}) as client:
        before = asked()
        for text in (ASKED, AGAIN):
            assert (await client.chat(text, model="sim-a/any")).text
        assert asked() == before + 2
