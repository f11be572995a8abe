"""Files as providers write them: what is wrong is told with its line and column."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from modelway.errors import ConfigError

T = TypeVar("T")

Tokens: TypeAlias = Annotated[int, Meta(ge=0, le=10**15)]
Moment: TypeAlias = Annotated[int, Meta(ge=0, le=10**11)]
"""Unix seconds."""
_MOST_TOKENS = 10**15
_MOST_USD = 10**12
_PICO_USD = 10**12
_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|\.([^.\[]+)")
_BLANK = re.compile(r"[\s]*")
_DECODER = json.JSONDecoder()


class FileFaultError(ConfigError):
    """A file is not what it was said to be; the message begins with the place."""


def fault(name: str, text: str, offset: int, what: str) -> FileFaultError:
    """What is wrong at this character of the text."""
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return FileFaultError(f"{name}:{line}:{column}: {what}")


def pico(amount: Decimal) -> int | None:
    """USD in pico-dollars, to the nearest; ``None`` for what is no amount of money."""
    if not amount.is_finite() or abs(amount) > _MOST_USD:
        return None
    above, below = amount.as_integer_ratio()
    return (2 * above * _PICO_USD + below) // (2 * below)


# ---------------------------------------------------------------- JSON


def is_json(text: str) -> bool:
    return text.lstrip()[:1] in {"{", "["}


def documents(text: str, name: str, type: type[T]) -> list[T]:
    """One document, an array of them, or several behind each other, such as a page a line."""
    found: list[T] = []
    at = _blank(text, 0)
    while at < len(text):
        try:
            _, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise fault(name, text, error.pos, f"is no JSON: {error.msg}") from None
        except RecursionError:
            raise fault(name, text, at, "is nested too deeply") from None
        piece = text[at:end]
        try:
            if piece.startswith("["):
                found += msgspec.json.decode(piece, type=list[type])  # type: ignore[valid-type]
            else:
                found.append(msgspec.json.decode(piece, type=type))
        except msgspec.MsgspecError as error:
            raise _misfit(name, text, at, str(error)) from None
        at = _blank(text, end)
    return found


def _misfit(name: str, text: str, start: int, said: str) -> FileFaultError:
    match = _PATH.match(said)
    what, path = (match["what"], match["path"] or "") if match else (said, "")
    where = path.strip(".") or "the document"
    return fault(name, text, _locate(text, start, path), f"{where}: {what}")


def _locate(text: str, at: int, path: str) -> int:
    """Where the value at this path begins, or the deepest one on the way to it that is there."""
    for index, key in _STEP.findall(path):
        found = _item(text, at, int(index)) if index else _member(text, at, key)
        if found is None:
            break
        at = found
    return at


def _member(text: str, at: int, key: str) -> int | None:
    at = _blank(text, at + 1)
    while text[at] == '"':
        name, at = _DECODER.raw_decode(text, at)
        at = _blank(text, _blank(text, at) + 1)
        if name == key:
            return at
        _, at = _DECODER.raw_decode(text, at)
        at = _blank(text, at)
        if text[at] == ",":
            at = _blank(text, at + 1)
    return None


def _item(text: str, at: int, index: int) -> int | None:
    at = _blank(text, at + 1)
    for _ in range(index):
        _, at = _DECODER.raw_decode(text, at)
        at = _blank(text, _blank(text, at) + 1)
    return at


def _blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


# ---------------------------------------------------------------- CSV


class Cells(NamedTuple):
    """A line of a CSV file, by the names in its first one."""

    file: str
    line: int
    by_name: Mapping[str, str]
    columns: Mapping[str, int]
    """Where a name stands, counted from 1."""

    def text(self, name: str) -> str:
        """``""`` where there is no such column. What our own export put before a formula is away."""
        said = self.by_name.get(name, "")
        return said.removeprefix("'")

    def number(self, name: str) -> int | None:
        """A count; ``None`` where nothing is said."""
        said = self.by_name.get(name, "").strip()
        if not said:
            return None
        whole = said.removesuffix(".0")
        if not (whole.isascii() and whole.isdigit() and len(whole) < 17):
            raise self.fault(name, f"{said!r} is no count of tokens or requests")
        number = int(whole)
        if number > _MOST_TOKENS:
            raise self.fault(name, f"{said} is no count of tokens or requests")
        return number

    def usd(self, name: str) -> int | None:
        """An amount of USD, in pico-dollars."""
        said = self.by_name.get(name, "").strip().removeprefix("$")
        if not said:
            return None
        try:
            found = pico(Decimal(said))
        except InvalidOperation:
            found = None
        if found is None:
            raise self.fault(name, f"{said!r} is no amount of USD")
        return found

    def day(self, name: str) -> dt.date:
        """A date, or the date of a time, in the file's own time zone; or Unix seconds, in UTC."""
        said = self.by_name.get(name, "").strip()
        try:
            if said.isascii() and said.isdigit():
                return dt.datetime.fromtimestamp(int(said), dt.UTC).date()
            return dt.date.fromisoformat(said[:10])
        except (ValueError, OverflowError, OSError):
            raise self.fault(name, f"{said!r} is no date such as 2026-11-21") from None

    def fault(self, name: str, what: str) -> FileFaultError:
        where = f"{self.file}:{self.line}:{self.columns.get(name, 1)}"
        return FileFaultError(f"{where}: {name}: {what}")


def table(text: str, name: str, lacks: Callable[[Mapping[str, int]], str]) -> Iterator[Cells]:
    """The lines below the first, which names the columns. Cells are between commas, or tabs.

    ``lacks`` says what the columns lack, if anything.
    """
    first = text.partition("\n")[0]
    if not first.strip():
        empty = "the file is empty" if not text.strip() else "the first line must name the columns"
        raise FileFaultError(f"{name}:1:1: {empty}")
    tabs = "\t" in first and "," not in first
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter="\t" if tabs else ",")
    try:
        heads = [head.strip() for head in next(reader, [])]
        if len(heads) != len(set(heads)):
            twice = next(head for head in heads if heads.count(head) > 1)
            raise FileFaultError(f"{name}:1:1: two columns are called {twice!r}")
        columns = {head: at for at, head in enumerate(heads, 1)}
        if missing := lacks(columns):
            raise FileFaultError(f"{name}:1:1: {missing}")
        for line in reader:
            if not line:
                continue
            if len(line) != len(heads):
                raise FileFaultError(
                    f"{name}:{reader.line_num}:{len(line)}: there are {len(line)} cells, "
                    f"and {len(heads)} columns"
                )
            yield Cells(name, reader.line_num, dict(zip(heads, line, strict=True)), columns)
    except csv.Error as error:
        raise FileFaultError(f"{name}:{reader.line_num}:1: is no CSV: {error}") from None
