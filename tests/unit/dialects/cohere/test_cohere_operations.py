"""Cohere's embeddings, ranks and models, both ways."""

from __future__ import annotations

import base64
import json
import struct

import pytest

from modelway.call import Target
from modelway.dialects import dialect
from modelway.errors import BadRequestError, ResponseError, UnsupportedError
from modelway.framing.fields import split
from modelway.retrieval import EmbedRequest, EmbedResponse, Ranked, RerankRequest, RerankResponse
from modelway.types import Image, Inline, Remote, Stored, Usage

COHERE = dialect("cohere")
TARGET = Target(model="m")
PICTURE = Image(source=Inline(media_type="image/png", data="YWJj"))
URI = "data:image/png;base64,YWJj"


def embedded(**settings):
    settings.setdefault("inputs", ("a",))
    encoded = COHERE.upstream["embed"].encode(EmbedRequest(**settings), TARGET, False)
    return json.loads(encoded.body), [warning.setting for warning in encoded.warnings]


def asked(operation, **body):
    return COHERE.downstream[operation].decode(split(json.dumps(body).encode()))


def test_a_kind_of_input_is_required():
    body, told = embedded()
    assert body == {"model": "m", "texts": ["a"], "input_type": "search_document"}
    assert told == ["input_type"]
    assert embedded(input_type="search_query")[1] == []
    assert embedded(extra={"input_type": "classification"}) == (
        {"model": "m", "texts": ["a"], "input_type": "classification"},
        [],
    )
    body, told = embedded(input_type="similarity")
    assert (body["input_type"], told) == ("clustering", ["input_type"])


def test_settings_of_embedding():
    body, told = embedded(
        input_type="clustering", dimensions=256, truncate=False, encoding="float", user="u"
    )
    assert body == {
        "model": "m",
        "texts": ["a"],
        "input_type": "clustering",
        "embedding_types": ["float"],
        "truncate": "NONE",
        "output_dimension": 256,
    }
    assert told == ["user"]
    assert "embedding_types" not in embedded(input_type="clustering", encoding="base64")[0]


def test_images_alone_and_beside_texts():
    assert embedded(inputs=(PICTURE,)) == (
        {"model": "m", "images": [URI], "input_type": "image"},
        [],
    )
    far = Image(source=Remote(url="https://x.org/a.png"))
    body, _ = embedded(inputs=("a", PICTURE, far), input_type="search_query")
    assert [one["content"][0]["type"] for one in body["inputs"]] == [
        "text",
        "image_url",
        "image_url",
    ]
    assert asked("embed", **body).inputs == ("a", PICTURE, far)
    assert asked("embed", model="m", images=[URI], input_type="image").inputs == (PICTURE,)


@pytest.mark.parametrize("one", [(1, 2), Image(source=Stored(id="f"))])
def test_what_cannot_be_embedded_is_refused(one):
    with pytest.raises(UnsupportedError, match="embeds no"):
        embedded(inputs=(one,))


@pytest.mark.parametrize(
    "settings",
    [
        {"input_type": "search_query"},
        {"input_type": "clustering", "dimensions": 5, "truncate": True, "encoding": "float"},
        {"input_type": "search_query", "extra": {"priority": 3}, "extra_dialect": "cohere"},
    ],
)
def test_a_question_of_embedding_survives(settings):
    request = EmbedRequest(model="m", inputs=("a", "b"), **settings)
    encoded = COHERE.upstream["embed"].encode(request, TARGET, False)
    assert (COHERE.downstream["embed"].decode(split(encoded.body)), encoded.warnings) == (
        request,
        (),
    )


def test_forms_that_are_not_modelled_go_on():
    request = asked("embed", model="m", texts=["a"], embedding_types=["int8"], truncate="START")
    assert request.extra == {"embedding_types": ["int8"], "truncate": "START"}


def test_nothing_to_embed():
    with pytest.raises(BadRequestError, match="texts"):
        asked("embed", model="m")
    with pytest.raises(BadRequestError):
        embedded(inputs=())


FLOATS = struct.pack("<2f", 0.5, -0.25)


