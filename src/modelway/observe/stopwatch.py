"""How long a call took, what of it was the provider's, and what our own: told to the metrics once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelway.call import Call, Reply
from modelway.errors import LLMError
from modelway.ports import Clock
from modelway.types import Usage

if TYPE_CHECKING:
    from modelway.observe.metrics import Metrics


class Stopwatch:
    """Of one call, begun when it is made."""

    __slots__ = ("_began", "_call", "_clock", "_metrics", "_own_s", "_reply")

    def __init__(self, metrics: Metrics, call: Call, clock: Clock) -> None:
        self._metrics = metrics
        self._call = call
        self._clock = clock
        self._began = clock.monotonic()
        self._own_s = 0.0
        self._reply: Reply | None = None

    def failed(self, error: str) -> None:
        """There is no answer."""
        self._tell(self._clock.monotonic() - self._began, error)

    def answered(self, reply: Reply) -> None:
        """There is one: whole, or the beginning of a stream."""
        took_s = self._clock.monotonic() - self._began
        self._reply = reply
        self._own_s = max(0.0, took_s - reply.upstream_s - reply.waited_s)
        stream = reply.chunks or reply.events
        if stream is None:
            self._tell(took_s, "")
        else:
            stream.on_settled.append(self._settled)

    def _settled(self, usage: Usage | None, error: LLMError | None) -> None:
        del usage
        took_s = self._clock.monotonic() - self._began
        self._tell(took_s, "" if error is None else type(error).__name__)

    def _tell(self, took_s: float, error: str) -> None:
        reply, call = self._reply, self._call
        waited_s = 0.0 if reply is None else reply.waited_s
        self._metrics.request(
            call.operation,
            "" if reply is None else reply.deployment.model,
            took_s=took_s,
            upstream_s=max(0.0, took_s - self._own_s - waited_s),
            waited_s=waited_s,
            error=error,
            cached="" if reply is None else reply.cached,
            stream=call.stream,
        )
