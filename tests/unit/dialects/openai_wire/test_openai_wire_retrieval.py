"""Embeddings, reranking and single models over OpenAI's API, both ways."""

from __future__ import annotations

import base64
import json
import struct

import pytest

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.errors import BadRequestError, RateLimitError, ResponseError, UnsupportedError
from modelway.framing.fields import split
from modelway.retrieval import EmbedRequest, EmbedResponse, Ranked, RerankRequest, RerankResponse
from modelway.types import Image, ModelListing, Remote, Usage

OPENAI = dialect("openai-chat")
EMBED, EMBED_FACE = OPENAI.upstream["embed"], OPENAI.downstream["embed"]
RERANK, RERANK_FACE = OPENAI.upstream["rerank"], OPENAI.downstream["rerank"]
PLAIN = Target(model="m")


def encoded(codec, request, target=PLAIN):
    made = codec.encode(request, target, False)
    return json.loads(made.body), [warning.setting for warning in made.warnings]


def asked(face, **body):
    return face.decode(split(json.dumps({"model": "m", **body}).encode()))


# ---------------------------------------------------------------- embeddings


def test_a_question_of_texts_and_of_token_ids():
    request = EmbedRequest(inputs=("a", "b"), dimensions=8, encoding="base64", user="u")
    assert encoded(EMBED, request) == (
        {
            "model": "m",
            "input": ["a", "b"],
            "dimensions": 8,
            "encoding_format": "base64",
            "user": "u",
        },
        [],
    )
    assert encoded(EMBED, EmbedRequest(inputs=((1, 2),)))[0]["input"] == [[1, 2]]


def test_mistral_has_its_own_word_for_dimensions():
    target = Target(model="m", quirks=Quirks(rename={"dimensions": "output_dimension"}))
    body, _ = encoded(EMBED, EmbedRequest(inputs=("a",), dimensions=8), target)
    assert body == {"model": "m", "input": ["a"], "output_dimension": 8}


def test_what_openai_cannot_say_of_embedding():
    request = EmbedRequest(inputs=("a",), input_type="search_query", truncate=True)
    assert encoded(EMBED, request)[1] == ["input_type", "truncate"]
    with pytest.raises(UnsupportedError, match="images"):
        encoded(EMBED, EmbedRequest(inputs=(Image(source=Remote(url="https://x")),)))
    with pytest.raises(BadRequestError, match="all texts"):
        encoded(EMBED, EmbedRequest(inputs=("a", (1,))))
    with pytest.raises(BadRequestError, match="at least one"):
        encoded(EMBED, EmbedRequest(inputs=()))


@pytest.mark.parametrize(
    ("told", "inputs"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1], [2, 3]], ((1,), (2, 3))),
    ],
)
def test_each_form_of_input(told, inputs):
    assert asked(EMBED_FACE, input=told).inputs == inputs


@pytest.mark.parametrize("told", [[], None, 3, {}, [1, "a"], ["a", 1], [[]], [[-1]], [True]])
def test_an_input_of_no_form_is_refused(told):
    with pytest.raises(BadRequestError) as caught:
        asked(EMBED_FACE, input=told)
    assert caught.value.param.startswith("input")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "dimensions": "many"}, "dimensions"),
    ],
)
def test_a_fault_of_an_embedding_client_is_named(body, param):
    with pytest.raises(BadRequestError) as caught:
        asked(EMBED_FACE, **body)
    assert caught.value.param == param


def test_vectors_come_in_the_order_of_the_inputs():
    packed = base64.b64encode(struct.pack("<2f", 0.5, -1.0)).decode()
    body = {
        "data": [{"index": 1, "embedding": [1.0, 2.0]}, {"index": 0, "embedding": packed}],
        "model": "m",
        "usage": {"total_tokens": 4},
    }
    got = EMBED.decode(json.dumps(body).encode())
    assert got.vectors == ((0.5, -1.0), (1.0, 2.0))
    assert got.usage.input_tokens == 4, "a total alone is of the input"


@pytest.mark.parametrize(
    "vector", ["%%%", "AAA=", base64.b64encode(b"\x7f\x80\xff\x7f" * 4).decode(), ["a"], 3]
)
def test_a_vector_that_is_none_is_unreadable(vector):
    with pytest.raises(ResponseError):
        EMBED.decode(json.dumps({"data": [{"embedding": vector}]}).encode())


@pytest.mark.parametrize("codec", [EMBED, RERANK, OPENAI.upstream["model"]])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"no"', b'{"hello":1}', b"\xff"])
def test_what_is_no_answer_is_unreadable(codec, body):
    with pytest.raises(ResponseError):
        codec.decode(body)
    if codec.usage is not None:
        with pytest.raises(ResponseError):
            codec.usage(body)


