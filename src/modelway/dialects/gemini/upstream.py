"""Us → a provider of Google's generateContent API: requests written, answers read.

What is left out or changed is a warning; the same said in this API's own words is not.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects.gemini.array import Items
from modelway.dialects.gemini.assembly import Assembly, read_chunk
from modelway.dialects.gemini.conversation import write_conversation
from modelway.dialects.gemini.generation import write_config
from modelway.dialects.gemini.paths import resource
from modelway.dialects.gemini.tools import write_tool_choice, write_tools
from modelway.dialects.gemini.usage import read_usage
from modelway.dialects.gemini.wire import NAME
from modelway.dialects.notes import Notes
from modelway.dialects.reading import UNREADABLE, read_answer
from modelway.errors import BadRequestError, ResponseError
from modelway.fold import fold
from modelway.ports import Encoded
from modelway.types import JSON, ChatRequest, ChatResponse, StreamEvent, TokenCount, Usage

PROTECTED = frozenset({"model", "contents", "stream", "generateContentRequest", "requests"})
"""Body fields that neither a caller's extras nor an operator's additions may set."""

COUNTED = frozenset(
    {"contents", "systemInstruction", "tools", "toolConfig", "cachedContent", "safetySettings"}
)
"""What counting tokens takes, of a request that is to be counted."""


class _UsageOnly(Struct, rename="camel"):
    """An answer by its mark, and what it says of usage."""

    candidates: msgspec.Raw
    usage_metadata: JSON


class _Total(Struct, rename="camel"):
    total_tokens: int


_usage_only = Decoder(_UsageOnly)
_total = Decoder(_Total)

# ---------------------------------------------------------------- requests


def encode_chat(request: ChatRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    """The model and whether to stream are said by the path."""
    notes = Notes(target.model)
    body = _body(request, target, notes)
    for name, asked in (("user", request.user), ("metadata", request.metadata or None)):
        if asked is not None:
            notes.warn(name, "Gemini has no such setting: left out")
    return encoded(body, notes)


def encode_count(request: ChatRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    """The same question without what only matters to the answer.

    Source: https://ai.google.dev/api/tokens#method:-models.counttokens, 2026-11-21.
    """
    notes = Notes(target.model)
    body = _body(request, target, notes)
    counted = {name: value for name, value in body.items() if name in COUNTED}
    return encoded({"generateContentRequest": {"model": resource(target.model), **counted}}, notes)


def _body(request: ChatRequest, target: Target, notes: Notes) -> JSON:
    system, contents = write_conversation(request.messages, notes)
    body: JSON = {"contents": contents}
    if system is not None:
        body["systemInstruction"] = system
    if request.tools:
        body["tools"] = write_tools(request.tools, notes)
    choice = write_tool_choice(request.tool_choice, request.parallel_tool_calls, notes)
    if choice is not None:
        body["toolConfig"] = choice
    config = write_config(request, target, notes)
    if config:
        body["generationConfig"] = config
    add_extras(body, request.extra, request.extra_dialect, target, notes)
    return body


def add_extras(
    body: JSON, extra: JSON, extra_dialect: str | None, target: Target, notes: Notes
) -> None:
    """The caller's extras, the host's quirks, and last the operator's own fields, in ``body``."""
    for name, value in extra.items():
        if extra_dialect not in (None, NAME):
            notes.warn(name, f"a field of {extra_dialect}: left out")
        elif name in PROTECTED:
            notes.warn(name, "cannot be set as an extra field: left out")
        else:
            body[name] = merged(body.get(name), value)
    for place in (body, body.get("generationConfig")):
        if isinstance(place, dict):
            _suit(place, target, notes)
    for name, value in target.body.items():
        if name not in PROTECTED:
            body[name] = merged(body.get(name), value)


def _suit(place: JSON, target: Target, notes: Notes) -> None:
    for name in target.quirks.drop:
        if name in place and name not in PROTECTED:
            del place[name]
            notes.warn(name, "this host refuses it: left out")
    for name, other in target.quirks.rename.items():
        if name in place:
            place[other] = place.pop(name)


def merged(present: Any, added: Any) -> Any:
    """Objects go together, field by field; of anything else the added one wins."""
    if not (isinstance(present, dict) and isinstance(added, dict)):
        return added
    return present | {name: merged(present.get(name), value) for name, value in added.items()}


def encoded(body: JSON, notes: Notes) -> Encoded:
    try:
        return Encoded(msgspec.json.encode(body), notes.taken())
    except UnicodeEncodeError:
        raise BadRequestError("a text of the request holds half a surrogate pair") from None
    except TypeError as error:
        raise BadRequestError(f"the request holds a value that is not JSON: {error}") from None
    except RecursionError:
        raise BadRequestError("the request is nested too deeply") from None


# ---------------------------------------------------------------- answers


def decode_chat(body: bytes) -> ChatResponse:
    """A whole answer; or the array that a host streams which does not know ``alt=sse``."""
    assembly = Assembly()
    events: list[StreamEvent] = []
    for piece in Items().feed(body) if body.lstrip()[:1] == b"[" else [body]:
        events += assembly.add(read_chunk(piece))
    if not assembly.begun:
        raise ResponseError("the provider's answer has no candidates")
    return fold(events + assembly.end())


def usage(body: bytes) -> Usage | None:
    """The usage of a whole answer; raises what ``decode_chat`` raises for an answer that is none."""
    try:
        found = _usage_only.decode(body)
    except UNREADABLE:
        said = decode_chat(body).usage
        return said if said != Usage() else None
    if bytes(found.candidates) in (b"[]", b"null"):
        decode_chat(body)
    return read_usage(found.usage_metadata)


def decode_count(body: bytes) -> TokenCount:
    return TokenCount(input_tokens=read_answer(_total, body, "the token count").total_tokens)
