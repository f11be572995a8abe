"""Recorded structured answers and tool calls: each is what the schema in its request promises."""

from __future__ import annotations

import json

import pytest

from modelway.dialects import NAMES, dialect
from modelway.errors import BadRequestError, ModelRefusalError, UnsupportedError
from modelway.framing.fields import split
from modelway.schema import SUBSETS, fitted
from modelway.schema.validate import faults
from modelway.structured import form_of, value_of
from modelway.types import ChatResponse, JsonSchema, Tool
from support import corpus, read
from support.checks import Skipped, check_all

NO_ANSWER = frozenset({"length", "content_filter", "tool_calls", "other"})
_ENUMS = "a Go client's schema, whose types are protobuf's numbers"
_NESTED = "Chat Completions' form of a tool in a Responses request: the provider saw no parameters"
BROKEN = {
    "47d17f637a3edacf": _ENUMS,
    "58e53b1d3e4ff029": _ENUMS,
    "6259020c7d47f723": _ENUMS,
    "2796d823e05e37dc": _NESTED,
    "39232c76ac06b190": _NESTED,
    "73798cb6b794cba6": _NESTED,
    "efb58368d83c1d61": _NESTED,
    "ffb8928ddc9fda4e": _NESTED,
}
"""Recordings whose schema is not what the provider went by."""


def asked(one):
    """The recorded question; Azure's and Gemini's paths name the model, not their bodies."""
    if (
        one.dialect not in NAMES
        or not isinstance(one.request, dict)
        or one.id in corpus.REFUSED_HERE
    ):
        raise Skipped
    body = json.dumps({"model": "m", **one.request}).encode()
    return dialect(one.dialect).downstream["chat"].decode(split(body))


def answered(one):
    if one.stream:
        return read.folded(one.dialect, [one.body])
    return read.decode_whole(one.dialect, one.body)


@pytest.fixture
def accepted(answers, streams):
    return [*answers, *streams]


def test_structured_answers_are_of_their_form(accepted):
    def check(one):
        question, answer = asked(one), answered(one)
        form = question.response_format
        if (
            not isinstance(form, JsonSchema)
            or answer.finish_reason in NO_ANSWER
            or one.id in BROKEN
        ):
            raise Skipped
        assert isinstance(answer, ChatResponse)
        try:
            value_of(answer, form_of(form))
        except ModelRefusalError as error:
            assert error.response is answer  # noqa: PT017

    check_all("a structured answer is of its form", accepted, check, at_least=40)


def test_the_arguments_of_calls_are_of_their_tools(accepted):
    def check(one):
        question, answer = asked(one), answered(one)
        tools = {tool.name: tool for tool in question.tools if isinstance(tool, Tool)}
        calls = [call for call in answer.tool_calls if call.name in tools]
        if not calls or answer.finish_reason == "length" or one.id in BROKEN:
            raise Skipped
        for call in calls:
            given = json.loads(call.arguments or "{}")
            found = faults({} if given is None else given, tools[call.name].parameters)
            assert not found, (call.name, found)

    check_all("a call's arguments are of its tool", accepted, check, at_least=200)


def test_every_recorded_schema_is_fitted_or_refused_by_name(accepted):
    def check(one):
        question = asked(one)
        schemas = [tool.parameters for tool in question.tools if isinstance(tool, Tool)]
        if isinstance(question.response_format, JsonSchema):
            schemas.append(question.response_format.schema)
        if not schemas:
            raise Skipped
        for schema in schemas:
            for row in SUBSETS.values():
                try:
                    found = fitted(schema, row)
                except (UnsupportedError, BadRequestError) as error:
                    assert "schema" in error.message  # noqa: PT017
                else:
                    again = fitted(found.schema, row)
                    assert again.schema == found.schema, row.name

    check_all("a schema is fitted to every subset", accepted, check, at_least=200)
