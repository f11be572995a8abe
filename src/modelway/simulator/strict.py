"""Requests read by a declared shape, and what does not fit it told so that a wire can word it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from modelway.simulator.question import Asked, WireError

T = TypeVar("T")

_UNKNOWN = re.compile(r"Object contains unknown field `(.+?)`(?: - at `\$\.?(.*)`)?")
_MISSING = re.compile(r"Object missing required field `(.+?)`(?: - at `\$\.?(.*)`)?")
_PLACE = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object in a request; a field that it does not have is unknown."""


class CamelShape(Shape, frozen=True, kw_only=True, rename="camel"):
    """The same, its names in ``camelCase``."""


class Misfit(NamedTuple):
    """What is wrong in a request's body."""

    kind: Literal["json", "unknown", "missing", "value"]
    path: str
    """Of the object or value, as ``contents[0].parts``; empty for the whole."""
    name: str
    """Of the field that is unknown or missing."""
    told: str
    """What is wrong, in plain words."""


def parse(body: bytes, worded: Callable[[Misfit], WireError]) -> Any:
    """The body's JSON, an object."""
    try:
        tree = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise worded(Misfit("json", "", "", str(error))) from None
    if not isinstance(tree, dict):
        raise worded(Misfit("value", "", "", "the body is not an object"))
    return tree


def fitted(tree: Any, shape: type[T], asked: Asked, worded: Callable[[Misfit], WireError]) -> T:
    """A tree as its shape, unknown fields refused or, where the script accepts them, left out."""
    while True:
        try:
            return msgspec.convert(tree, shape)
        except msgspec.ValidationError as error:
            found = _misfit(str(error))
            if found.kind != "unknown" or asked.script.unknown_fields == "refuse":
                raise worded(found) from None
            tree = msgspec.json.decode(msgspec.json.encode(tree))
            del _at(tree, found.path)[found.name]


def _misfit(message: str) -> Misfit:
    unknown = _UNKNOWN.fullmatch(message)
    if unknown is not None:
        return Misfit("unknown", unknown[2] or "", unknown[1], message)
    missing = _MISSING.fullmatch(message)
    if missing is not None:
        return Misfit("missing", missing[2] or "", missing[1], message)
    place = _PLACE.fullmatch(message)
    told, path = (message, "") if place is None else (place[1], place[2] or "")
    return Misfit("value", path, "", told.replace("`", "'"))


def _at(tree: Any, path: str) -> Any:
    for name, index in _STEP.findall(path):
        tree = tree[int(index)] if index else tree[name]
    return tree
