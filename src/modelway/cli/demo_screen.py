"""What the demo shows: acts with labelled lines, no wider than the terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
import time

from modelway.cli import output
from modelway.observe.stats import Stats

_LABEL = 17
_INDENT = 3
_MARGIN = 8
"""Columns kept free for the rest of a word."""


class Screen:
    """Lines on standard output."""

    def __init__(self) -> None:
        self._width = max(60, min(100, shutil.get_terminal_size((96, 40)).columns))
        self._column = 0
        self._started = time.monotonic()

    def title(self, text: str) -> None:
        self._print(output.bold(text, sys.stdout))

    def fact(self, text: str, at: int = 0) -> None:
        """Something beside the point, dim."""
        for line in self._wrapped(text, at, 2):
            self._print(" " * at + output.dim(line, sys.stdout))

    def act(self, number: int, title: str) -> None:
        self._print("")
        self._print(output.bold(f"{number}  {title}", sys.stdout))

    def line(self, label: str, text: str) -> None:
        """A labelled text, cut after two lines."""
        at = _INDENT + _LABEL
        for number, line in enumerate(self._wrapped(text, at, 2)):
            self._print((" " * at if number else self._label(label)) + line)

    def cut(self, label: str, text: str) -> None:
        """A labelled text in one line, cut where that ends."""
        room = self._width - _INDENT - _LABEL
        text = output.plain(text)
        self._print(self._label(label) + (text if len(text) <= room else text[: room - 1] + "…"))

    def took(self, *facts: str) -> None:
        """What the answer above took."""
        self.fact(" · ".join([fact for fact in facts if fact]), _INDENT + _LABEL)

    def begin(self, label: str) -> None:
        """Begin a line that is going to grow."""
        self._write(self._label(label))
        self._column = _INDENT + _LABEL

    def grow(self, piece: str) -> None:
        """Add what has just come. Lines break before words, of which more pieces may follow."""
        for number, word in enumerate(output.plain(piece).replace("\n", " ").split(" ")):
            room = self._width - (_MARGIN if number else 0)
            text = " " + word if number else word
            if self._column + len(text) > room:
                self._write("\n" + " " * (_INDENT + _LABEL))
                self._column = _INDENT + _LABEL
                text = word
            self._write(text)
            self._column += len(text)

    def end(self) -> None:
        """End the line that grew."""
        self._write("\n")

    def total(self, stats: Stats, failed: int) -> None:
        self._print("")
        elapsed_s = time.monotonic() - self._started
        fate = "every act went well" if not failed else f"{failed} of 4 acts failed"
        told = (
            f"{fate}: {stats.total_requests} requests, {stats.fallbacks} by fallback, "
            f"{stats.input_tokens} → {stats.output_tokens} tokens, {elapsed_s:.1f} s in all"
        )
        for line in self._wrapped(told, 0, 2):
            self._print(line)

    def farewell(self, url: str, key: str) -> None:
        """The address that is left running."""
        self._print(f"\nThe gateway is left running for you: {output.bold(url, sys.stdout)}")
        self._print(f"key: {key}  (good until Ctrl-C)\n")
        self._print(f"curl {url}/v1/chat/completions \\")
        self._print("  -H 'Content-Type: application/json' \\")
        self._print(f"  -H 'Authorization: Bearer {key}' \\")
        said = '{"model": "demo", "messages": [{"role": "user", "content": "Hello!"}]}'
        self._print(f"  -d '{said}'")

    # ------------------------------------------------------------ letters

    def _label(self, label: str) -> str:
        return " " * _INDENT + label.ljust(_LABEL)

    def _wrapped(self, text: str, at: int, most: int) -> list[str]:
        text = output.plain(" ".join(text.split()))
        return textwrap.wrap(
            text, self._width - at, max_lines=most, placeholder=" …", break_on_hyphens=False
        )

    def _print(self, line: str) -> None:
        self._write(line + "\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __str__(self) -> str:
        return output.duration(time.monotonic() - self._started)
