"""JSON that is still arriving, read as far as it goes. It never raises: a fault ends the reading.

A string that is not whole is there as far as it has come; a number, a word or a name is there when it
is whole. It is for showing; what is believed is the whole text, validated.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal, TypeAlias

MOST_DEPTH = 200

_State: TypeAlias = Literal[
    "start", "value", "name", "colon", "after", "string", "escape", "scalar", "done", "broken"
]
_OPENING = re.compile(r"[\[{]")
_NOT_SPACE = re.compile(r"[^ \t\n\r]")
_IN_STRING = re.compile(r'["\\]')
_SCALAR_END = re.compile(r"[,\]} \t\n\r]")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class PartialJson:
    """``feed`` text in any pieces, then ask for the ``value`` so far: the first object or array in it.

    Reading is linear in the text. A value shares what can no longer change with the values before it,
    so that asking costs what is still open.
    """

    def __init__(self) -> None:
        self._state: _State = "start"
        self._root: dict[str, Any] | list[Any] | None = None
        self._open: list[dict[str, Any] | list[Any]] = []
        self._names: list[str] = []
        """Of each open container, the name that its last value has; "" in an array."""
        self._pieces: list[str] = []
        self._escape = ""
        self._high: int | None = None
        """Half a surrogate pair, waiting for the other."""
        self._is_name = False

    @property
    def value(self) -> Any:
        """What has arrived, ``None`` before it has begun. Later pieces do not change it."""
        if not self._open:
            return self._root
        inner: Any = None
        for depth in range(len(self._open) - 1, -1, -1):
            copied = self._open[depth].copy()
            name = self._names[depth]
            if depth == len(self._open) - 1:
                if self._state in ("string", "escape") and not self._is_name:
                    _put(copied, name, self._joined())
            elif isinstance(copied, dict):
                copied[name] = inner
            else:
                copied[-1] = inner
            inner = copied
        return inner

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            match self._state:
                case "done" | "broken":
                    return
                case "string":
                    at = self._in_string(text, at)
                case "escape":
                    self._escaped(text[at])
                    at += 1
                case "scalar":
                    at = self._in_scalar(text, at)
                case "start":
                    found = _OPENING.search(text, at)
                    if found is None:
                        return
                    self._begin(found[0])
                    at = found.end()
                case _:
                    found = _NOT_SPACE.search(text, at)
                    if found is None:
                        return
                    at = found.start() + self._step(found[0])

    def _step(self, letter: str) -> int:
        """One letter between values; how many were taken."""
        match self._state, letter:
            case "value", "{" | "[":
                self._begin(letter)
            case ("value", '"') | ("name", '"'):
                self._is_name = self._state == "name"
                self._state = "string"
            case ("value" | "after", "]") if isinstance(self._open[-1], list):
                self._end()
            case ("name" | "after", "}") if isinstance(self._open[-1], dict):
                self._end()
            case "after", ",":
                self._state = "name" if isinstance(self._open[-1], dict) else "value"
            case "colon", ":":
                self._state = "value"
            case "value", _ if letter not in ",:}]":
                self._state = "scalar"
                return 0
            case _:
                self._state = "broken"
        return 1

    def _begin(self, letter: str) -> None:
        if len(self._open) == MOST_DEPTH:
            self._state = "broken"
            return
        made: dict[str, Any] | list[Any] = {} if letter == "{" else []
        if self._open:
            _put(self._open[-1], self._names[-1], made)
        else:
            self._root = made
        self._open.append(made)
        self._names.append("")
        self._state = "name" if letter == "{" else "value"

    def _end(self) -> None:
        self._open.pop()
        self._names.pop()
        self._state = "after" if self._open else "done"

    def _in_string(self, text: str, at: int) -> int:
        found = _IN_STRING.search(text, at)
        end = len(text) if found is None else found.start()
        if end > at:
            self._say(text[at:end])
        if found is None:
            return end
        if found[0] == "\\":
            self._state = "escape"
        elif self._is_name:
            self._names[-1] = self._taken()
            self._state = "colon"
        else:
            _put(self._open[-1], self._names[-1], self._taken())
            self._state = "after"
        return found.end()

    def _escaped(self, letter: str) -> None:
        self._escape += letter
        if self._escape[0] != "u":
            plain = _ESCAPES.get(self._escape)
            self._escape = ""
            if plain is None:
                self._state = "broken"
            else:
                self._say(plain)
                self._state = "string"
        elif len(self._escape) == 5:
            digits, self._escape = self._escape[1:], ""
            try:
                self._unit(int(digits, 16))
                self._state = "string"
            except ValueError:
                self._state = "broken"

    def _unit(self, unit: int) -> None:
        """A unit of UTF-16; halves of a pair are put together, and those without the other replaced."""
        high = self._high
        if high is not None and 0xDC00 <= unit < 0xE000:
            self._high = None
            self._pieces.append(chr(0x10000 + ((high - 0xD800) << 10) + unit - 0xDC00))
        elif 0xD800 <= unit < 0xDC00:
            self._say("")
            self._high = unit
        else:
            self._say("\ufffd" if 0xDC00 <= unit < 0xE000 else chr(unit))

    def _say(self, text: str) -> None:
        if self._high is not None:
            self._pieces.append("\ufffd")
            self._high = None
        self._pieces.append(text)

    def _in_scalar(self, text: str, at: int) -> int:
        found = _SCALAR_END.search(text, at)
        end = len(text) if found is None else found.start()
        self._pieces.append(text[at:end])
        if found is not None:
            try:
                value = json.loads(self._taken(), parse_constant=_refused)
            except ValueError:
                self._state = "broken"
            else:
                _put(self._open[-1], self._names[-1], value)
                self._state = "after"
        return end

    def _joined(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def _taken(self) -> str:
        if self._high is not None:
            self._say("")
        text = self._joined()
        self._pieces = []
        return text


def _put(container: dict[str, Any] | list[Any], name: str, value: Any) -> None:
    if isinstance(container, dict):
        container[name] = value
    else:
        container.append(value)


def _refused(word: str) -> Any:
    raise ValueError(word)
