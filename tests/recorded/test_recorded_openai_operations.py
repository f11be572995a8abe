"""Recorded embeddings, text completions and models of OpenAI's API, by whichever host."""

from __future__ import annotations

import base64
import json
import struct

import pytest

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.errors import BadRequestError, ResponseError
from modelway.fold import fold, unfold
from modelway.framing.fields import split
from modelway.framing.sse import Events
from support import corpus
from support.checks import Skipped, check_all, same
from support.essence import answer, usage

OPENAI = dialect("openai-chat")

NOT_FLOAT32 = {"perplexity": "vectors of 8-bit integers, in base64"}


def asked(exchanges, operation, *, stream=None):
    return [
        one
        for one in exchanges
        if one.dialect == "openai-chat"
        and one.operation == operation
        and one.status < 400
        and stream in (None, one.stream)
    ]


def floats(told):
    if isinstance(told, list):
        return told
    data = base64.b64decode(told)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def test_every_vector_decodes(exchanges):
    def check(one):
        codec = OPENAI.upstream["embed"]
        if one.provider in NOT_FLOAT32:
            with pytest.raises(ResponseError, match="32-bit"):
                codec.decode(one.body)
            return
        got, said = codec.decode(one.body), one.json
        same(
            [list(vector) for vector in got.vectors], [floats(v["embedding"]) for v in said["data"]]
        )
        same(got.model, said["model"])
        same(got.usage.raw, said["usage"])
        same(got.usage.input_tokens, said["usage"]["prompt_tokens"])
        same(codec.usage(one.body), got.usage)

    check_all("law 5, embeddings", asked(exchanges, "embed"), check, at_least=50)


def test_vectors_written_for_a_client_are_read_back(exchanges):
    def check(one):
        if one.provider in NOT_FLOAT32:
            raise Skipped
        got = OPENAI.upstream["embed"].decode(one.body)
        face = OPENAI.downstream["embed"]
        same(OPENAI.upstream["embed"].decode(face.encode(got)).vectors, got.vectors)
        packed = face.answer(got, split(b'{"encoding_format":"base64"}'))
        again = OPENAI.upstream["embed"].decode(packed)
        for mine, theirs in zip(again.vectors, got.vectors, strict=True):
            same(mine, struct.unpack(f"{len(theirs)}f", struct.pack(f"{len(theirs)}f", *theirs)))

    check_all("law 2, embeddings", asked(exchanges, "embed"), check, at_least=50)


def test_questions_of_embedding_survive(exchanges):
    def check(one):
        if one.request is None:
            raise Skipped
        body = {"model": "m", **one.request}
        request = OPENAI.downstream["embed"].decode(split(json.dumps(body).encode()))
        written = OPENAI.upstream["embed"].encode(request, Target(model=body["model"]), False)
        got = json.loads(written.body)
        if isinstance(body["input"], str) or isinstance(body["input"][0], int):
            body["input"] = [body["input"]]
        same(got, body)
        same(written.warnings, ())
        spliced = OPENAI.splice(split(json.dumps(body).encode()), Target(model="x"), "embed").body
        same(json.loads(spliced), {**body, "model": "x"})

    check_all("law 1, embeddings", asked(exchanges, "embed"), check, at_least=50)


def without_nulls(body):
    return {name: value for name, value in body.items() if value is not None}


def canonical(body):
    body = without_nulls(body)
    body.pop("stream_options", None)
    if body.get("stream") is False:
        body.pop("stream")
    if isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]
    match body["prompt"]:
        case [str(one)]:
            body["prompt"] = one
    return body


def test_questions_of_completion_survive(exchanges):
    def check(one):
        if one.request is None:
            raise Skipped
        request = OPENAI.downstream["complete"].decode(split(json.dumps(one.request).encode()))
        target = Target(model=one.request["model"], quirks=Quirks())
        written = OPENAI.upstream["complete"].encode(
            request, target, bool(one.request.get("stream"))
        )
        same(canonical(json.loads(written.body)), canonical(one.request))
        same(written.warnings, ())

    check_all("law 1, completions", asked(exchanges, "complete"), check, at_least=20)


def test_every_completion_decodes_and_reaches_a_client(exchanges):
    def check(one):
        codec, face = OPENAI.upstream["complete"], OPENAI.downstream["complete"]
        got, said = codec.decode(one.body), one.json
        texts = [choice["text"] for choice in answer(got)]
        same(texts, [choice["text"] for choice in said["choices"]])
        same(got.usage.raw, said["usage"])
        same(got.id, said["id"])
        for theirs, mine in zip(said["choices"], got.choices, strict=True):
            tokens = (theirs.get("logprobs") or {}).get("tokens") or []
            same([token.token for token in mine.logprobs], tokens)
        again = codec.decode(face.encode(got))
        same(answer(again), answer(got))
        same(usage(again.usage), usage(got.usage))
        same([c.logprobs for c in again.choices], [c.logprobs for c in got.choices])
        encoder = face.encoder(split(b'{"stream":true,"stream_options":{"include_usage":true}}'))
        sent = b"".join([encoder.feed([event]) for event in unfold(got)]) + encoder.close()
        decoder = codec.decoder()
        streamed = fold([*decoder.feed(sent), *decoder.close()])
        assert decoder.error is None
        same(answer(streamed), answer(got))
        same([c.logprobs for c in streamed.choices], [c.logprobs for c in got.choices])
        same(usage(streamed.usage), usage(got.usage))

    check_all("law 5, completions", asked(exchanges, "complete", stream=False), check, at_least=15)


@pytest.mark.parametrize("chunking", corpus.CHUNKINGS)
def test_every_stream_of_completion_decodes_and_is_relayed(exchanges, chunking):
    def check(one):
        codec = OPENAI.upstream["complete"]
        pieces = corpus.pieces(one.body, chunking, one.id)
        decoder, relay = codec.decoder(), codec.relay(False)
        events, out = [], b""
        for piece in pieces:
            events += decoder.feed(piece)
            out += relay.feed(piece)
        events += decoder.close()
        out += relay.close()
        assert decoder.error is None
        assert relay.error is None
        same(out, one.body)
        expected, framing = {}, Events()
        for event in [*framing.feed(one.body), *framing.close()]:
            if event.data != b"[DONE]":
                for choice in json.loads(event.data)["choices"]:
                    number = choice["index"]
                    expected[number] = expected.get(number, "") + choice["text"]
        got = fold(events)
        same([c["text"] for c in answer(got)], [text for _, text in sorted(expected.items())])
        same(relay.received_chars, sum(map(len, expected.values())))

    streams = asked(exchanges, "complete", stream=True)
    check_all(f"law 3, completions, {chunking}", streams, check, at_least=5)


def test_every_model_decodes(exchanges):
    def check(one):
        got = OPENAI.upstream["model"].decode(one.body)
        same((got.id, got.owner), (one.json["id"], one.json["owned_by"]))
        same(json.loads(OPENAI.downstream["model"].encode(got))["id"], got.id)

    check_all("law 5, models", asked(exchanges, "model"), check, at_least=2)


def test_an_empty_prompt_is_refused():
    with pytest.raises(BadRequestError, match="prompt"):
        OPENAI.downstream["complete"].decode(split(b'{"model":"m","prompt":""}'))
