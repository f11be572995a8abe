"""What to do after a failed attempt: the same deployment again, the next one, or stop.

Retry and fallback are one decision, made here, so that neither multiplies the other.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from modelway.call import Backoff
from modelway.errors import LLMError


class Verdict(NamedTuple):
    """``again``: this deployment may be tried once more, not before ``delay_s`` has passed."""

    action: Literal["again", "next", "stop"]
    delay_s: float = 0.0


NEXT = Verdict("next")
STOP = Verdict("stop")


def decide(error: LLMError, attempt: int, backoff: Backoff, chance: float) -> Verdict:
    """The verdict on attempt number ``attempt`` (from 1) at one deployment.

    ``chance`` is uniform in [0, 1) and spreads the delay ("full jitter"). A provider's own
    retry-after is a lower bound; one beyond the backoff's cap means: do not wait for this one.
    """
    if error.may_retry and attempt < backoff.attempts and _listed(error, backoff.retry_on):
        bound_s = min(backoff.cap_s, backoff.base_s * backoff.factor ** (attempt - 1))
        delay_s = bound_s * chance if backoff.jitter == "full" else bound_s
        if error.retry_after_s is None:
            return Verdict("again", delay_s)
        if error.retry_after_s <= backoff.cap_s:
            return Verdict("again", max(delay_s, error.retry_after_s))
    return NEXT if error.may_fall_back else STOP


def _listed(error: LLMError, names: tuple[str, ...]) -> bool:
    return any(kind.__name__ in names for kind in type(error).__mro__)


class RetryBudget:
    """Bounds repeated attempts to a share of all calls, so that a sick provider is not stormed.

    Each call earns ``share`` of a retry, up to ``most`` saved; each repeated attempt spends one.
    """

    def __init__(self, share: float = 0.2, most: float = 100.0, start: float = 10.0) -> None:
        self._share = share
        self._most = most
        self._saved = start

    def earn(self) -> None:
        saved = self._saved + self._share
        self._saved = min(self._most, saved)

    def spend(self) -> bool:
        """True when one more repeated attempt is allowed, and then it is counted."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True