@pytest.mark.parametrize(
    ("vectors", "wanted"),
    [
        ({"float": [[0.5, -0.25]], "int8": [[1, 2]]}, ((0.5, -0.25),)),
        ({"base64": [base64.b64encode(FLOATS).decode()]}, ((0.5, -0.25),)),
        ({"int8": [[-128, 127]]}, ((-128.0, 127.0),)),
        ([[0.5]], ((0.5,),)),
    ],
)
def test_any_form_of_vector_is_read(vectors, wanted):
    body = json.dumps({"id": "x", "embeddings": vectors}).encode()
    assert COHERE.upstream["embed"].decode(body).vectors == wanted


@pytest.mark.parametrize(
    "vectors", [{}, {"float": "x"}, {"base64": ["!"]}, {"base64": ["AADAfw=="]}, 3]
)
def test_what_is_no_vector_is_an_error(vectors):
    with pytest.raises(ResponseError):
        COHERE.upstream["embed"].decode(json.dumps({"embeddings": vectors}).encode())


def test_tokens_of_images_are_billed_too():
    meta = {"billed_units": {"input_tokens": 3, "image_tokens": 4}}
    body = json.dumps({"embeddings": {"float": []}, "meta": meta}).encode()
    assert COHERE.upstream["embed"].usage(body) == Usage(input_tokens=7, raw=meta)


def test_vectors_as_a_client_asked():
    face = COHERE.downstream["embed"]
    response = EmbedResponse(id="i", vectors=((0.5, -0.25),), usage=Usage(input_tokens=3))
    for kinds, keys in (
        (["float"], {"float"}),
        (["base64"], {"base64"}),
        (["float", "base64"], {"float", "base64"}),
        (["int8"], {"float"}),
    ):
        fields = split(json.dumps({"texts": ["a"], "embedding_types": kinds}).encode())
        told = json.loads(face.answer(response, fields))
        assert told["embeddings"].keys() == keys
        assert (told["texts"], told["meta"]["billed_units"]) == (["a"], {"input_tokens": 3})
    assert COHERE.upstream["embed"].decode(face.encode(response)).vectors == response.vectors


def test_ranking():
    request = RerankRequest(
        model="m", query="q", documents=("a", {"text": "b"}, {"title": "c"}), top_n=2
    )
    encoded = COHERE.upstream["rerank"].encode(request, TARGET, False)
    assert json.loads(encoded.body) == {
        "model": "m",
        "query": "q",
        "documents": ["a", "b", '{"title":"c"}'],
        "top_n": 2,
    }
    assert [warning.setting for warning in encoded.warnings] == ["documents"]
    with pytest.raises(BadRequestError):
        COHERE.upstream["rerank"].encode(RerankRequest(query="q", documents=()), TARGET, False)


def test_a_question_of_ranking_survives():
    request = RerankRequest(
        model="m",
        query="q",
        documents=("a", "b"),
        max_tokens_per_document=9,
        extra={"priority": 1},
        extra_dialect="cohere",
    )
    encoded = COHERE.upstream["rerank"].encode(request, TARGET, False)
    assert COHERE.downstream["rerank"].decode(split(encoded.body)) == request
    for missing in ("query", "documents"):
        body = {"model": "m", "query": "q", "documents": ["a"]}
        del body[missing]
        with pytest.raises(BadRequestError) as caught:
            asked("rerank", **body)
        assert caught.value.param == missing


def test_ranks_both_ways():
    response = RerankResponse(
        id="i",
        results=(Ranked(index=1, score=0.5, document="b"), Ranked(index=0, score=0.25)),
        usage=Usage(search_units=1),
    )
    got = COHERE.upstream["rerank"].decode(COHERE.downstream["rerank"].encode(response))
    assert (got.id, got.results, got.usage.search_units) == ("i", response.results, 1)
    with pytest.raises(ResponseError):
        COHERE.upstream["rerank"].decode(b'{"message":"no"}')


def test_models():
    body = b'{"models":[{"name":"command-a","context_length":256000.0},{"name":"x"}]}'
    found = COHERE.upstream["models"].decode(body)
    assert [(one.id, one.context_tokens) for one in found] == [("command-a", 256000), ("x", None)]
    path = COHERE.upstream["model"].path
    assert path("command a/b", False) == "/v1/models/command%20a%2Fb"
    with pytest.raises(BadRequestError):
        path("..", False)
