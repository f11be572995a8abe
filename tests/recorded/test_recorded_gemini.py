"""Gemini's own: its questions in their many spellings, its streams as an array, its embeddings."""

from __future__ import annotations

import json
import re

import pytest

from modelway.call import Target
from modelway.dialects import dialect
from modelway.errors import LLMError, UnsupportedError
from modelway.framing.fields import split
from modelway.types import Opaque, Reasoning, ToolCall
from support import corpus, read
from support.checks import Skipped, check_all, same
from support.essence import arguments

GEMINI = dialect("gemini")
AS_THEY_ARE = frozenset(
    [
        "args",
        "parameters",
        "parametersJsonSchema",
        "response",
        "responseJsonSchema",
        "responseSchema",
    ]
)
NOT_SAYABLE = {"dad4bc994dc68a89": "a text and an image embedded as one"}


@pytest.fixture(scope="module")
def gemini(exchanges):
    return [one for one in exchanges if one.dialect == "gemini"]


@pytest.fixture(scope="module")
def asked(gemini):
    return [
        one
        for one in gemini
        if one.operation == "chat" and one.status < 400 and isinstance(one.request, dict)
    ]


def canonical(value, at=""):
    """One spelling of what Google takes in several: names, single items, defaults, schemas."""
    if isinstance(value, list):
        return [canonical(one, at) for one in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for spelled, inner in value.items():
        name = re.sub(r"_([a-z])", lambda match: match[1].upper(), spelled)
        listed = name in ("parts", "contents", "tools") and isinstance(inner, dict)
        if inner not in (None, []):
            made[name] = (
                inner if name in AS_THEY_ARE else canonical([inner] if listed else inner, name)
            )
    return NAMED[at](made) if at in NAMED else made


def schema(value):
    if isinstance(value, list):
        return [schema(one) for one in value]
    if isinstance(value, dict):
        return {name.replace("_ordering", "Ordering"): schema(one) for name, one in value.items()}
    return value.lower() if isinstance(value, str) and value.isupper() else value


def a_function(made):
    told = made.pop("parameters", None) or made.pop("parametersJsonSchema", None)
    return made | {"schema": schema(told or {"type": "object", "properties": {}})}


def a_part(made):
    made = {name: value for name, value in made.items() if not (name == "thought" and not value)}
    for call in ("functionCall", "functionResponse"):
        made.get(call, {}).pop("id", None)
    if "functionCall" in made:
        made["functionCall"].setdefault("args", {})
    return made


def a_config(made):
    told = made.pop("responseSchema", None) or made.pop("responseJsonSchema", None)
    if made.get("responseMimeType") == "text/plain":
        del made["responseMimeType"]
    thinking = made.get("thinkingConfig", {})
    if thinking.get("thinkingBudget") == 0:
        thinking.pop("includeThoughts", None)
    if isinstance(thinking.get("thinkingLevel"), str):
        thinking["thinkingLevel"] = thinking["thinkingLevel"].lower()
    return made | ({"schema": schema(told)} if told else {})


def a_tool_config(made):
    return {name: value for name, value in made.items() if value not in ({}, None)}


NAMED = {
    "functionDeclarations": a_function,
    "parts": a_part,
    "generationConfig": a_config,
    "toolConfig": a_tool_config,
}


def whole(body):
    body = canonical(body)
    body.pop("model", None)
    system = body.get("systemInstruction")
    if system:
        system.pop("role", None)
    for content in body["contents"]:
        content.setdefault("role", "user")
        if len(content["parts"]) > 1:  # Vertex AI refuses an empty one beside others
            content["parts"] = [part for part in content["parts"] if part != {"text": ""}]
    body["contents"] = joined(body["contents"])
    if "tools" in body:
        said = body.pop("tools")
        body["functions"] = [f for tool in said for f in tool.pop("functionDeclarations", ())]
        body["hosted"] = [{name: tool[name]} for tool in said for name in tool]
    return {name: value for name, value in body.items() if value not in ({}, [], None)}


def joined(contents):
    """A result that follows another is of the same content; what stands beside is one of its own."""
    made = []
    for content in contents:
        for part in content["parts"]:
            kind = (content["role"], "functionResponse" in part)
            if content["role"] == "model" or not made or made[-1][0] != kind:
                made.append((kind, [part]))
            else:
                made[-1][1].append(part)
    return made


def model_of(one):
    return "gemini-3-x" if "thinkingLevel" in json.dumps(one.request) else "gemini-2.5-flash"


def test_a_question_read_and_written_is_the_same(asked):
    def check(one):
        request = GEMINI.downstream["chat"].decode(split(json.dumps(one.request).encode()))
        encoded = GEMINI.upstream["chat"].encode(request, Target(model=model_of(one)), False)
        got, wanted = whole(json.loads(encoded.body)), whole(one.request)
        for name in got.keys() | wanted.keys():
            same(got.get(name), wanted.get(name), name)
        told = {warning.message for warning in encoded.warnings}
        assert told <= {"an empty text beside other parts: left out"}, told

    check_all("law 1, Gemini's recorded requests", asked, check, at_least=200)


def test_signatures_and_calls_of_an_answer_can_go_back_as_they_came(gemini):
    """The next question of a tool loop holds each signature exactly, and in its part."""

    def check(one):
        decoded = read.folded if one.stream else read.decode_whole
        response = decoded("gemini", [one.body] if one.stream else one.body)
        signatures = [
            part.signature
            if isinstance(part, Reasoning | ToolCall)
            else part.data.get("thoughtSignature")
            for part in response.message.parts
            if isinstance(part, Reasoning | ToolCall | Opaque)
        ]
        signatures = [signature for signature in signatures if signature]
        if not signatures:
            raise Skipped
        asked = GEMINI.downstream["chat"].decode(split(b'{"contents":{"parts":[{"text":"?"}]}}'))
        history = asked.__class__(messages=(*asked.messages, response.message))
        encoded = GEMINI.upstream["chat"].encode(history, Target(model="gemini-3-x"), False)
        sent = json.loads(encoded.body)["contents"][-1]["parts"]
        same([p["thoughtSignature"] for p in sent if "thoughtSignature" in p], signatures)
        same(one.body.decode().count('"thoughtSignature"'), len(signatures), "as many as came")
        calls = [part["functionCall"] for part in sent if "functionCall" in part]
        same(
            [(call["id"], call["args"]) for call in calls],
            [(call.id, arguments(call.arguments)) for call in response.tool_calls],
        )

    answered = [one for one in gemini if one.operation == "chat" and one.status < 400]
    check_all("Gemini's signatures", answered, check, at_least=50)


@pytest.mark.parametrize("chunking", corpus.CHUNKINGS)
def test_an_array_is_a_stream_too(gemini, chunking):
    def check(one):
        if one.stream or one.body[:1] != b"[":
            raise Skipped
        wanted = read.decode_whole("gemini", one.body)
        same(read.folded("gemini", corpus.pieces(one.body, chunking, one.id)), wanted)
        events, error = read.decode_stream("gemini", [one.body[:-1]])
        assert error is None, "every candidate has its finish"
        end = one.body.index(b'"finishReason"')
        cut, error = read.decode_stream("gemini", [one.body[:end]])
        assert isinstance(error, LLMError)
        same(cut, events[: len(cut)])

    answered = [one for one in gemini if one.status < 400]
    check_all(f"law 3, arrays, {chunking}", answered, check, at_least=5)


def test_embeddings_decode_and_their_questions_survive(gemini):
    codec, face = GEMINI.upstream["embed"], GEMINI.downstream["embed"]

    def check(one):
        said = one.json
        vectors = [tuple(each["values"]) for each in said["embeddings"]]
        got = codec.decode(one.body)
        same(list(got.vectors), vectors)
        again = codec.decode(face.encode(got))
        same(again.vectors, got.vectors)
        body = split(json.dumps(one.request).encode())
        if one.id in NOT_SAYABLE:
            with pytest.raises(UnsupportedError):
                face.decode(body)
            return
        request = face.decode(body)
        encoded = codec.encode(request, Target(model=request.model), False)
        sent, wanted = canonical(json.loads(encoded.body)), canonical(one.request)
        for each in wanted["requests"]:
            each["content"].pop("role", None)
        same(sent["requests"], wanted["requests"])
        spliced = GEMINI.splice(body, Target(model="other"), "embed")
        models = {each["model"] for each in json.loads(spliced.body)["requests"]}
        same(models, {"models/other"})

    found = [one for one in gemini if one.operation == "embed" and one.status < 400]
    check_all("law 5, Gemini's embeddings", found, check, at_least=15)


def test_counted_questions_survive(gemini):
    def check(one):
        request = GEMINI.downstream["count_tokens"].decode(split(json.dumps(one.request).encode()))
        encoded = GEMINI.upstream["count_tokens"].encode(request, Target(model="m"), False)
        inner = json.loads(encoded.body)["generateContentRequest"]
        same(inner.pop("model"), "models/m")
        wanted = one.request.get("generateContentRequest", one.request)
        same(whole(inner), whole(wanted))

    found = [one for one in gemini if one.operation == "count_tokens" and one.status < 400]
    check_all("law 1, Gemini's counted questions", found, check, at_least=5)
