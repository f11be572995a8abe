"""Recorded traffic of Ollama's own API: answers, streams, questions, vectors and models."""

from __future__ import annotations

import json
import lzma
import random
from functools import cache
from typing import Any

import pytest

from modelway.call import Target
from modelway.dialects import dialect
from modelway.errors import LLMError
from modelway.fold import fold
from modelway.framing.fields import split
from modelway.testing.contracts import counted
from modelway.types import Reasoning, Text, ToolCall, Usage
from support import corpus, read
from support.checks import same
from support.essence import answer, usage

OLLAMA = dialect("ollama")
FINISH = {"stop": "stop", "length": "length", "custom": "other"}
OTHERS = ("openai-chat", "anthropic-messages", "openai-responses", "gemini", "bedrock-converse")


@cache
def records() -> tuple[dict[str, Any], ...]:
    if not corpus.PATH.exists():
        return ()
    with lzma.open(corpus.PATH) as lines:
        found = [json.loads(line) for line in lines if b'"ollama"' in line]
    return tuple([one for one in found if one["provider"] == "ollama"])


@pytest.fixture(scope="module")
def recorded():
    if not records():
        pytest.skip(f"no recorded traffic at {corpus.PATH.name} beside the repository")

    def found(path, kind="json"):
        return [
            one
            for one in records()
            if one["request"]["path"] == path and one["response"]["kind"] == kind
        ]

    return found


def body_of(record):
    return record["response"]["body_text"].encode()


def said(lines):
    """What an answer's lines say, read here apart from the dialect."""
    messages = [line.get("message") or {"content": line.get("response")} for line in lines]
    calls = [call["function"] for one in messages for call in one.get("tool_calls") or ()]
    finish = FINISH[lines[-1]["done_reason"]]
    return {
        "text": "".join([one.get("content") or "" for one in messages]),
        "reasoning": "".join([one.get("thinking") or "" for one in messages]),
        "calls": [(call["name"], call["arguments"]) for call in calls],
        "finish": "tool_calls" if calls and finish == "stop" else finish,
    }


def got(response):
    parts = response.message.parts
    return {
        "text": "".join([part.text for part in parts if isinstance(part, Text)]),
        "reasoning": "".join([part.text for part in parts if isinstance(part, Reasoning)]),
        "calls": [
            (part.name, json.loads(part.arguments)) for part in parts if isinstance(part, ToolCall)
        ],
        "finish": response.finish_reason,
    }


def check_usage(usage, last):
    raw = {n: value for n, value in last.items() if n.endswith(("_count", "_duration"))}
    same(usage.raw, raw)
    same(usage.input_tokens, last.get("prompt_eval_count"))
    same(usage.output_tokens, last.get("eval_count"))


def test_whole_answers(recorded):
    found = recorded("/api/chat") + recorded("/api/generate")
    assert len(found) > 25
    for one in found:
        operation = "chat" if one["request"]["path"] == "/api/chat" else "complete"
        codec, body = OLLAMA.upstream[operation], body_of(one)
        response = codec.decode(body)
        told = json.loads(body)
        same(got(response), said([told]), one["id"])
        same((response.model, response.created is not None), (told["model"], True))
        check_usage(response.usage, told)
        same(counted(codec.usage(body)), counted(response.usage))
        again = codec.decode(OLLAMA.downstream[operation].encode(response))
        same(answer(again), answer(response), one["id"])
        same(usage(again.usage), usage(response.usage))
        ids = [call.id for call in response.tool_calls]
        assert len(set(ids)) == len(ids)
        assert all(ids)


@pytest.mark.parametrize("chunking", corpus.CHUNKINGS)
def test_streams(recorded, chunking):
    found = recorded("/api/chat", "ndjson") + recorded("/api/generate", "ndjson")
    assert len(found) > 20
    for one in found:
        stream = body_of(one)
        pieces = corpus.pieces(stream, chunking, one["id"])
        response = read.folded("ollama", pieces)
        lines = [json.loads(line) for line in stream.splitlines() if line]
        same(got(response), said(lines), one["id"])
        check_usage(response.usage, lines[-1])
        out, relay = read.relayed("ollama", pieces)
        same((out, relay.error, relay.finish), (stream, None, response.finish_reason), one["id"])
        same(relay.usage or Usage(), response.usage)
        assert relay.received_chars >= len(response.text)


def test_a_truncated_stream_is_an_error(recorded):
    for one in recorded("/api/chat", "ndjson"):
        stream = body_of(one).rstrip()
        chance = random.Random(one["id"])
        for point in {0, 1, len(stream) - 1, *[chance.randrange(len(stream)) for _ in range(8)]}:
            events, error = read.decode_stream("ollama", [stream[:point]])
            assert isinstance(error, LLMError), f"{one['id']} cut at {point}"
            out, relay = read.relayed("ollama", [stream[:point]])
            assert isinstance(relay.error, LLMError)
            assert body_of(one).startswith(out)
            assert (
                got(fold(events))["text"]
                in said([json.loads(line) for line in stream.splitlines()])["text"]
            )


