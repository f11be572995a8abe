"""Where questions are kept by their vectors: the port of a semantic cache, and what goes through it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

MOST_DIMENSIONS = 8192
_LEAST_LENGTH, _MOST_LENGTH = 1e-9, 1e9
"""What is shorter or longer has been miscalculated."""


class Near(Protocol):
    """A question that was answered, and how near it is: by the cosine, 1 at most."""

    @property
    def similarity(self) -> float: ...
    @property
    def question(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def age_s(self) -> float: ...


class Vectors(Protocol):
    """Questions of a space, by tenant. Vectors have the length 1; other dimensions are other spaces.

    StoreDownError where it cannot be reached.
    """

    async def nearest(
        self, tenant: str, space: bytes, vector: Sequence[float], *, least: float, limit: int
    ) -> Sequence[Near]:
        """The nearest first, none less near than ``least``."""
        ...

    async def add(
        self,
        tenant: str,
        space: bytes,
        vector: Sequence[float],
        *,
        question: str,
        data: bytes,
        life_s: float,
    ) -> None:
        """Keep an answer, in the place of that to the very same question."""
        ...

    async def drop(self, tenant: str | None = None) -> int:
        """Forget a tenant's, or all; how many there were."""
        ...

    async def aclose(self) -> None: ...


def unit(vector: Sequence[float]) -> list[float] | None:
    """The same direction with the length 1; ``None`` for what has none: zero, NaN, too many numbers."""
    try:
        if not 0 < len(vector) <= MOST_DIMENSIONS:
            return None
        length = math.hypot(*vector)
        if not _LEAST_LENGTH < length < _MOST_LENGTH:
            return None
        return [number / length for number in vector]
    except (TypeError, ValueError, OverflowError):
        return None
