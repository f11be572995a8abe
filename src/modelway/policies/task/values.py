"""What is found out about a request, and the words that it is said in."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Category: TypeAlias = Literal[
    "debugging",
    "generation",
    "refactoring",
    "testing",
    "documentation",
    "explanation",
    "security",
    "writing",
    "translation",
    "analysis",
    "simple",
]

Difficulty: TypeAlias = Literal["simple", "moderate", "complex"]

Need: TypeAlias = Literal["tools", "vision", "audio", "schema", "reasoning"]

CATEGORIES: tuple[Category, ...] = (
    *("debugging", "generation", "refactoring", "testing", "documentation", "explanation"),
    *("security", "writing", "translation", "analysis", "simple"),
)

DIFFICULTIES: tuple[Difficulty, ...] = ("simple", "moderate", "complex")

LONG_FILE_TOKENS = 10_000
"""A request of more estimated tokens than this has a long file in it."""


class Task(Struct, frozen=True, kw_only=True):
    """What a request asks for, how sure that is, and which features said so."""

    category: Category
    confidence: float
    """From 0 to 1; low where the language or the words are not known."""
    difficulty: Difficulty
    sensitive: bool
    """Whether somebody's personal details, a credential or a confidence is likely to be in it."""
    coding_heavy: bool
    code_share: float
    """The part of the last question that is code, from 0 to 1."""
    input_tokens: int
    """Estimated, of the whole request."""
    needs: frozenset[Need] = frozenset()
    long_file: bool = False
    reasons: tuple[str, ...] = ()
