"""The attempts at one call: whose turn it is, what has failed, and how much time is left."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from modelway.call import Call, Deployment, Reply
from modelway.errors import LLMError, NoCandidateError, UnavailableError, UnsupportedError
from modelway.policies import retry
from modelway.ports import Clock
from modelway.tracks import Track
from modelway.types import Attempt

FILTERED = "filtered"
"""The code of a deployment that a strategy's filter keeps out."""
_MOST_TOLD = 8


class Turn(NamedTuple):
    """A deployment's next attempt: its number, and when (monotonic seconds) at the earliest."""

    not_before: float
    attempt: int
    track: Track


def when(turn: Turn) -> float:
    return turn.not_before


class Run:
    """A call whose first attempt has failed: its errors, and the time it has left."""

    def __init__(self, call: Call, clock: Clock, ends: float | None) -> None:
        self._call = call
        self._clock = clock
        self._errors: list[LLMError] = []
        self._attempts: list[Attempt] = []
        self._ends = ends

    def failed(self, turn: Turn, error: LLMError, chance: float, took_s: float) -> retry.Verdict:
        deployment = turn.track.deployment
        self._note(deployment, error, took_s=took_s)
        backoff = deployment.backoff
        retries = self._call.options.retries
        if retries is not None:
            backoff = msgspec.structs.replace(backoff, attempts=retries + 1)
        if self._ends is not None and self._clock.monotonic() >= self._ends:
            return retry.STOP
        return retry.decide(error, turn.attempt, backoff, chance)

    def passed_over(self, deployment: Deployment, error: LLMError) -> None:
        """It was not asked, for this reason."""
        self._note(deployment, error, error.message)

    def beaten(self, deployment: Deployment, error: LLMError | None) -> None:
        """It was asked too, and another answered first, or it failed."""
        if error is None:
            error = UnavailableError("another deployment answered first", code="beaten")
            self._note(deployment, error, error.message)
        else:  # a provider's own words are not for the caller
            self._note(deployment, error)

    def _note(
        self, deployment: Deployment, error: LLMError, reason: str = "", took_s: float = 0.0
    ) -> None:
        self._errors.append(error)
        self._attempts.append(
            Attempt(
                deployment=deployment.id,
                provider=deployment.provider.name,
                model=deployment.model,
                error=type(error).__name__,
                status=error.status,
                reason=reason,
                took_s=took_s,
            )
        )

    def answered(self, reply: Reply) -> Reply:
        return msgspec.structs.replace(reply, failed=tuple(self._attempts))

    @property
    def only_filtered(self) -> bool:
        """Whether nothing was asked, because filters let nothing be."""
        return all(
            error.code == FILTERED and isinstance(error, UnsupportedError) for error in self._errors
        )

    def error(self) -> LLMError:
        """The last error, which knows the ones before it."""
        last = self._errors[-1]
        if self.only_filtered:
            told = [f"{one.deployment}: {one.reason}" for one in self._attempts[:_MOST_TOLD]]
            last = NoCandidateError(
                f"nothing may answer {self._call.model!r}: {'; '.join(told)}",
                model=self._call.model,
                code="no_candidate",
            )
        last.earlier = tuple(self._errors[:-1])
        return last

    def has_time_for(self, delay_s: float) -> bool:
        return self._ends is None or self._clock.monotonic() + delay_s < self._ends

    def remaining(self) -> Call:
        """The call with the time that it still has."""
        if self._ends is None:
            return self._call
        left_s = max(0.001, self._ends - self._clock.monotonic())
        options = msgspec.structs.replace(self._call.options, timeout_s=left_s)
        return msgspec.structs.replace(self._call, options=options)
