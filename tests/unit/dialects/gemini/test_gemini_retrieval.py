"""Embeddings, token counts and models over Gemini's API."""

from __future__ import annotations

import json

import pytest

from modelway.call import Target
from modelway.dialects.gemini import DIALECT
from modelway.errors import BadRequestError, ResponseError, UnsupportedError
from modelway.framing.fields import split
from modelway.retrieval import EmbedRequest, EmbedResponse
from modelway.types import Image, Inline, ModelListing, Remote, TokenCount, Usage

EMBED, ASKED = DIALECT.upstream["embed"], DIALECT.downstream["embed"]
PIXEL = Image(source=Inline(media_type="image/png", data="aGk="))


def asked(**body):
    return ASKED.decode(split(json.dumps(body).encode()))


def test_a_batch_is_asked_for_and_comes_back_as_it_was():
    request = EmbedRequest(
        inputs=("a", "", PIXEL),
        dimensions=256,
        input_type="search_query",
        extra={"title": "t"},
        extra_dialect="gemini",
    )
    encoded = EMBED.encode(request, Target(model="gemini-embedding-001"), False)
    first, _, image = json.loads(encoded.body)["requests"]
    assert first == {
        "model": "models/gemini-embedding-001",
        "taskType": "RETRIEVAL_QUERY",
        "outputDimensionality": 256,
        "title": "t",
        "content": {"parts": [{"text": "a"}]},
    }
    assert image["content"]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]
    assert encoded.warnings == ()
    again = ASKED.decode(split(encoded.body))
    assert (again.inputs, again.dimensions, again.input_type, again.extra) == (
        request.inputs,
        256,
        "search_query",
        {"title": "t"},
    )


@pytest.mark.parametrize(
    "one", [(1, 2), Image(source=Remote(url="https://e.org/a"))], ids=["tokens", "address"]
)
def test_what_cannot_be_embedded_is_refused(one):
    with pytest.raises(UnsupportedError) as caught:
        EMBED.encode(EmbedRequest(inputs=("a", one)), Target(model="m"), False)
    assert caught.value.param == "inputs.1"


def test_one_content_is_one_input():
    request = asked(
        content={"parts": [{"text": "a"}, {"text": "b"}]}, taskType="QUESTION_ANSWERING"
    )
    assert request.inputs == ("ab",)
    assert request.extra == {"taskType": "QUESTION_ANSWERING"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, BadRequestError),
        ({"requests": []}, BadRequestError),
        ({"requests": [{}]}, BadRequestError),
        (
            {
                "requests": [
                    {"content": {"parts": [{"text": "a"}]}, "taskType": "CLUSTERING"},
                    {"content": {"parts": [{"text": "a"}]}},
                ]
            },
            BadRequestError,
        ),
        ({"content": {"parts": [{"text": "a"}, {"inlineData": {}}]}}, UnsupportedError),
        (
            {"content": {"parts": [{"inlineData": {"mimeType": "audio/wav", "data": ""}}]}},
            UnsupportedError,
        ),
    ],
)
def test_batches_that_cannot_be_read(body, kind):
    with pytest.raises(kind):
        asked(**body)


def test_vectors_in_either_form():
    one, two = (0.5, -1.0), (1.0, 2.0)
    for vectors in ((one,), (one, two), ()):
        body = ASKED.encode(EmbedResponse(vectors=vectors, usage=Usage(input_tokens=3)))
        got = EMBED.decode(body)
        assert (got.vectors, got.usage.input_tokens) == (vectors, 3)
    single = EMBED.decode(b'{"embedding":{"values":[0.5]}}')
    assert single.vectors == ((0.5,),)
    with pytest.raises(ResponseError):
        EMBED.decode(b"{}")


def test_counts():
    face, codec = DIALECT.downstream["count_tokens"], DIALECT.upstream["count_tokens"]
    assert codec.decode(face.encode(TokenCount(input_tokens=7))) == TokenCount(input_tokens=7)
    asked = {
        "contents": [{"parts": [{"text": "a"}]}],
        "systemInstruction": {"parts": [{"text": "s"}]},
    }
    plain = face.decode(split(json.dumps(asked).encode()))
    wrapped = face.decode(split(json.dumps({"generateContentRequest": asked}).encode()))
    assert plain == wrapped
    encoded = codec.encode(plain, Target(model="m"), False)
    inner = json.loads(encoded.body)["generateContentRequest"]
    assert set(inner) == {"model", "contents", "systemInstruction"}


def test_models():
    face, codec = DIALECT.downstream["models"], DIALECT.upstream["models"]
    listed = (
        ModelListing(id="a", name="A", context_tokens=5, max_output_tokens=2, owner="google"),
        ModelListing(id="vendor/b", name="vendor/b", owner="google"),
        ModelListing(id="tunedModels/c", name="C", owner="google"),
    )
    body = face.encode(listed)
    names = [one["name"] for one in json.loads(body)["models"]]
    assert names == ["models/a", "models/vendor/b", "tunedModels/c"]
    assert codec.decode(body) == listed
    one = DIALECT.upstream["model"].decode(DIALECT.downstream["model"].encode(listed[0]))
    assert one == listed[0]
    assert codec.path("m", False) == "/models?pageSize=1000"
    assert codec.encode(None, Target(model="m"), False).body == b""
    with pytest.raises(ResponseError):
        codec.decode(b"{}")


def test_one_text_goes_as_a_batch_and_its_answer_is_written_anew():
    fields = split(b'{"content":{"parts":[{"text":"a"}]},"title":"t"}')
    sent = DIALECT.splice(fields, Target(model="m"), "embed")
    assert sent.reworded
    assert json.loads(sent.body) == {
        "requests": [{"content": {"parts": [{"text": "a"}]}, "title": "t", "model": "models/m"}]
    }
    assert not DIALECT.splice(split(b'{"requests":[]}'), Target(model="m"), "embed").reworded
