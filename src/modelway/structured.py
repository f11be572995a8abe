"""Values out of answers: a form is asked for, and the answer read, validated and, where need be, repaired.

How a host is asked for a form, natively or not, is decided below, once an attempt.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from modelway import messages
from modelway.call import Options
from modelway.chat_stream import ChatStream
from modelway.errors import (
    BadRequestError,
    ContentFilterError,
    InvalidAnswerError,
    LLMError,
    ModelRefusalError,
    TruncatedAnswerError,
)
from modelway.partial_json import PartialJson
from modelway.policies.emulate.read import JsonText
from modelway.ports import Observer
from modelway.question import Parameters
from modelway.schema import object_schema
from modelway.schema.derive import own_value, schema_of
from modelway.schema.nulls import without_nulls
from modelway.schema.validate import faults
from modelway.totals import total_cost, total_usage
from modelway.types import (
    JSON,
    CallWarning,
    ChatRequest,
    ChatResponse,
    JsonSchema,
    Refusal,
    Text,
    Usage,
)

T = TypeVar("T")

Ask = Callable[[ChatRequest], Awaitable[ChatResponse]]

_WRAPPED = "value"
"""The property that holds a value which is no object, for providers take objects only."""

_AGAIN = "That answer is not valid:\n{faults}\nAnswer again with the whole JSON, corrected, and nothing else."


class AskParameters(Parameters, total=False):
    """What ``parse_stream`` takes by keyword beside ``into``."""

    model: str | None
    system: str | None
    options: Options | None
    observers: Sequence[Observer]


class ParseParameters(AskParameters, total=False):
    """What ``parse`` takes by keyword beside ``into``."""

    repairs: int
    """How often an invalid answer goes back to the model; once unless said."""


class Parsed(Struct, Generic[T], frozen=True, kw_only=True):
    """A validated value, and the answers that it took: more than one where it had to be repaired."""

    value: T
    responses: tuple[ChatResponse, ...]

    @property
    def response(self) -> ChatResponse:
        """The answer that the value was read from."""
        return self.responses[-1]

    @property
    def warnings(self) -> tuple[CallWarning, ...]:
        """What was not asked as it stands: how the form was emulated, what its schema lost."""
        return self.response.warnings

    @property
    def usage(self) -> Usage:
        """What all the answers used together."""
        return total_usage([response.usage for response in self.responses])

    @property
    def cost_pico_usd(self) -> int | None:
        """What all the answers cost, where each one's price is known."""
        return total_cost(self.responses)


class Invalid(Exception):  # noqa: N818 - never leaves this module: it becomes an InvalidAnswerError
    """A text is not of the form."""

    def __init__(self, *faults: str) -> None:
        super().__init__(*faults)
        self.faults = faults


class Form(NamedTuple):
    """What is asked for, and how a value of it is read from JSON."""

    format: JsonSchema
    schema: JSON
    """The caller's, of the value itself."""
    is_wrapped: bool
    validate: Callable[[bytes], Any]
    """Raises ValueError."""

    def read(self, text: str) -> Any:
        """The value in an answer's text; raises Invalid."""
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            found = self._found_in(text)
        if self.is_wrapped and isinstance(found, dict) and found.keys() == {_WRAPPED}:
            found = found[_WRAPPED]
        found = without_nulls(found, self.schema)
        try:
            return self.validate(msgspec.json.encode(found))
        except ValueError as error:
            raise Invalid(
                *(error.args if isinstance(error, _FaultyError) else [str(error)])
            ) from None

    def partial(self, value: Any) -> Any:
        """What of a value that is still arriving is the caller's; ``None``: nothing yet."""
        return value.get(_WRAPPED) if self.is_wrapped and isinstance(value, dict) else value

    @staticmethod
    def _found_in(text: str) -> Any:
        """The JSON that a model wrapped in words or a code fence all the same."""
        found = JsonText("{[").feed(text)
        if not found:
            raise Invalid("there is no JSON in it")
        try:
            return msgspec.json.decode(found)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            raise Invalid(f"it is not JSON: {error}") from None


class _FaultyError(ValueError):
    """Each argument is a fault."""


def form_of(into: Any) -> Form:
    """The form of a type, a JSON Schema, or a class that has and validates one, as pydantic's models do.

    UnsupportedError for a type that has no schema.
    """
    if isinstance(into, JsonSchema):
        return _form(into.schema, _by_schema(into.schema), into)
    if isinstance(into, Mapping):
        schema = dict(into)
        return _form(schema, _by_schema(schema), JsonSchema(schema=schema))
    schema = schema_of(into)
    validate = getattr(into, "model_validate_json", None)
    if not callable(validate):
        validate = msgspec.json.Decoder(into, dec_hook=own_value).decode
    return _form(schema, validate, JsonSchema(schema=schema))


