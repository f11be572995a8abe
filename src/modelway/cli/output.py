"""What the commands print: answers to standard output, everything else to standard error.

What models and providers say is untrusted: on a terminal it is printed without control characters.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

from modelway.errors import ConfigError, LLMError

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_DIM, _RED, _BOLD, _END = "\x1b[2m", "\x1b[31m", "\x1b[1m", "\x1b[0m"


def prepare() -> None:
    """Let no character that an encoding lacks, and no closed stream, end a command."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115  as long as the process
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def abandon(stream: TextIO) -> None:
    """Nobody reads this stream: let the interpreter's last flush go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def plain(text: str) -> str:
    """The text without what would steer a terminal."""
    return _CONTROL.sub("", text)


def styled(stream: TextIO) -> bool:
    """Whether this stream is a terminal that wants colours. Source: https://no-color.org, 2026-11-21."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def dim(text: str, stream: TextIO) -> str:
    return f"{_DIM}{text}{_END}" if styled(stream) else text


def bold(text: str, stream: TextIO) -> str:
    return f"{_BOLD}{text}{_END}" if styled(stream) else text


def say(text: str) -> None:
    """A piece of an answer on standard output, at once; a file or a pipe gets it unchanged."""
    sys.stdout.write(plain(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def aside(text: str, end: str = "\n") -> None:
    """Something beside the answer, dim, on standard error."""
    sys.stderr.write(dim(plain(text), sys.stderr) + end)
    sys.stderr.flush()


def note(text: str) -> None:
    """Something that a person should know."""
    aside(f"note: {text}")


def complain(error: LLMError | str) -> None:
    """One error on standard error, after those of earlier attempts that differ from it."""
    sys.stdout.flush()
    # what to change is said in the message; of a provider's failure the rest matters too
    text = error.message if isinstance(error, ConfigError) else str(error)
    if isinstance(error, LLMError):
        earlier = [str(before) for before in error.earlier]
        for before in dict.fromkeys(earlier):
            if before != text:
                note(f"before that: {before}")
        if again := earlier.count(text):
            text += f"; {again + 1} attempts"
    if text.count("\n") == 1:
        text = " ".join(text.split())
    word = f"{_RED}error:{_END}" if styled(sys.stderr) else "error:"
    print(f"{word} {plain(text)}", file=sys.stderr)


def tell(notices: Sequence[str], model: str | None) -> None:
    """What a client noticed as it looked for somebody to ask; not to those who say whom."""
    for notice in () if model else notices:
        note(notice)


def show_json(value: Any) -> None:
    """A value as one line of JSON."""
    print(msgspec.json.encode(value).decode(), flush=True)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows in columns as wide as they need."""
    lines = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(heads, *lines, strict=True)]
    print(bold(_line(heads, widths), sys.stdout))
    for line in lines:
        print(_line(line, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


def count(number: int | None) -> str:
    """A number for people; what is not known is a dash."""
    return "-" if number is None else f"{number:,}"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
