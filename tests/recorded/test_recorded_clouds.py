"""Recorded traffic of clouds: Converse, and Anthropic inside Bedrock, Vertex and Azure."""

from __future__ import annotations

import base64
import datetime as dt
import json
import lzma
import re
from functools import cache
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from modelway import errors
from modelway.call import Target
from modelway.catalog.load import provider as shipped_row
from modelway.catalog.priced import price
from modelway.catalog.pricing import Unpriced
from modelway.dialects import carried, dialect
from modelway.fold import fold
from modelway.framing.eventstream import Frames
from modelway.framing.fields import split
from modelway.hosting import hosting
from modelway.types import Opaque, Reasoning, Text, ToolCall
from support import corpus, read
from support.checks import same

BEDROCK, ANTHROPIC = "bedrock-converse", "anthropic-messages"

OLDER_API = {"b896d698e3cb639b", "e9293236de501912"}
"""Claude by Text Completions, Anthropic's API before Messages."""

REFUSALS = {
    "UnrecognizedClientException": errors.AuthenticationError,
    "InvalidSignatureException": errors.AuthenticationError,
    "ExpiredTokenException": errors.AuthenticationError,
    "AccessDeniedException": errors.PermissionDeniedError,
    "ResourceNotFoundException": errors.NotFoundError,
    "ServiceUnavailableException": errors.OverloadedError,
    "ValidationException": errors.BadRequestError,
    None: errors.BadRequestError,  # recorded without its headers, all with status 400
}


@cache
def records() -> tuple[dict[str, Any], ...]:
    if not corpus.PATH.exists():
        return ()
    with lzma.open(corpus.PATH) as lines:
        found = [json.loads(line) for line in lines]
    return tuple([one for one in found if one["provider"] in ("bedrock", "vertex", "azure")])


@pytest.fixture(scope="module")
def recorded():
    if not records():
        pytest.skip(f"no recorded traffic at {corpus.PATH.name} beside the repository")

    def found(*apis, provider="bedrock", status=200):
        wanted = [one for one in records() if one["provider"] == provider and one["api"] in apis]
        if status is None:
            return [one for one in wanted if one["response"]["status"] != 200]
        return [one for one in wanted if one["response"]["status"] == status]

    return found


def body_of(record):
    response = record["response"]
    text = response.get("body_text")
    return base64.b64decode(response["body_base64"]) if text is None else text.encode()


def model_of(record):
    return unquote(record["request"]["path"].split("/")[2])


def expected(message):
    """What a Converse message says, read here apart from the dialect."""
    said = {"text": "", "reasoning": "", "calls": [], "opaque": 0}
    for block in message["content"]:
        if "text" in block:
            said["text"] += block["text"]
        elif "citationsContent" in block:
            said["text"] += "".join([one["text"] for one in block["citationsContent"]["content"]])
        elif "reasoningContent" in block:
            said["reasoning"] += block["reasoningContent"]["reasoningText"]["text"]
        elif "toolUse" in block and "type" not in block["toolUse"]:
            call = block["toolUse"]
            said["calls"].append((call["toolUseId"], call["name"], call["input"]))
        else:
            said["opaque"] += 1
    return said


def got(message):
    parts = message.parts
    return {
        "text": "".join([part.text for part in parts if isinstance(part, Text)]),
        "reasoning": "".join([part.text for part in parts if isinstance(part, Reasoning)]),
        "calls": [
            (part.id, part.name, json.loads(part.arguments or "{}"))
            for part in parts
            if isinstance(part, ToolCall)
        ],
        "opaque": len([part for part in parts if isinstance(part, Opaque)]),
    }


def check_usage(usage, said):
    cached, written = said.get("cacheReadInputTokens"), said.get("cacheWriteInputTokens")
    fresh = said.get("inputTokens")
    same(usage.raw, said)
    same(usage.output_tokens, said["outputTokens"])
    same((usage.cached_tokens, usage.cache_write_tokens), (cached, written))
    same(usage.input_tokens, None if fresh is None else fresh + (cached or 0) + (written or 0))
    if usage.input_tokens is not None:
        same(usage.input_tokens + usage.output_tokens, said["totalTokens"])