def _form(schema: JSON, validate: Callable[[bytes], Any], asked: JsonSchema) -> Form:
    is_wrapped = object_schema(schema) is None
    if is_wrapped:
        definitions = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
        inner = {name: value for name, value in schema.items() if name not in definitions}
        asked = replace(
            asked,
            schema={
                "type": "object",
                "properties": {_WRAPPED: inner},
                "required": [_WRAPPED],
                "additionalProperties": False,
                **definitions,
            },
        )
    strict = True if asked.strict is None else asked.strict
    return Form(replace(asked, strict=strict), schema, is_wrapped, validate)


def _by_schema(schema: JSON) -> Callable[[bytes], Any]:
    def validate(text: bytes) -> Any:
        value = msgspec.json.decode(text)
        found = faults(value, schema)
        if found:
            raise _FaultyError(*map(str, found))
        return value

    return validate


# ---------------------------------------------------------------- whole answers


async def parse(ask: Ask, request: ChatRequest, form: Form, repairs: int) -> Parsed[Any]:
    """Ask until the answer is valid, at most ``1 + repairs`` times.

    The invalid answer and its faults go back to the model, at the end of the conversation.
    """
    request = asking(request, form)
    responses: list[ChatResponse] = []
    while True:
        response = await ask(request)
        responses.append(response)
        try:
            return Parsed(value=value_of(response, form), responses=tuple(responses))
        except Invalid as error:
            if len(responses) > repairs:
                raise _invalid(response, error.faults, len(responses)) from None
            listed = "\n".join([f"- {fault}" for fault in error.faults])
            again = messages.user(_AGAIN.format(faults=listed))
            said = (*request.messages, response.message, again)
            request = replace(request, messages=said)


def asking(request: ChatRequest, form: Form) -> ChatRequest:
    """The request, for an answer of the form."""
    if request.response_format is not None:
        raise BadRequestError(
            "response_format and into both say what to answer: give into alone",
            param="response_format",
        )
    return replace(request, response_format=form.format)


def value_of(response: ChatResponse, form: Form) -> Any:
    """The value of a whole answer. Raises Invalid, or the error for an answer that is none."""
    parts = response.message.parts
    refused = "".join([part.text for part in parts if isinstance(part, Refusal)])
    if refused:
        raise _told(ModelRefusalError(f"the model refused: {refused}"), response)
    if response.finish_reason == "content_filter":
        stopped = "the provider's safety system stopped the answer"
        raise _told(ContentFilterError(stopped, code="content_filter"), response)
    try:
        return form.read(response.text)
    except Invalid as error:
        if response.finish_reason == "length":
            cut = TruncatedAnswerError(
                "the answer was cut at its token cap before it was whole: raise max_tokens, "
                f"or ask for less; {len(response.text)} characters had arrived"
            )
            raise _told(cut, response) from None
        if response.tool_calls and not any(isinstance(part, Text) for part in parts):
            raise Invalid("it calls tools instead of answering") from error
        raise


def _invalid(response: ChatResponse, faults: Sequence[str], asked: int) -> LLMError:
    error = InvalidAnswerError(
        f"the answer is not of the form asked for, after {asked} "
        f"{'attempt' if asked == 1 else 'attempts'}: {'; '.join(faults)}"
    )
    error.faults = tuple(faults)
    return _told(error, response)


def _told(error: LLMError, response: ChatResponse) -> LLMError:
    """The error with whose answer it is about, and the answer where it keeps it."""
    error.provider, error.model = response.provider, response.model
    error.request_id = response.request_id
    if isinstance(error, InvalidAnswerError | TruncatedAnswerError | ModelRefusalError):
        error.response = response
    return error


# ---------------------------------------------------------------- streamed answers


class ParsedStream(Generic[T]):
    """A value that is still being written: ``async for`` gives it as far as it has come, as plain JSON.

    ``collect`` gives it whole and validated. Nothing is repaired: what has been shown cannot be unsaid.
    """

    def __init__(self, stream: ChatStream, form: Form) -> None:
        self._stream = stream
        self._form = form
        self._reader = PartialJson()

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stream.__aexit__(kind, error, trace)

    async def __aiter__(self) -> AsyncIterator[Any]:
        """The value as it grows. Each one is the reader's to keep."""
        last: Any = None
        async for text in self._stream.text():
            self._reader.feed(text)
            value = self._form.partial(self._reader.value)
            if value is not None and value != last:
                last = value
                yield value

    async def collect(self) -> Parsed[T]:
        """Wait for the end; raises what ``parse`` raises for an answer that is not of the form."""
        response = await self._stream.collect()
        try:
            return Parsed(value=value_of(response, self._form), responses=(response,))
        except Invalid as error:
            raise _invalid(response, error.faults, 1) from None

    @property
    def warnings(self) -> tuple[CallWarning, ...]:
        """What was not sent as asked; known when the stream has begun."""
        return self._stream.warnings

    async def aclose(self) -> None:
        """Stop. Safe at any time."""
        await self._stream.aclose()
