"""A request and its answer as the simulator sees them: what the wires have in common, no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from modelway.simulator.script import DialectName, ListedModel, Script, ScriptedError
from modelway.simulator.shelf import Shelf

HeaderPairs: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Names in lower case."""


class RecordedRequest(Struct, frozen=True, kw_only=True):
    """A request as the simulator saw it."""

    method: str
    path: str
    query: str
    headers: HeaderPairs
    body: bytes

    @property
    def json(self) -> object:
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    def header(self, name: str) -> str | None:
        """A header's first value."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)


class Asked(Struct, frozen=True, kw_only=True):
    """A request on its route, and what there is to answer it by."""

    request: RecordedRequest
    body: bytes
    script: Script
    listed: Mapping[str, ListedModel]
    shelf: Shelf
    places: dict[str, str] = {}
    """What stands in the path, by the names that its route gives them."""
    query: dict[str, str] = {}

    @property
    def base_url(self) -> str:
        """Where the client found us: what comes before the route's own path."""
        return "http://" + (self.request.header("host") or "localhost") + self.places["prefix"]


class OfferedTool(Struct, frozen=True, kw_only=True):
    name: str
    description: str = ""
    schema: dict[str, Any] = {}


class Question(Struct, frozen=True, kw_only=True):
    dialect: DialectName
    model: str
    text: str
    """The last user turn."""
    results: tuple[str, ...] = ()
    """What tools returned, when that is what came last."""
    input_tokens: int
    stream: bool = False
    stream_usage: bool = False
    tools: tuple[OfferedTool, ...] = ()
    call: Literal["may", "must", "never"] = "never"
    call_name: str | None = None
    """The tool that must be called, where it is named."""
    json: bool = False
    schema: dict[str, Any] | None = None
    """The schema of a structured answer."""
    thinks: bool = False
    thoughts_hidden: bool = False
    choices: int = 1
    logprobs: int | None = None
    """How many alternatives to tell at each token; ``None``: no log-probabilities."""
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    """What is to be embedded, ranked or looked at, where that is the question."""
    told: dict[str, Any] = {}
    """What of the request its answer repeats, or its form depends on; a wire's own affair."""


class Thought(Struct, frozen=True, kw_only=True, tag=True):
    text: str
    signature: str = ""
    hidden: bool = False
    """Counted but not shown."""


class Words(Struct, frozen=True, kw_only=True, tag=True):
    text: str


class Refused(Struct, frozen=True, kw_only=True, tag=True):
    text: str


class Called(Struct, frozen=True, kw_only=True, tag=True):
    id: str
    name: str
    arguments: str


AnswerPart: TypeAlias = Thought | Words | Refused | Called


class Counts(Struct, frozen=True, kw_only=True):
    """Tokens. Cached and written are part of the input, reasoning of the output."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


class Answer(Struct, frozen=True, kw_only=True):
    parts: tuple[AnswerPart, ...]
    finish: str
    stop_sequence: str | None = None
    output_tokens: int = 0
    reasoning_tokens: int = 0


class Envelope(Struct, frozen=True, kw_only=True):
    """What an answer needs besides its content."""

    id: str
    request_id: str
    created: int
    question: Question
    answers: tuple[Answer, ...]
    counts: Counts
    reasoning_field: str
    shelf: Shelf
    base_url: str
    fails_after: int = 0
    """How many events of its stream come before an error, if one does."""


class WireError(Exception):
    """A request that is refused; ``error`` is what to say."""

    def __init__(self, error: ScriptedError) -> None:
        super().__init__(error.message)
        self.error = error


def refuse(
    message: str, *, status: int = 400, param: str | None = None, code: str | None = None
) -> WireError:
    """The error to raise for a request that the provider would refuse."""
    return WireError(ScriptedError(status=status, message=message, param=param, code=code))