def test_whole_answers(recorded):
    found = recorded("converse")
    assert len(found) > 80
    for one in found:
        body = body_of(one)
        answer = read.decode_whole(BEDROCK, body)
        said = json.loads(body)
        same(got(answer.message), expected(said["output"]["message"]), one["id"])
        assert answer.choices[0].raw_finish_reason == said["stopReason"]
        assert answer.finish_reason != "other"
        check_usage(answer.usage, said["usage"])
        same(dialect(BEDROCK).upstream["chat"].usage(body), answer.usage)
        again = read.decode_whole(BEDROCK, read.to_client(BEDROCK, answer))
        parts = carried.restored(again.message.parts)  # unsigned thoughts are marked as such
        same(parts, answer.message.parts, one["id"])


@pytest.mark.parametrize("chunking", corpus.CHUNKINGS)
def test_streams(recorded, chunking):
    found = recorded("converse_stream")
    assert len(found) > 35
    for one in found:
        stream = body_of(one)
        pieces = corpus.pieces(stream, chunking, one["id"])
        response = read.folded(BEDROCK, pieces)
        text, usage, stop = "", None, None
        for frame in Frames().feed(stream):
            event = json.loads(frame.payload)
            text += event.get("delta", {}).get("text", "")
            usage, stop = event.get("usage", usage), event.get("stopReason", stop)
        same(got(response.message)["text"], text, one["id"])
        same(response.choices[0].raw_finish_reason, stop)
        check_usage(response.usage, usage)
        out, relay = read.relayed(BEDROCK, pieces)
        same(out, stream)
        assert relay.error is None
        same(relay.usage, response.usage)
        same(relay.finish, response.finish_reason)


def test_streams_written_again_say_the_same(recorded):
    for one in recorded("converse_stream"):
        events, error = read.decode_stream(BEDROCK, [body_of(one)])
        assert error is None
        again = read.stream_to_client(BEDROCK, [[event] for event in events])
        response = read.folded(BEDROCK, [again])
        parts = carried.restored(response.message.parts)
        same(parts, fold(events).message.parts, one["id"])
        same(response.finish_reason, fold(events).finish_reason)


