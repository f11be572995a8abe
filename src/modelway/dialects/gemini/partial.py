"""A call's arguments that arrive in pieces, each with the path of the value it belongs to.

Source: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling
(streaming function call arguments), 2026-11-21.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import msgspec

from modelway.types import JSON

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(['\"])(.*?)\3\]")
_MOST_ITEMS = 100_000
"""No list that a model writes is longer; a path cannot make one."""


class Arguments:
    """``add`` pieces, then ``text``: the arguments as JSON."""

    __slots__ = ("_root",)

    def __init__(self) -> None:
        self._root: JSON = {}

    def add(self, pieces: list[JSON]) -> None:
        for piece in pieces:
            path = piece.get("jsonPath")
            steps = [_key(match) for match in _STEP.finditer(path if isinstance(path, str) else "")]
            if steps:
                self._set(steps, piece)

    def text(self) -> str:
        return msgspec.json.encode(self._root).decode()

    def _set(self, steps: list[str | int], piece: JSON) -> None:
        place: Any = self._root
        for step, after in pairwise(steps):
            place = _child(place, step, [] if isinstance(after, int) else {})
            if place is None:
                return
        present = _child(place, steps[-1], None)
        value = _value(piece)
        if isinstance(value, str) and isinstance(present, str):
            value = present + value
        last = steps[-1]
        if isinstance(place, dict | list) and isinstance(last, int) == isinstance(place, list):
            place[last] = value  # type: ignore[index]


def _key(match: re.Match[str]) -> str | int:
    if match[2] is not None:
        return int(match[2])
    return match[1] if match[1] is not None else match[4]


def _child(place: Any, step: str | int, fresh: Any) -> Any:
    """What is at this step, made where it is not yet; None where the path contradicts itself."""
    if isinstance(place, list) and isinstance(step, int) and step < _MOST_ITEMS:
        place += [None] * (step + 1 - len(place))
        if place[step] is None:
            place[step] = fresh
        return place[step]
    if isinstance(place, dict) and isinstance(step, str):
        return place.setdefault(step, fresh) if place.get(step) is None else place[step]
    return None


def _value(piece: JSON) -> Any:
    for name in ("stringValue", "numberValue", "boolValue"):
        if name in piece:
            return piece[name]
    return None
