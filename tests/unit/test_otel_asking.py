"""What is read of a client's bytes and of a provider's answer, whichever dialect they are in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.call import Body, Call, Deployment, Reply, Target
from modelway.catalog.load import providers
from modelway.errors import BadRequestError
from modelway.framing.fields import split
from modelway.observe.otel.answering import Watch, answer_attributes
from modelway.observe.otel.asking import asked_attributes, span_name

ROW = providers()["openai"]
DEPLOYMENT = Deployment(
    id="a/b",
    provider=ROW,
    dialect="openai-chat",
    target=Target(model="b"),
    base_url=ROW.base_url,
)
R = "gen_ai.request."


def call(body, dialect="openai-chat", **more):
    whole = json.dumps(body).encode() if isinstance(body, dict) else body
    fields = split(whole)
    return Call(
        **{
            "id": "x",
            "model": "m",
            "body": Body(dialect=dialect, fields=fields, size_bytes=len(whole)),
            **more,
        }
    )


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (
            "openai-chat",
            {"max_completion_tokens": 9, "temperature": 1, "top_p": 0.5, "stop": "END"},
        ),
        ("openai-responses", {"max_output_tokens": 9, "temperature": 1, "top_p": 0.5}),
        (
            "anthropic-messages",
            {
                "max_tokens": 9,
                "temperature": 1,
                "top_p": 0.5,
                "top_k": 4,
                "stop_sequences": ["END"],
            },
        ),
        (
            "gemini",
            {
                "generationConfig": {
                    "maxOutputTokens": 9,
                    "temperature": 1,
                    "topP": 0.5,
                    "topK": 4,
                    "stopSequences": ["END"],
                    "candidateCount": 2,
                },
                "temperature": 7,
            },
        ),
        (
            "bedrock-converse",
            {"inferenceConfig": {"maxTokens": 9, "temperature": 1, "topP": 0.5}},
        ),
        (
            "ollama",
            {"options": {"num_predict": 9, "temperature": 1, "top_p": 0.5, "top_k": 4, "seed": 3}},
        ),
        ("cohere", {"max_tokens": 9, "temperature": 1, "p": 0.5, "k": 4}),
    ],
)
def test_settings_in_every_dialect(dialect, body):
    said = asked_attributes(call(body, dialect))
    assert said[R + "max_tokens"] == 9
    assert (said[R + "temperature"], said[R + "top_p"]) == (1.0, 0.5)
    assert said.get(R + "top_k", 4.0) == 4.0
    assert said.get(R + "stop_sequences", ["END"]) == ["END"]
    assert said.get(R + "choice.count", 2) == 2
    assert said.get(R + "seed", 3) == 3


@pytest.mark.parametrize(
    "body",
    [
        {"temperature": "hot", "max_tokens": None, "seed": 1.5, "stop": [1, 2], "n": {}},
        {"generationConfig": [], "options": 1, "inferenceConfig": "x"},
        {"seed": 10**30, "stop": ["x" * 10_000]},
        {"n": 1},
    ],
    ids=lambda body: str(body)[:40],
)
@pytest.mark.parametrize("dialect", ["openai-chat", "gemini", "ollama", "an-other"])
def test_what_makes_no_sense_is_not_said(body, dialect):
    assert asked_attributes(call(body, dialect)) == {}


@given(
    st.dictionaries(st.sampled_from(["n", "stop", "seed", "options"]), st.text() | st.integers())
)
def test_no_body_raises(body):
    asked_attributes(call(body, "ollama"))


def test_a_deeply_nested_setting_is_left_alone():
    nested = b'{"options":' + b'{"a":' * 400 + b"1" + b"}" * 400 + b"}"
    try:
        asked = call(nested, "ollama")
    except BadRequestError:
        return
    assert asked_attributes(asked) == {}


@pytest.mark.parametrize(
    ("operation", "model", "name"),
    [
        ("chat", "fast", "chat fast"),
        ("complete", "fast", "text_completion fast"),
        ("embed", "fast", "embeddings fast"),
        ("models", "openai/", "list_models"),
        ("pass", "openai/", "pass_through"),
        ("chat", "x" * 1000, "chat " + "x" * 256),
    ],
)
def test_names_of_spans(operation, model, name):
    assert span_name(Call(id="x", operation=operation, model=model)) == name


ANSWERS = {
    "openai-chat": (
        {"id": "r", "model": "m", "choices": [{"finish_reason": "stop"}, {"finish_reason": "x"}]},
        ["stop", "x"],
    ),
    "anthropic-messages": ({"id": "r", "model": "m", "stop_reason": "end_turn"}, ["end_turn"]),
    "gemini": (
        {"responseId": "r", "modelVersion": "m", "candidates": [{"finishReason": "STOP"}]},
        ["STOP"],
    ),
    "bedrock-converse": ({"stopReason": "end_turn"}, ["end_turn"]),
    "ollama": ({"model": "m", "done_reason": "stop"}, ["stop"]),
    "cohere": ({"id": "r", "finish_reason": "COMPLETE"}, ["COMPLETE"]),
    "openai-responses": ({"id": "r", "model": "m", "status": "completed"}, None),
}


@pytest.mark.parametrize("dialect", ANSWERS)
def test_whole_answers_in_every_dialect(dialect):
    body, reasons = ANSWERS[dialect]
    said = answer_attributes(Reply(deployment=DEPLOYMENT, body=json.dumps(body).encode()))
    assert said.get("gen_ai.response.id", "r") == "r"
    assert said.get("gen_ai.response.model", "m") == "m"
    assert said.get("gen_ai.response.finish_reasons") == reasons


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"id":5}', b"[" * 5000, b"x" * 10**6])
def test_an_answer_that_cannot_be_read_says_nothing(body):
    assert answer_attributes(Reply(deployment=DEPLOYMENT, body=body)) == {}


STREAMS = {
    "openai-chat": (
        [
            b'data: {"id":"r","model":"m","choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n',
            b'data: {"id":"r","model":"m","choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
            b"data: [DONE]\n\n",
        ],
        ["stop"],
    ),
    "anthropic-messages": (
        [
            b'data: {"type":"message_start","message":{"model":"m","id":"r","stop_reason":null}}\n\n',
            b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}\n\n',
            b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n',
            b'data: {"type":"message_stop"}\n\n',
        ],
        ["end_turn"],
    ),
    "gemini": (
        [
            b'data: {"candidates":[{}],"modelVersion": "m","responseId": "r"}\r\n\r\n',
            b'data: {"candidates":[{"finishReason": "STOP"}],"modelVersion": "m"}\r\n\r\n',
        ],
        ["STOP"],
    ),
    "ollama": (
        [b'{"model":"m","done":false}\n', b'{"model":"m","done_reason":"stop"}\n'],
        ["stop"],
    ),
}


@pytest.mark.parametrize("dialect", STREAMS)
@pytest.mark.parametrize("together", [False, True])
def test_relayed_streams_in_every_dialect(dialect, together):
    pieces, reasons = STREAMS[dialect]
    watch = Watch()
    for piece in [b"".join(pieces)] if together else pieces:
        watch.see(piece)
    said = watch.attributes()
    assert said.get("gen_ai.response.id", "r") == "r"
    assert said["gen_ai.response.model"] == "m"
    assert said["gen_ai.response.finish_reasons"] == reasons


def test_what_a_model_writes_is_not_taken_for_what_it_says_of_itself():
    written = '{"id":"evil","model":"evil","finish_reason":"evil"}'
    told = {"choices": [{"delta": {"content": written}}], "id": "r", "model": "m"}
    watch = Watch()
    for _ in range(3):
        watch.see(f"data: {json.dumps(told)}\n\n".encode())
    assert watch.attributes() == {"gen_ai.response.id": "r", "gen_ai.response.model": "m"}


def test_a_long_stream_is_not_kept():
    watch = Watch()
    for number in range(10_000):
        watch.see(b"%d" % number)
    assert len(watch._last) == 4
