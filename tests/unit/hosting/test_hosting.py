"""Hostings: a dialect's paths, bodies and frames, as a host wants them."""

from __future__ import annotations

import base64
import json

import pytest

from modelway import errors
from modelway.call import Target
from modelway.framing.eventstream import frame
from modelway.framing.sse import parse
from modelway.hosting import NAMES, hosting
from modelway.ports import Hosting
from support import read

VERTEX = {"project": "p-1", "location": "us-east5"}
BODY = b'{"model":"alias","max_tokens":9,"stream":true,"n":1.50,"big":12345678901234567890}'


@pytest.mark.parametrize("name", NAMES)
def test_every_hosting_loads(name):
    assert isinstance(hosting(name), Hosting)
    assert hosting(name) is hosting(name)


def test_an_unknown_hosting_is_a_fault_of_the_row():
    with pytest.raises(errors.ConfigError, match="azure-openai"):
        hosting("nowhere")


@pytest.mark.parametrize(
    ("name", "model", "operation", "stream", "own", "written"),
    [
        ("bedrock-invoke", "anthropic.claude-v1:0", "chat", False, "/messages", "/model/anthropic.claude-v1%3A0/invoke"),
        ("bedrock-invoke", "arn:a/b", "chat", True, "/messages", "/model/arn%3Aa%2Fb/invoke-with-response-stream"),
        ("vertex-anthropic", "claude@1", "chat", False, "/messages", "/projects/p-1/locations/us-east5/publishers/anthropic/models/claude@1:rawPredict"),
        ("vertex-anthropic", "claude@1", "chat", True, "/messages", "/projects/p-1/locations/us-east5/publishers/anthropic/models/claude@1:streamRawPredict"),
        ("vertex-anthropic", "claude@1", "count_tokens", False, "/messages/count_tokens", "/projects/p-1/locations/us-east5/publishers/anthropic/models/count-tokens:rawPredict"),
        ("vertex-gemini", "gemini-3", "chat", True, "/models/gemini-3:streamGenerateContent?alt=sse", "/projects/p-1/locations/us-east5/publishers/google/models/gemini-3:streamGenerateContent?alt=sse"),
        ("vertex-gemini", "endpoints/77", "chat", False, "/models/endpoints%2F77:generateContent", "/projects/p-1/locations/us-east5/endpoints/77:generateContent"),
        ("azure-openai", "my gpt", "chat", False, "/chat/completions", "/deployments/my%20gpt/chat/completions?api-version=2024-10-21"),
        ("azure-openai", "e", "embed", False, "/embeddings", "/deployments/e/embeddings?api-version=2024-10-21"),
    ],
)  # fmt: skip
def test_paths(name, model, operation, stream, own, written):
    target = Target(model=model, places={**VERTEX, "api_version": "2024-10-21"})
    assert hosting(name).path(own, operation, target, stream) == written


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", ["..", ".", "a/../../b", "a?b#c", "a;b"])
def test_no_model_leads_to_another_path(name, model):
    target = Target(model=model, places={**VERTEX, "api_version": "v"})
    try:
        path = hosting(name).path("/models/m:generateContent", "chat", target, False)
    except errors.BadRequestError:
        return
    steps = path.partition("?")[0].split("/")
    assert ".." not in steps
    assert "#" not in path
    assert path.count("?") == (name == "azure-openai")


@pytest.mark.parametrize("name", ["vertex-anthropic", "vertex-gemini", "azure-openai"])
def test_a_missing_place_is_named(name):
    with pytest.raises(errors.ConfigError, match=r"needs a (project|api_version)"):
        hosting(name).path("/models/m:x", "chat", Target(model="m"), False)


def test_bodies_keep_their_bytes():
    target, headers = Target(model="m"), ((b"anthropic-beta", b"a-1, b-2"),)
    assert hosting("bedrock-invoke").body(BODY, "chat", target, True, headers) == (
        b'{"max_tokens":9,"n":1.50,"big":12345678901234567890,'
        b'"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a-1","b-2"]}'
    )
    assert hosting("vertex-anthropic").body(BODY, "chat", target, True, headers) == (
        b'{"max_tokens":9,"stream":true,"n":1.50,"big":12345678901234567890,'
        b'"anthropic_version":"vertex-2023-10-16"}'
    )
    counted = hosting("vertex-anthropic").body(BODY, "count_tokens", target, False, ())
    assert counted.startswith(b'{"model":"alias"')
    assert hosting("azure-openai").body(BODY, "chat", target, True, headers) is BODY
    assert hosting("vertex-gemini").body(BODY, "chat", target, True, headers) is BODY


def test_what_a_client_says_of_its_version_and_betas_stays():
    body = b'{"anthropic_version":"bedrock-2030-01-01","anthropic_beta":["own"]}'
    headers = ((b"anthropic-beta", b"other"),)
    assert hosting("bedrock-invoke").body(body, "chat", Target(model="m"), False, headers) == body


