"""Each provider's wire, and each thing to ask it, as a record: the simulator needs no ladder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from modelway.simulator import (
    anthropic_read,
    anthropic_write,
    bedrock_read,
    bedrock_write,
    gemini_read,
    gemini_write,
    openai_read,
    openai_write,
    responses_read,
)
from modelway.simulator.question import Asked, Envelope, HeaderPairs, Question, WireError
from modelway.simulator.script import ScriptedError


def _no_headers(error: ScriptedError) -> HeaderPairs:  # noqa: ARG001  most have none
    return ()


def _event_stream(question: Question) -> bytes:  # noqa: ARG001  most have one form
    return b"text/event-stream; charset=utf-8"


def _json(question: Question) -> bytes:  # noqa: ARG001  most have one form
    return b"application/json"


def _halved(event: bytes) -> bytes:
    return event[: len(event) // 2] + b"\n\n"


def _no_event(said: ScriptedError, envelope: Envelope) -> bytes:  # noqa: ARG001  it does not stream
    return b""


class Wire(NamedTuple):
    """What all answers of a provider have in common."""

    name: str
    """What may stand before its paths: ``/cohere/v1/models`` is Cohere's, not OpenAI's."""
    request_id_header: bytes
    request_id_prefix: str
    error: Callable[[ScriptedError, str], bytes]
    unknown_model: Callable[[str], WireError]
    unknown_path: str = "Not Found"
    error_headers: Callable[[ScriptedError], HeaderPairs] = _no_headers
    error_media: bytes = b"application/json"
    unauthorised: ScriptedError = ScriptedError(status=401)
    required_headers: tuple[tuple[str, str], ...] = ()
    """A header that must be there, and what is said where it is not."""
    limits: Literal["openai", "anthropic"] | None = None
    """Whose headers tell what is left of a rate limit."""


class Operation(NamedTuple):
    """Something to ask of a model: how it is read, and how its answer is written."""

    wire: Wire
    read: Callable[[Asked], Question]
    whole: Callable[[Envelope], bytes]
    events: Callable[[Envelope], Iterator[tuple[bytes, int]]] | None = None
    """A stream's events, each with the number of tokens in it."""
    error_event: Callable[[ScriptedError, Envelope], bytes] = _no_event
    id_prefix: str = ""
    call_id_prefix: str = ""
    status: int = 200
    media: Callable[[Question], bytes] = _json
    stream_media: Callable[[Question], bytes] = _event_stream
    halved: Callable[[bytes], bytes] = _halved
    """An event of a stream with half of its JSON, correctly framed."""


class Lookup(NamedTuple):
    """Something to read that no model is asked for."""

    wire: Wire
    look: Callable[[Asked], bytes]


OPENAI = Wire(
    name="openai",
    request_id_header=b"x-request-id",
    request_id_prefix="req_",
    error=openai_write.error,
    unknown_model=openai_read.unknown_model,
    unknown_path="Invalid URL ({where})",
    limits="openai",
)
RESPONSES = OPENAI._replace(unknown_model=responses_read.unknown_model)
ANTHROPIC = Wire(
    name="anthropic",
    request_id_header=b"request-id",
    request_id_prefix="req_01",
    error=anthropic_write.error,
    unknown_model=anthropic_read.unknown_model,
    required_headers=(("anthropic-version", "anthropic-version: header is required"),),
    limits="anthropic",
)

GEMINI = Wire(
    name="gemini",
    request_id_header=b"",
    request_id_prefix="",
    error=gemini_write.error,
    unknown_model=gemini_read.unknown_model,
    error_media=b"application/json; charset=UTF-8",
    unauthorised=ScriptedError(
        status=400,
        code="API_KEY_INVALID",
        message="API key not valid. Please pass a valid API key.",
    ),
)
BEDROCK = Wire(
    name="bedrock",
    request_id_header=b"x-amzn-requestid",
    request_id_prefix="",
    error=bedrock_write.error,
    unknown_model=bedrock_read.unknown_model,
    unknown_path="Unable to determine the operation of {where}",
    error_headers=bedrock_write.error_headers,
    unauthorised=ScriptedError(
        status=403,
        type="UnrecognizedClientException",
        message="The security token included in the request is invalid.",
    ),
)
