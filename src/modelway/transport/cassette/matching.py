"""When a request is one that was recorded, and where it is not, what differs.

``strict`` compares method, origin, target, version headers and body; numbers by value, objects
without regard to order. ``lenient`` leaves out origin, headers, and ids and dates wherever they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from modelway.transport.cassette.format import Asked, Body, Recording

Matching: TypeAlias = Literal["strict", "lenient"]

_COMPARED_HEADERS = frozenset({"anthropic-beta", "anthropic-version", "openai-beta"})
_VOLATILE_FIELDS = frozenset(
    {"metadata", "prompt_cache_key", "safety_identifier", "session_id", "user"}
)
"""Top-level fields about who asks, not what."""
_ID_FIELDS = frozenset(
    {"call_id", "id", "item_id", "previous_response_id", "request_id", "tool_call_id"}
    | {"tool_use_id", "created", "created_at", "timestamp"}
)
_VOLATILE = re.compile(
    r"(?P<uuid>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    r"|(?P<time>\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)"
    r"|(?P<id>\b(?:call|chatcmpl|fc|file|msg|req|resp|rs|srvtoolu|thread|toolu)[_-][A-Za-z0-9]{6,})"
)
_SHOWN_NEAREST = 3
_SHOWN_DIFFERENCES = 4
_SHOWN_CHARACTERS = 60
_OTHER_PLACE = 1000
"""What a difference of method or target weighs beside one in the body."""


def normal(asked: Asked, matching: Matching) -> Asked:
    """What is left of a request to compare."""
    headers = tuple([pair for pair in asked.headers if pair[0] in _COMPARED_HEADERS])
    body = asked.body
    if matching == "strict":
        if body is not None and body.json is not msgspec.UNSET:
            body = Body(json=_numbers(body.json))
        return replace(asked, headers=headers, body=body)
    if body is not None and body.json is not msgspec.UNSET:
        value = _numbers(body.json)
        if isinstance(value, dict):
            value = {name: item for name, item in value.items() if name not in _VOLATILE_FIELDS}
        body = Body(json=_settled(value))
    elif body is not None and isinstance(body.text, str):
        body = Body(text=_settled(body.text))
    return replace(asked, origin="", target=_settled(asked.target), headers=(), body=body)


def key(normalised: Asked) -> bytes:
    """Equal for requests that match."""
    return msgspec.json.encode(normalised, order="deterministic")


def nearest(asked: Asked, recordings: Iterable[Recording], matching: Matching) -> tuple[str, ...]:
    """The recordings most like it, and what of each differs."""
    wanted = normal(asked, matching)
    ranked: list[tuple[int, int, str]] = []
    for line, exchange in recordings:
        known = normal(exchange.request, matching)
        found = list(differences(known, wanted))
        weight = len(found)
        if (known.method, known.target) != (wanted.method, wanted.target):
            weight += _OTHER_PLACE
        more = len(found) - _SHOWN_DIFFERENCES
        told = "; ".join(found[:_SHOWN_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")
        place = f"line {line}, {exchange.request.method} {exchange.request.target}"
        ranked.append((weight, line, f"{place}: {told}"))
    return tuple([told for _, _, told in sorted(ranked)[:_SHOWN_NEAREST]])


def differences(recorded: Asked, now: Asked) -> Iterator[str]:
    """``body.messages[0].content was "Hi", is "Hello"``, one for each place."""
    for name in ("method", "origin", "target"):
        yield from _differ(name, getattr(recorded, name), getattr(now, name))
    yield from _differ("headers", dict(recorded.headers), dict(now.headers))
    yield from _differ("body", _content(recorded.body), _content(now.body))


_ABSENT = object()


def _content(body: Body | None) -> Any:
    parts = () if body is None else (body.json, body.text, body.sha256)
    return next((part for part in parts if part is not msgspec.UNSET), _ABSENT)


def _differ(path: str, was: Any, is_: Any) -> Iterator[str]:
    if isinstance(was, dict) and isinstance(is_, dict):
        for name in sorted({*was, *is_}):
            yield from _differ(f"{path}.{name}", was.get(name, _ABSENT), is_.get(name, _ABSENT))
    elif isinstance(was, list) and isinstance(is_, list):
        for position in range(max(len(was), len(is_))):
            pair = [one[position] if position < len(one) else _ABSENT for one in (was, is_)]
            yield from _differ(f"{path}[{position}]", *pair)
    elif was is not is_ and (type(was) is not type(is_) or was != is_):
        yield f"{path} was {_shown(was)}, is {_shown(is_)}"


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "not there"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _numbers(value: Any) -> Any:
    """1.0 and 1 are one number."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _numbers(item) for name, item in value.items()}
        case list():
            return [_numbers(item) for item in value]
        case _:
            return value


def _settled(value: Any) -> Any:
    """The value with one word for each kind of id or date."""
    match value:
        case str():
            return _VOLATILE.sub(lambda found: f"<{found.lastgroup}>", value)
        case dict():
            return {
                name: "<id>" if name in _ID_FIELDS and not isinstance(item, dict | list)
                else _settled(item)
                for name, item in value.items()
            }  # fmt: skip
        case list():
            return [_settled(item) for item in value]
        case _:
            return value
