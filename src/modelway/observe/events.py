"""The events of a call's life, and the bus that hands them to observers in batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from modelway.ports import Observer

EventName: TypeAlias = Literal[
    "llm.request.start",
    "llm.request.complete",
    "llm.request.error",
    "llm.stream.start",
    "llm.stream.chunk",
    "llm.stream.complete",
    "llm.retry",
    "llm.fallback",
    "llm.hedge",
    "llm.breaker.change",
    "llm.health.change",
    "llm.budget.alert",
]

_WAITING_MOST = 10_000
"""Events kept for a slow loop; past it the newest are dropped and counted."""


class CallEvent(Struct, frozen=True, kw_only=True):
    """Something that happened to a call. It holds no prompt, no answer and no key."""

    name: EventName
    call: str = ""
    """The call's id; none where it is not about a call."""
    time: float
    """Unix time in seconds."""
    model: str = ""
    """As asked for."""
    provider: str | None = None
    deployment: str | None = None
    operation: str = "chat"
    tenant: str = "local"
    node: str = ""
    duration_s: float | None = None
    time_to_first_token_s: float | None = None
    prompt_chars: int | None = None
    response_chars: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached: str = ""
    """``exact`` or ``semantic``, of an answer that was kept."""
    error: str | None = None
    """The error's class."""
    status: int | None = None
    attempt: int | None = None
    delay_s: float | None = None
    state: str | None = None
    """What a breaker, or a provider's health, has come to."""
    reason: str | None = None
    metadata: dict[str, Any] = {}


class Bus:
    """Collects events and hands them over once a turn of the event loop, in order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)
        self._waiting: list[CallEvent] = []
        self.dropped = 0

    def emit(self, event: CallEvent) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        if len(self._waiting) < _WAITING_MOST:
            self._waiting.append(event)
        else:
            self.dropped += 1

    def flush(self) -> None:
        """Hand over now. An observer that raises is logged and does not harm the others."""
        events, self._waiting = self._waiting, []
        for observer in self._observers if events else ():
            try:
                observer.observe(events)
            except Exception:
                logging.getLogger("modelway").exception("an observer failed")
