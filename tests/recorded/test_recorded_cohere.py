"""Recorded traffic of Cohere, version 2 of its API, and Replicate's predictions."""

from __future__ import annotations

import json
import lzma
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from modelway import errors
from modelway.call import Target
from modelway.catalog.load import provider as shipped_row
from modelway.catalog.priced import price
from modelway.catalog.pricing import Cost
from modelway.dialects import dialect
from modelway.fold import fold
from modelway.framing.fields import split
from modelway.types import ChatRequest, Message, Reasoning, Text, ToolCall
from support import corpus, read
from support.checks import same
from support.essence import answer

COHERE = dialect("cohere")
FINISHES = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
}
UNPUBLISHED = tuple([f"command-a-{kind}" for kind in ("plus", "reasoning", "vision")])
"""Models without a public price."""
DEPENDS = {"messages", "stream", "documents", "response_format"}
"""Fields that may be written in other words: one text as a string, what is empty or false not at all,
and a schema under its newer name."""


@cache
def records() -> tuple[dict[str, Any], ...]:
    if not corpus.PATH.exists():
        return ()
    with lzma.open(corpus.PATH) as lines:
        found = [json.loads(line) for line in lines]
    return tuple([one for one in found if one["provider"] in ("cohere", "replicate")])


@pytest.fixture(scope="module")
def recorded():
    if not records():
        pytest.skip(f"no recorded traffic at {corpus.PATH.name} beside the repository")

    def found(*apis, kind=None, provider="cohere"):
        return [
            one
            for one in records()
            if one["provider"] == provider
            and one["api"] in apis
            and kind in (None, one["response"]["kind"])
            and one["response"]["status"] < 300
        ]

    return found


def body_of(record):
    return record["response"]["body_text"].encode()


def said(message):
    """What a message says, read here apart from the dialect."""
    content = message.get("content") or ()
    return {
        "text": "".join([one["text"] for one in content if one["type"] == "text"]),
        "thinking": "".join([one["thinking"] for one in content if one["type"] == "thinking"]),
        "plan": message.get("tool_plan") or "",
        "calls": [
            (one["id"], one["function"]["name"], one["function"]["arguments"] or "{}")
            for one in message.get("tool_calls") or ()
        ],
        "citations": message.get("citations") or [],
    }


def got(message):
    thoughts = [part for part in message.parts if isinstance(part, Reasoning)]
    texts = [part for part in message.parts if isinstance(part, Text)]
    return {
        "text": "".join([part.text for part in texts]),
        "thinking": "".join([part.text for part in thoughts if part.format is None]),
        "plan": "".join([part.text for part in thoughts if part.format is not None]),
        "calls": [
            (part.id, part.name, part.arguments)
            for part in message.parts
            if isinstance(part, ToolCall)
        ],
        "citations": [one.raw for part in texts for one in part.citations],
    }


def check_usage(usage, told):
    same(usage.raw, told)
    billed, tokens = told["billed_units"], told["tokens"]
    same((usage.input_tokens, usage.output_tokens), tuple(billed.values()))
    same(usage.reasoning_tokens, tokens.get("reasoning_tokens"))
    apart = tokens["input_tokens"] != billed["input_tokens"]
    same(usage.cached_tokens, None if apart else told.get("cached_tokens"))


def test_whole_answers(recorded):
    found = recorded("v2_chat", kind="json")
    assert len(found) >= 45
    for one in found:
        body = body_of(one)
        answer, told = read.decode_whole("cohere", body), json.loads(body)
        same(got(answer.message), said(told["message"]), one["id"])
        same(answer.finish_reason, FINISHES[told["finish_reason"]])
        same((answer.id, answer.choices[0].raw_finish_reason), (told["id"], told["finish_reason"]))
        check_usage(answer.usage, told["usage"])
        same(COHERE.upstream["chat"].usage(body), answer.usage)
        again = read.decode_whole("cohere", read.to_client("cohere", answer))
        same(got(again.message), got(answer.message), one["id"])
        streamed = read.folded("cohere", [read.streamed("cohere", answer)])
        same(streamed.message, again.message, one["id"])


def stream_of(body):
    """A stream put together here apart from the dialect: a message, and how it ended."""
    message: dict[str, Any] = {"content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    end: dict[str, Any] = {}
    for line in body.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line.removeprefix("data: "))
        delta = event.get("delta", {}).get("message", {})
        match event["type"]:
            case "content-start":
                message["content"].append(dict(delta["content"]))
            case "content-delta":
                [[name, piece]] = delta["content"].items()
                message["content"][event["index"]][name] += piece
            case "tool-plan-delta":
                message["tool_plan"] += delta["tool_plan"]
            case "tool-call-start":
                message["tool_calls"].append(delta["tool_calls"])
            case "tool-call-delta":
                piece = delta["tool_calls"]["function"]["arguments"]
                message["tool_calls"][event["index"]]["function"]["arguments"] += piece
            case "citation-start":
                message["citations"].append(delta["citations"])
            case "message-end":
                end = event["delta"]
    return message, end