def test_vertex_counts_the_question_itself():
    inner = b'{"model":"models/gemini-3","contents":[{"n":1.0}],"systemInstruction":{}}'
    counted = hosting("vertex-gemini").body(
        b'{"generateContentRequest":' + inner + b"}", "count_tokens", Target(model="m"), False, ()
    )
    assert counted == b'{"contents":[{"n":1.0}],"systemInstruction":{}}'


def test_what_each_host_has():
    has = hosting("bedrock-invoke").has
    assert has("chat", Target(model="us.anthropic.claude-v1:0"))
    assert not has("chat", Target(model="us.amazon.nova-lite-v1:0"))
    assert not has("count_tokens", Target(model="us.anthropic.claude-v1:0"))
    assert not hosting("vertex-anthropic").has("models", Target(model="m"))
    assert hosting("vertex-gemini").has("count_tokens", Target(model="m"))
    assert not hosting("azure-openai").has("models", Target(model="m"))


# ---------------------------------------------------------------- InvokeModel's frames


def chunk(event):
    data = base64.b64encode(json.dumps(event).encode()).decode()
    headers = {":event-type": "chunk", ":message-type": "event"}
    return frame(headers, json.dumps({"bytes": data, "p": "abcd"}).encode())


EVENTS = [
    {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 3}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "é\n"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3}},
]
STREAM = b"".join([chunk(event) for event in EVENTS])


def unframed(data, size=1):
    unframer = hosting("bedrock-invoke").unframer()
    pieces = [unframer.feed(data[at : at + size]) for at in range(0, len(data), size)]
    return b"".join([*pieces, unframer.close()])


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_frames_become_events(size):
    told = parse(unframed(STREAM, size))
    assert [event.name for event in told] == [event["type"] for event in EVENTS]
    assert [json.loads(event.data) for event in told] == EVENTS
    response = read.folded("anthropic-messages", [unframed(STREAM, size)])
    assert response.text == "é\n"
    assert response.usage.input_tokens == 3


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("throttlingException", errors.RateLimitError),
        ("validationException", errors.BadRequestError),
        ("modelTimeoutException", errors.APITimeoutError),
        ("modelStreamErrorException", errors.OverloadedError),
        ("internalServerException", errors.OverloadedError),
    ],
)
def test_exceptions_become_anthropics_errors(code, error):
    headers = {":exception-type": code, ":message-type": "exception"}
    broken = frame(headers, b'{"message":"What happened"}')
    for data in (broken, chunk(EVENTS[0]) + broken):
        _, told = read.decode_stream("anthropic-messages", [unframed(data)])
        assert type(told) is error
        assert "What happened" in told.message


@pytest.mark.parametrize(
    "data",
    [
        b"<html>502 Bad Gateway</html>",
        frame({":event-type": "chunk", ":message-type": "event"}, b"{}"),
        frame({":event-type": "chunk", ":message-type": "event"}, b'{"bytes":"!"}'),
        frame({":event-type": "chunk", ":message-type": "event"}, b'{"bytes":"e30="}'),
        STREAM[:50] + b"x" + STREAM[51:],
    ],
)
def test_damaged_frames_are_typed(data):
    with pytest.raises(errors.ResponseError):
        unframed(data, len(data))


def test_what_came_before_damage_is_given():
    unframer = hosting("bedrock-invoke").unframer()
    good = chunk(EVENTS[0])
    assert unframer.feed(good + b"\0" * 20)
    with pytest.raises(errors.ResponseError):
        unframer.feed(b"")


def test_a_cut_stream_is_interrupted():
    for cut in (len(STREAM) // 2, len(STREAM) - 3):
        _, told = read.decode_stream("anthropic-messages", [unframed(STREAM[:cut])])
        assert isinstance(told, errors.StreamInterruptedError)


def test_frames_of_other_kinds_say_nothing():
    other = frame({":event-type": "initial-response", ":message-type": "event"}, b"{}")
    assert unframed(other + STREAM) == unframed(STREAM)


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b'{"error":{"code":403,"message":"No.","status":"PERMISSION_DENIED"}}', errors.PermissionDeniedError, "PERMISSION_DENIED"),
        (b'[{"error":{"code":429,"message":"No.","status":"RESOURCE_EXHAUSTED"}}]', errors.RateLimitError, "RESOURCE_EXHAUSTED"),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"No."}}', errors.OverloadedError, "overloaded_error"),
        (b"<html>", errors.NotFoundError, None),
        (b"\xff" + b"[" * 100_000, errors.NotFoundError, None),
    ],
)  # fmt: skip
def test_vertex_refuses_claude_in_googles_words_or_anthropics(body, kind, code):
    error = hosting("vertex-anthropic").error(404, (), body)
    assert (type(error), error.code) == (kind, code)