def test_cut_streams_are_errors(recorded):
    for one in recorded("converse_stream"):
        stream = body_of(one)
        ends = [f.raw for f in Frames().feed(stream) if b'"stopReason"' in f.payload]
        before = stream.index(ends[0])
        for cut in (0, before // 3, before - 1, before, before + 5):
            events, error = read.decode_stream(BEDROCK, [stream[:cut]])
            assert isinstance(error, errors.StreamInterruptedError), (one["id"], cut)
            whole, _ = read.decode_stream(BEDROCK, [stream])
            same(events, whole[: len(events)])


def test_a_flipped_bit_is_an_error(recorded):
    for one in recorded("converse_stream")[:5]:
        stream = bytearray(body_of(one))
        stream[len(stream) // 2] ^= 4
        _, error = read.decode_stream(BEDROCK, [bytes(stream)])
        assert isinstance(error, errors.ResponseError)
        _, relay = read.relayed(BEDROCK, [bytes(stream)])
        assert isinstance(relay.error, errors.ResponseError)


def test_refusals(recorded):
    found = recorded(
        *("converse", "converse_stream", "count_tokens", "invoke", "invoke_with_response_stream"),
        status=None,
    )
    assert len(found) > 15
    for one in found:
        status = one["response"]["status"]
        headers = tuple(
            [(n.lower().encode(), v.encode()) for n, v in one["response"]["headers"].items()]
        )
        for refused in (dialect(BEDROCK).error, hosting("bedrock-invoke").error):
            error = refused(status, headers, body_of(one))
            assert type(error) is REFUSALS[error.code], (one["id"], error)
            assert error.status == status
            said = dict(headers)
            assert (error.code is None) == (b"x-amzn-errortype" not in said)
            assert error.request_id == (said.get(b"x-amzn-requestid", b"").decode() or None)


def test_token_counts(recorded):
    for one in recorded("count_tokens"):
        counted = dialect(BEDROCK).upstream["count_tokens"].decode(body_of(one))
        same(counted.input_tokens, json.loads(body_of(one))["inputTokens"])


def test_requests_are_read_and_written_again(recorded):
    """What is changed is changed to what means the same, or told."""
    for one in recorded("converse", "converse_stream"):
        asked = one["request"].get("json")
        if not asked:
            continue
        face, codec = dialect(BEDROCK).downstream["chat"], dialect(BEDROCK).upstream["chat"]
        request = face.decode(split(json.dumps(asked).encode()))
        encoded = codec.encode(request, Target(model=model_of(one)), False)
        if encoded.warnings:
            assert [w.message for w in encoded.warnings] == [
                "a second user message in a row is joined to the first"
            ], one["id"]
            continue
        same(canonical(json.loads(encoded.body)), canonical(asked), one["id"])


def canonical(value):
    """Without what says nothing; texts of documents as bytes, JSON of results as text, schemas read."""
    if isinstance(value, list):
        return [canonical(one) for one in value]
    if not isinstance(value, dict):
        return value
    value = {name: canonical(one) for name, one in value.items()}
    value = {name: one for name, one in value.items() if one not in ([], {}, None)}
    if value.keys() == {"text"} and isinstance(value["text"], str) and _json(value["text"]):
        return {"json": _json(value["text"])}
    if isinstance(value.get("schema"), str):
        value["schema"] = {**json.loads(value["schema"]), "additionalProperties": False}
    document = value.get("document")
    if document and "text" in document["source"]:
        text = document["source"]["text"]
        document["source"] = {"bytes": base64.b64encode(text.encode()).decode()}
    additional = value.get("additionalModelRequestFields", {})
    if "reasoning_config" in additional:  # its older name
        additional["thinking"] = additional.pop("reasoning_config")
    if "output_config" in additional:
        value["outputConfig"] = additional.pop("output_config")
    return value


def _json(text):
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def claude(found):
    return [
        one
        for one in found
        if "anthropic." in one["request"]["path"] and one["id"] not in OLDER_API
    ]


def test_claude_by_invoke(recorded):
    found = claude(recorded("invoke"))
    assert len(found) > 10
    for one in found:
        answer = read.decode_whole(ANTHROPIC, body_of(one))
        assert answer.message.parts
        same(answer.usage.raw, json.loads(body_of(one))["usage"])


@pytest.mark.parametrize("chunking", corpus.CHUNKINGS)
def test_claude_by_invoke_streamed(recorded, chunking):
    found = claude(recorded("invoke_with_response_stream"))
    assert len(found) > 7
    for one in found:
        stream = body_of(one)
        events = [
            json.loads(base64.b64decode(json.loads(frame.payload)["bytes"]))
            for frame in Frames().feed(stream)
        ]
        text = "".join([event.get("delta", {}).get("text", "") for event in events])
        unframer = hosting("bedrock-invoke").unframer()
        plain = [unframer.feed(piece) for piece in corpus.pieces(stream, chunking, one["id"])]
        plain.append(unframer.close())
        response = read.folded(ANTHROPIC, [piece for piece in plain if piece])
        same(got(response.message)["text"], text)
        assert response.finish_reason != "other"
        assert response.usage.output_tokens
        out, relay = read.relayed(ANTHROPIC, [piece for piece in plain if piece])
        same(out, b"".join(plain))
        assert relay.error is None
        same(relay.usage, response.usage)


CARRIED = (
    # provider, APIs, dialect, hosting, and what a client of the dialect would have sent more
    ("bedrock", ("invoke", "invoke_with_response_stream"), "bedrock-invoke"),
    ("vertex", ("anthropic_raw",), "vertex-anthropic"),
)


@pytest.mark.parametrize(("provider", "apis", "name"), CARRIED)
def test_requests_are_carried_as_recorded(recorded, provider, apis, name):
    """From the body that Anthropic takes to the one that was recorded, and to its path."""
    hosted, checked = hosting(name), 0
    for one in recorded(*apis, provider=provider):
        sent = one["request"].get("json")
        path = one["request"]["path"]
        if not sent or "anthropic" not in path or one["id"] in OLDER_API:
            continue
        model = unquote(path.rpartition("/models/")[2].partition(":")[0])
        model = model if provider == "vertex" else model_of(one)
        stream = "stream" in path
        whole = {"model": model, **{n: v for n, v in sent.items() if n != "anthropic_version"}}
        betas = whole.pop("anthropic_beta", None)
        headers = ((b"anthropic-beta", ",".join(betas).encode()),) if betas else ()
        places = {"project": "project-redacted", "location": _location(path)}
        target = Target(model=model, places=places)
        body = hosted.body(msgspec.json.encode(whole), "chat", target, stream, headers)
        same(msgspec.json.decode(body), sent, one["id"])
        written = hosted.path("/messages", "chat", target, stream)
        same(unquote(written), unquote(path.removeprefix("/v1")), one["id"])
        checked += 1
    assert checked > 10


def _location(path):
    return path.partition("/locations/")[2].partition("/")[0]


def test_gemini_is_carried_as_recorded(recorded):
    hosted, checked = hosting("vertex-gemini"), 0
    for one in recorded("generate", "stream_generate", "count_tokens", provider="vertex"):
        path = one["request"]["path"]
        where, _, call = path.partition("/publishers/google/models/")
        if "/projects/" not in where:
            continue  # by an API key alone
        model, _, verb = call.partition(":")
        places = {"project": "p", "location": "global"}
        operation = "count_tokens" if verb == "countTokens" else "chat"
        written = hosted.path(
            f"/models/{model}:{verb}?alt=sse", operation, Target(model=model, places=places), False
        )
        same(
            written,
            f"/projects/p/locations/global/publishers/google/models/{model}:{verb}?alt=sse",
        )
        checked += 1
    assert checked > 25


def test_azure_deployments_are_carried_as_recorded(recorded):
    hosted, checked = hosting("azure-openai"), 0
    for one in recorded("chat", "embeddings", provider="azure"):
        before, found, rest = one["request"]["path"].partition("/deployments/")
        if not found:
            continue
        model, _, path = rest.partition("/")
        target = Target(model=model, places={"api_version": "2024-10-21"})
        written = hosted.path(f"/{path}", "chat", target, False)
        same(written, f"/deployments/{model}/{path}?api-version=2024-10-21")
        assert before == "/openai"
        checked += 1
    assert checked > 30


@pytest.mark.parametrize("client", ["openai-chat", "openai-responses", "anthropic-messages"])
def test_answers_reach_other_clients(recorded, client):
    """Law 6: text, calls, finish and usage, whole and streamed."""
    for one in recorded("converse"):
        answer = read.decode_whole(BEDROCK, body_of(one))
        if answer.finish_reason == "error":
            continue  # no client's wire but Bedrock's has a word for it
        again = read.decode_whole(client, read.to_client(client, answer))
        check_same(again, answer, one["id"])
    for one in recorded("converse_stream"):
        events, _ = read.decode_stream(BEDROCK, [body_of(one)])
        again = read.folded(client, [read.stream_to_client(client, [[event] for event in events])])
        check_same(again, fold(events), one["id"])


UNPRICED = {
    "no longer sold, and in no source": r"^anthropic\.claude-v2 ",
    "made by hand: no model, or no input tokens": r"^unknown |did not say how many tokens it read",
    "no source has a price of Nova's cache writes": r"^us\.amazon\.nova-lite-.* of cache_write ",
}
"""Why usage has no price → model and what is told of it."""


def test_every_usage_has_a_price_or_a_reason(recorded):
    priced, row = 0, shipped_row("bedrock")
    for one in recorded("converse", "converse_stream"):
        if one["api"] == "converse":
            answer = read.decode_whole(BEDROCK, body_of(one))
        else:
            answer = read.folded(BEDROCK, [body_of(one)])
        at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        cost = price(answer.usage, row, model_of(one), at=at, answered_by="")
        if isinstance(cost, Unpriced):
            told = f"{model_of(one)} {cost.reason} "
            assert any(re.search(rule, told) for rule in UNPRICED.values()), (one["id"], told)
        else:
            priced += 1
    assert priced > 110


def check_same(again, answer, at):
    said, wanted = got(again.message), got(answer.message)
    assert said["text"] == wanted["text"], at
    assert said["calls"] == wanted["calls"], at
    finish = {"stop", "tool_calls"} if answer.message.parts else {answer.finish_reason}
    assert again.finish_reason in {answer.finish_reason, *finish}, at
    assert again.usage.output_tokens == answer.usage.output_tokens, at
    assert (again.usage.input_tokens or 0) == (answer.usage.input_tokens or 0), at
    assert (again.usage.cached_tokens or 0) == (answer.usage.cached_tokens or 0), at
