"""The simulator's rate limit: a fixed window from the first request, told as the dialect does."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

from modelway.simulator.question import WireError
from modelway.simulator.script import RateLimit, ScriptedError


class Allowance:
    """What is left of a rate limit. ``clock`` is monotonic, in seconds."""

    def __init__(self, limit: RateLimit, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._ends = -math.inf
        self._left: dict[str, int] = {}

    def take(self, tokens: int) -> None:
        """Take one request with so many tokens; WireError 429 when they are not left."""
        now = self._clock()
        if now >= self._ends:
            self._ends = now + self._limit.window_s
            both = {"requests": self._limit.requests, "tokens": self._limit.tokens}
            self._left = {name: most for name, most in both.items() if most is not None}
        for name, wanted in (("requests", 1), ("tokens", tokens)):
            left = self._left.get(name)
            if left is not None and left < wanted:
                raise WireError(
                    ScriptedError(
                        status=429,
                        message=f"Rate limit reached on {name}: {left} left, requested {wanted}.",
                        retry_after_s=max(0.001, self._ends - now),
                    )
                )
        for name, wanted in (("requests", 1), ("tokens", tokens)):
            if name in self._left:
                self._left[name] -= wanted

    def headers(self, style: Literal["openai", "anthropic"] | None) -> list[tuple[bytes, bytes]]:
        """What the provider would say about it; the others say nothing.

        Source: https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers,
        https://platform.claude.com/docs/en/api/rate-limits#response-headers, 2026-11-21.
        """
        wait_s = max(0.0, self._ends - self._clock())
        totals = {"requests": self._limit.requests, "tokens": self._limit.tokens}
        told: list[tuple[str, str]] = []
        for name, left in self._left.items():
            if style == "openai":
                told += [
                    (f"x-ratelimit-limit-{name}", str(totals[name])),
                    (f"x-ratelimit-remaining-{name}", str(left)),
                    (f"x-ratelimit-reset-{name}", _duration(wait_s)),
                ]
            elif style == "anthropic":
                reset = datetime.now(UTC) + timedelta(seconds=wait_s)
                told += [
                    (f"anthropic-ratelimit-{name}-limit", str(totals[name])),
                    (f"anthropic-ratelimit-{name}-remaining", str(left)),
                    (f"anthropic-ratelimit-{name}-reset", reset.strftime("%Y-%m-%dT%H:%M:%SZ")),
                ]
        return [(name.encode(), value.encode()) for name, value in told]


def _duration(seconds: float) -> str:
    """As OpenAI writes it: ``12ms``, ``8.64s``, ``6m0s``."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{round(rest)}s" if minutes else f"{rest:.3g}s"
