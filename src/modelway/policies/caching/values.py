"""How answers are kept."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class SemanticSettings(Struct, frozen=True, kw_only=True):
    """Answers for questions that mean the same. Nobody but the operator says how near that is."""

    model: str
    """Who turns questions into vectors."""
    threshold: float
    """The least cosine similarity."""
    life_s: float = 3600.0
    most_entries: int = 20_000
    """Of one tenant, in one process."""
    multi_turn: bool = False
    """Whether a conversation may be answered from it; only the first question is, otherwise."""
    tools: bool = False
    """Whether requests that offer tools may be."""
    url: str | None = None
    """``postgresql://…`` with pgvector, for many; ``None``: in this process."""

    def __repr__(self) -> str:
        return f"SemanticSettings(model={self.model!r}, threshold={self.threshold})"


class CacheSettings(Struct, frozen=True, kw_only=True):
    """Whether answers are kept, where, and for how long."""

    enabled: bool = False
    """Without, none is kept, whatever a call says."""
    life_s: float = 3600.0
    most_bytes: int = 64 * 1024 * 1024
    """In this process; what processes share has the store's own bound."""
    most_entry_bytes: int = 2 * 1024 * 1024
    """A larger answer is not kept."""
    where: Literal["memory", "store"] = "memory"
    """In this process only, or also in the store that processes share."""
    shared_by: Literal["tenant", "key", "user"] = "tenant"
    """Within whom an answer is found again; never beyond a tenant."""
    semantic: SemanticSettings | None = None