@pytest.mark.parametrize("client", OTHERS)
def test_answers_reach_any_client(recorded, client):
    for one in recorded("/api/chat") + recorded("/api/chat", "ndjson"):
        if one["response"]["kind"] == "json":
            response = read.decode_whole("ollama", body_of(one))
            again = read.decode_whole(client, read.to_client(client, response))
        else:
            events, error = read.decode_stream("ollama", [body_of(one)])
            assert error is None
            response = fold(events)
            sent = read.stream_to_client(client, [[event] for event in events])
            again = read.folded(client, [sent])
        mine, theirs = got(again), got(response)
        if theirs["finish"] == "other":
            mine["finish"] = "other"
        same(mine, theirs, one["id"])
        for name in ("input_tokens", "output_tokens"):
            same(getattr(again.usage, name) or 0, getattr(response.usage, name) or 0)


def canonical(body):
    """The body without differences that mean nothing."""
    body = json.loads(json.dumps(body))
    body.setdefault("stream", True)
    body["options"] = {k: v for k, v in (body.get("options") or {}).items() if v is not None}
    if body.get("format") == "":
        del body["format"]
    if isinstance(body.get("format"), dict):
        body["format"].pop("$schema", None)  # only names the draft
    for message in body.get("messages", ()):
        message.pop("tool_call_id", None)  # the servers that these were sent to had no ids
        for name in ("thinking", "tool_calls"):
            if name in message and not message[name]:
                del message[name]
        for call in message.get("tool_calls") or ():
            call.pop("id", None)
            call["type"] = "function"
    return {
        name: value
        for name, value in body.items()
        if value not in (None, [], {})
        and not (name in ("system", "template") and value == "")
        and not (name == "raw" and value is False)
    }


def test_questions(recorded):
    found = [
        one
        for path in ("/api/chat", "/api/generate")
        for kind in ("json", "ndjson")
        for one in recorded(path, kind)
        if one["request"].get("json")
    ]
    assert len(found) > 30
    for one in found:
        operation = "chat" if one["request"]["path"] == "/api/chat" else "complete"
        asked = one["request"]["json"]
        fields = split(json.dumps(asked).encode())
        request = OLLAMA.downstream[operation].decode(fields)
        stream = asked.get("stream", True)
        written = OLLAMA.upstream[operation].encode(request, Target(model=asked["model"]), stream)
        same(canonical(json.loads(written.body)), canonical(asked), one["id"])
        same(written.warnings, (), one["id"])
        spliced = OLLAMA.splice(fields, Target(model="x"), operation).body
        same(json.loads(spliced), {**asked, "model": "x"})


def test_a_conversation_without_ids_gets_some_that_fit(recorded):
    """Results follow their calls in order."""
    for one in recorded("/api/chat") + recorded("/api/chat", "ndjson"):
        if not one["request"].get("json"):
            continue
        request = OLLAMA.downstream["chat"].decode(
            split(json.dumps(one["request"]["json"]).encode())
        )
        parts = [part for message in request.messages for part in message.parts]
        calls = [part for part in parts if isinstance(part, ToolCall)]
        results = [
            part for part in parts if not isinstance(part, ToolCall) and hasattr(part, "call_id")
        ]
        assert len({call.id for call in calls}) == len(calls)
        assert {result.call_id for result in results} <= {call.id for call in calls}
        assert all(result.name is None for result in results)


def test_vectors(recorded):
    found = recorded("/api/embed")
    assert len(found) == 3
    for one in found:
        told = json.loads(body_of(one))
        response = OLLAMA.upstream["embed"].decode(body_of(one))
        same([list(vector) for vector in response.vectors], told["embeddings"])
        same(response.model, told["model"])
        check_usage(response.usage, told)
        same(OLLAMA.upstream["embed"].usage(body_of(one)), response.usage)
        again = OLLAMA.upstream["embed"].decode(OLLAMA.downstream["embed"].encode(response))
        same(again.vectors, response.vectors)


def test_models(recorded):
    [one] = recorded("/api/tags")
    told = json.loads(body_of(one))["models"]
    models = OLLAMA.upstream["models"].decode(body_of(one))
    same([model.id for model in models], [each["name"] for each in told])
    same([model.size_bytes for model in models], [each["size"] for each in told])
    levels = [each["details"]["quantization_level"] for each in told]
    same([model.quantization for model in models], levels)
    assert all(model.created for model in models)
    again = OLLAMA.upstream["models"].decode(OLLAMA.downstream["models"].encode(models))
    same(again, models)