@pytest.mark.parametrize("chunking", corpus.CHUNKINGS)
def test_streams(recorded, chunking):
    found = recorded("v2_chat", kind="sse")
    assert len(found) >= 23
    for one in found:
        body = body_of(one)
        pieces = corpus.pieces(body, chunking, one["id"])
        answer = read.folded("cohere", pieces)
        message, end = stream_of(body)
        same(got(answer.message), said(message), one["id"])
        same(answer.finish_reason, FINISHES[end["finish_reason"]])
        check_usage(answer.usage, end["usage"])
        same(read.decode_stream("cohere", pieces), read.decode_stream("cohere", [body]))
        out, relay = read.relayed("cohere", pieces)
        # Recorders add line ends behind `[DONE]`, which is the end.
        same((out.rstrip(), relay.error), (body.rstrip(), None), one["id"])
        same((relay.usage, relay.finish), (answer.usage, answer.finish_reason))


def test_cut_streams_are_errors(recorded):
    for one in recorded("v2_chat", kind="sse"):
        body = body_of(one)
        end = body.index(b"message-end")
        for point in (0, len(body) // 3, end // 2, end - 7, end):
            events, error = read.decode_stream("cohere", [body[:point]])
            assert isinstance(error, errors.StreamInterruptedError), (one["id"], point)
            assert fold(events).finish_reason == "other"
            _, relay = read.relayed("cohere", [body[:point]])
            assert isinstance(relay.error, errors.StreamInterruptedError)


def test_questions_are_read_and_written_again(recorded):
    checked = 0
    for one in recorded("v2_chat"):
        asked = one["request"].get("json")
        if asked is None:
            continue
        face, codec = COHERE.downstream["chat"], COHERE.upstream["chat"]
        question = face.decode(split(json.dumps(asked).encode()))
        stream = bool(asked.get("stream"))
        encoded = codec.encode(question, Target(model=question.model), stream)
        same(encoded.warnings, (), one["id"])
        same(face.decode(split(encoded.body)), question, one["id"])
        told = json.loads(encoded.body)
        for name in (asked.keys() | told.keys()) - DEPENDS:
            same(told.get(name), asked.get(name), f"{one['id']} {name}")
        checked += 1
    assert checked >= 60


def test_refusals(recorded):
    found = {
        one["id"]: COHERE.error(one["response"]["status"], (), body_of(one))
        for one in records()
        if one["provider"] == "cohere" and one["response"]["status"] >= 400
    }
    kinds = {type(error) for error in found.values()}
    assert kinds == {errors.NotFoundError, errors.ContextLengthError}
    assert all(error.message and error.request_id for error in found.values())


def test_embeddings(recorded):
    found = recorded("v2_embed", "v1_embed")
    assert len(found) >= 20
    for one in found:
        body = body_of(one)
        answer, told = COHERE.upstream["embed"].decode(body), json.loads(body)
        vectors = told["embeddings"]
        vectors = vectors["float"] if isinstance(vectors, dict) else vectors
        same([list(vector) for vector in answer.vectors], vectors)
        same(answer.usage.raw, told["meta"])
        same(answer.usage.input_tokens, told["meta"]["billed_units"].get("input_tokens"))
        same(COHERE.upstream["embed"].usage(body), answer.usage)
        again = COHERE.upstream["embed"].decode(COHERE.downstream["embed"].encode(answer))
        same((again.id, again.vectors), (answer.id, answer.vectors))


@pytest.mark.parametrize(("api", "operation"), [("v2_embed", "embed"), ("rerank", "rerank")])
def test_other_questions_are_written_as_they_were(recorded, api, operation):
    for one in recorded(api):
        asked = one["request"].get("json")
        if asked is None:
            continue
        question = COHERE.downstream[operation].decode(split(json.dumps(asked).encode()))
        target = Target(model=question.model)
        encoded = COHERE.upstream[operation].encode(question, target, False)
        same(encoded.warnings, (), one["id"])
        told = {name: value for name, value in asked.items() if value is not None}
        same(json.loads(encoded.body), told, one["id"])


def test_ranks(recorded):
    found = recorded("rerank")
    assert len(found) >= 6
    for one in found:
        body = body_of(one)
        answer, told = COHERE.upstream["rerank"].decode(body), json.loads(body)
        ranks = [(each.index, each.score) for each in answer.results]
        same(ranks, [(each["index"], each["relevance_score"]) for each in told["results"]])
        same((answer.usage.search_units, answer.usage.raw), (1, told["meta"]))
        same(
            COHERE.upstream["rerank"].decode(COHERE.downstream["rerank"].encode(answer)).results,
            answer.results,
        )


def test_models(recorded):
    found = [COHERE.upstream["model"].decode(body_of(one)) for one in recorded("models")]
    assert [(one.id, one.context_tokens) for one in found] == [
        ("command-a-reasoning-08-2025", 288768),
        ("command-r", 128000),
    ]


CLIENTS = ("openai-chat", "openai-responses", "anthropic-messages", "gemini", "bedrock-converse")


@pytest.mark.parametrize("client", CLIENTS)
def test_answers_reach_any_client(recorded, client):
    for one in recorded("v2_chat"):
        body = body_of(one)
        if one["response"]["kind"] == "sse":
            events, _ = read.decode_stream("cohere", [body])
            response = fold(events)
            again = read.folded(client, [read.stream_to_client(client, [[e] for e in events])])
        else:
            response = read.decode_whole("cohere", body)
            again = read.decode_whole(client, read.to_client(client, response))
        [mine], [theirs] = answer(again), answer(response)
        for said_by in (mine, theirs):
            said_by.pop("reasoning")  # without a signature of its own, a client may not be shown it
        same(mine, theirs, one["id"])
        for name in ("input_tokens", "output_tokens"):
            same(getattr(again.usage, name), getattr(response.usage, name), one["id"])


def test_usage_has_a_price_where_one_is_published(recorded):
    row = shipped_row("cohere")
    priced = set()
    for one in recorded("v2_chat", kind="json"):
        model = (one["request"].get("json") or {}).get("model")
        if model is None or model.startswith(UNPUBLISHED):
            continue
        usage = read.decode_whole("cohere", body_of(one)).usage
        cost = price(usage, row, model, at=datetime(2026, 11, 21, tzinfo=UTC))
        assert isinstance(cost, Cost), (one["id"], model, cost)
        assert cost.notes == ()
        priced.add(model)
    assert len(priced) >= 2


def test_replicate_s_predictions(recorded):
    replicate = dialect("replicate")
    chat = replicate.upstream["chat"]
    found = recorded("predictions", provider="replicate")
    assert len(found) >= 8
    for one in found:
        body, told = body_of(one), json.loads(one["response"]["body_text"])
        assert told["status"] in ("starting", "processing")
        for stream in (False, True):
            step = chat.follow(body, stream)
            # The recorded streams were at another site, where no key of ours goes.
            same((step.url, step.stream), (told["urls"]["get"], False))
        with pytest.raises(errors.ResponseError, match="not over"):
            chat.decode(body)
        output = told.get("output") or []
        done = json.dumps({**told, "status": "succeeded"}).encode()
        same(chat.decode(done).text, "".join(output))
        same(chat.decode(done).created, int(one_time(told["created_at"])))


def one_time(text):
    return datetime.fromisoformat(text[:19] + "+00:00").timestamp()


def test_replicate_s_questions_and_refusals(recorded):
    replicate = dialect("replicate")
    chat = replicate.upstream["chat"]
    asked = [
        one
        for one in recorded("predictions", provider="replicate")
        if one["request"]["json"] and one["request"]["json"]["input"].keys() == {"prompt"}
    ]
    assert len(asked) >= 5
    for one in asked:
        told = one["request"]["json"]
        path = one["request"]["path"].removeprefix("/v1")
        model = told.get("version") or path.removeprefix("/models/").removesuffix("/predictions")
        question = ChatRequest(
            messages=(Message(role="user", parts=(Text(text=told["input"]["prompt"]),)),)
        )
        same(chat.path(model, False), path)
        encoded = chat.encode(question, Target(model=model), told.get("stream", False))
        same(json.loads(encoded.body), told)
    refused = [one for one in records() if one["response"]["status"] == 401]
    kinds = {type(replicate.error(401, (), body_of(one))) for one in refused}
    assert kinds == {errors.AuthenticationError}


def test_replicate_s_models(recorded):
    codec = dialect("replicate").upstream["model"]
    found = [
        codec.decode(body_of(one)).id
        for one in recorded("models", provider="replicate")
        if "/versions/" not in one["request"]["path"]
    ]
    assert sorted(found) == ["kvfrans/clipdraw", "meta/llama-2-70b-chat", "test/python-example"]
