"""TOML text → nodes; ``tomllib`` keeps no lines, so they are found by looking for the keys."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from modelway.config.nodes import MAX_DEPTH, Node, Scalar, UnreadableError, join

_TABLE = re.compile(r"^\s*(\[\[?)\s*(?P<key>[^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_FIELD = re.compile(
    r"""^\s*(?P<key>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_LOCATED = re.compile(
    r"^(?P<message>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)$"
)


def read(text: str, name: str) -> Node:
    """The document's nodes; UnreadableError says which line is at fault."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LOCATED.match(str(error))
        line = int(found["line"]) if found and found["line"] else len(text.splitlines())
        reason = found["message"] if found else "it cannot be parsed"
        raise UnreadableError(f"not valid TOML: {reason}", line=line) from None
    except RecursionError:
        raise UnreadableError(f"nested more than {MAX_DEPTH} deep") from None
    return _Reading(name, _lines(text)).node(document, "", None, 0)


class _Reading:
    """One document's values, with the lines that were found."""

    def __init__(self, name: str, lines: Mapping[str, int]) -> None:
        self._name = name
        self._lines = lines

    def node(self, value: object, path: str, above: int | None, depth: int) -> Node:
        """``above`` is the line of what holds the value, for one whose own is not known."""
        line = self._lines.get(path, above)
        if depth > MAX_DEPTH:
            raise UnreadableError(f"nested more than {MAX_DEPTH} deep", line=line)
        read: dict[str, Node] | list[Node] | Scalar
        if isinstance(value, dict):
            read = {
                key: self.node(item, join(path, key), line, depth + 1)
                for key, item in value.items()
            }
        elif isinstance(value, list):
            read = [
                self.node(item, join(path, number), line, depth + 1)
                for number, item in enumerate(value)
            ]
        elif isinstance(value, str | int | float | bool):
            read = value
        else:
            read = str(value)  # a date or a time
        origin = self._name if line is None else f"{self._name}:{line}"
        return Node(value=read, path=path, origin=origin, line=line)


def _lines(text: str) -> dict[str, int]:
    """Path → line of tables and of fields that begin a line."""
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, written in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(written):
            table = _path("", header["key"], counts)
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                lines.setdefault(table, number)
                table = join(table, counts[table])
            lines.setdefault(table, number)
        elif field := _FIELD.match(written):
            lines.setdefault(_path(table, field["key"], counts), number)
    return lines


def _path(table: str, key: str, counts: Mapping[str, int]) -> str:
    """The path of a key below a table; an array of tables on the way means its latest item."""
    parts = [part.strip("\"'") for part in _PART.findall(key)]
    for number, part in enumerate(parts):
        table = join(table, part)
        if number < len(parts) - 1 and table in counts:
            table = join(table, counts[table])
    return table