@pytest.mark.parametrize("codec", [EMBED, RERANK, OPENAI.upstream["model"]])
def test_an_error_behind_a_200_is_an_error(codec):
    with pytest.raises(RateLimitError):
        codec.decode(b'{"error":{"code":"rate_limit_exceeded","message":"Wait."}}')


def test_a_client_gets_vectors_as_it_asked():
    response = EmbedResponse(
        model="m", vectors=((0.5, -1.0),), usage=Usage(input_tokens=3, reported_cost_usd=0.25)
    )
    plain = json.loads(EMBED_FACE.encode(response))
    assert plain == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
        "model": "m",
        "usage": {"prompt_tokens": 3, "total_tokens": 3, "cost": 0.25},
    }
    packed = json.loads(EMBED_FACE.answer(response, split(b'{"encoding_format":"base64"}')))
    data = base64.b64decode(packed["data"][0]["embedding"])
    assert struct.unpack("<2f", data) == (0.5, -1.0)
    assert json.loads(EMBED_FACE.answer(response, split(b'{"encoding_format":"float"}'))) == plain


# ---------------------------------------------------------------- reranking


def test_a_question_of_reranking_survives():
    request = RerankRequest(
        model="m",
        query="q",
        documents=("a", {"title": "b"}),
        top_n=1,
        return_documents=True,
        max_tokens_per_document=9,
        extra={"rank_fields": ["title"]},
        extra_dialect="openai-chat",
    )
    body, warned = encoded(RERANK, request)
    assert asked(RERANK_FACE, **body) == request
    assert warned == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"query": "q"}, "documents"),
        ({"query": 3, "documents": []}, "query"),
        ({"query": "q", "documents": [3]}, "documents"),
    ],
)
def test_a_fault_of_a_reranking_client_is_named(body, param):
    with pytest.raises(BadRequestError) as caught:
        asked(RERANK_FACE, **body)
    assert caught.value.param.startswith(param)


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        ({"usage": {"prompt_tokens": 5, "total_tokens": 5}}, Usage(input_tokens=5)),
        ({"usage": {"total_tokens": 5}}, Usage(input_tokens=5)),
        (
            {"meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 7}}},
            Usage(input_tokens=7, search_units=1),
        ),
        ({}, Usage()),
    ],
)
def test_usage_in_each_host_s_words(body, usage):
    told = json.dumps({"results": [], **body}).encode()
    got = RERANK.decode(told).usage
    assert (got.input_tokens, got.search_units) == (usage.input_tokens, usage.search_units)
    assert (RERANK.usage(told) or Usage()) == got
    for part in body.values():
        assert str(part)[1:-1] in str(got.raw), "nothing that it says is lost"


def test_documents_come_by_relevance():
    body = {
        "id": "r",
        "model": "m",
        "results": [
            {"index": 0, "relevance_score": 0.1, "document": {"text": "a"}},
            {"index": 1, "score": 0.9, "document": "b"},
            {"index": 2, "relevance_score": -4.5, "document": {"title": "c", "text": "d"}},
        ],
    }
    got = RERANK.decode(json.dumps(body).encode())
    assert got.results == (
        Ranked(index=1, score=0.9, document="b"),
        Ranked(index=0, score=0.1, document="a"),
        Ranked(index=2, score=-4.5, document={"title": "c", "text": "d"}),
    )
    assert RERANK.decode(RERANK_FACE.encode(got)).results == got.results
    voyage = {"data": [{"index": 0, "relevance_score": 1}]}
    assert RERANK.decode(json.dumps(voyage).encode()).results == (Ranked(index=0, score=1.0),)


def test_a_reranking_client_is_told_the_usage():
    usage = Usage(input_tokens=3, search_units=1)
    body = json.loads(RERANK_FACE.encode(RerankResponse(results=(), usage=usage)))
    assert body["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert body["meta"] == {"billed_units": {"search_units": 1}}


# ---------------------------------------------------------------- one model


def test_a_model_by_its_name():
    codec = OPENAI.upstream["model"]
    assert codec.path("org/model:free", False) == "/models/org/model:free"
    assert codec.path("a b?c#d", False) == "/models/a%20b%3Fc%23d"
    got = codec.decode(b'{"id":"m","object":"model","created":7,"owned_by":"o"}')
    assert got == ModelListing(id="m", created=7, owner="o")
    assert codec.decode(b'{"data":{"id":"m"}}') == ModelListing(id="m")
    assert json.loads(OPENAI.downstream["model"].encode(got)) == {
        "id": "m",
        "object": "model",
        "created": 7,
        "owned_by": "o",
    }


def test_bytes_that_are_passed_on():
    fields = split(b'{"model":"a","input":"x","new":1.50}')
    spliced = OPENAI.splice(fields, Target(model="b", body={"user": "u", "input": "no"}), "embed")
    assert spliced.body == b'{"model":"b","input":"x","new":1.50,"user":"u"}'
    assert OPENAI.splice(fields, PLAIN, "model").body == b""
