"""The documentation as data: its pages, and the code blocks in them with what is said of each.

An HTML comment before a block says what it is, where its language does not:
``<!-- snippet: not run: REASON -->``, ``<!-- snippet: script -->`` (of the simulator),
``<!-- snippet: raises NAME -->``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"(?P<fence>`{3,})(?P<language>[\w-]*)")
_SAID = re.compile(r"<!-- snippet: (?P<what>.+?) -->")


class Block(NamedTuple):
    """A fenced block. ``said`` is its comment's, ``line`` that of its first line of code."""

    page: Path
    line: int
    language: str
    code: str
    said: str | None

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """The README and everything below ``docs``."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    lines = page.read_text("utf-8").splitlines()
    said: str | None = None
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        opening = _FENCE.match(line)
        if opening is None:
            comment = _SAID.fullmatch(line.strip())
            if comment is not None:
                said = comment["what"]
            elif line.strip():
                said = None
            continue
        end = lines.index(opening["fence"], number)
        code = "\n".join(lines[number:end]) + "\n"
        found.append(Block(page, number + 1, opening["language"], code, said))
        said = None
        number = end + 1
    return found


def all_blocks(*languages: str) -> list[Block]:
    """Every block of these languages, in all pages."""
    return [block for page in pages() for block in blocks(page) if block.language in languages]


def output_of(block: Block) -> str | None:
    """What the page says that this block prints: the ``output`` block right after it."""
    after = [other for other in blocks(block.page) if other.line > block.line]
    return after[0].code if after and after[0].language == "output" else None
