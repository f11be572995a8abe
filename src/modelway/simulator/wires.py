"""What a wire, a thing to ask by it, and its path are: records, so that the simulator needs no ladder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeAlias

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
    defers: bool = False
    """Whether it only begins what is asked for later: faults of a stream then come there."""
    halved: Callable[[bytes], bytes] = _halved
    """An event of a stream with half of its JSON, correctly framed."""


class Lookup(NamedTuple):
    """Something to read that no model is asked for."""

    wire: Wire
    look: Callable[[Asked], bytes]


Act: TypeAlias = Operation | Lookup


class Route(NamedTuple):
    """Where something is asked."""

    method: str
    path: re.Pattern[str]
    act: Act


def route(path: str, act: Act, method: str = "POST") -> Route:
    """A path with places: ``{model}`` may hold slashes, ``{id}`` and all others do not."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path).replace("<model>[^/]+", "<model>.+")
    return Route(method, re.compile(pattern), act)
