"""One provider with one of its credentials: what has been seen of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from modelway.config.settings import HealthSettings
from modelway.dialects.refusals import scrub
from modelway.errors import (
    ConfigError,
    CredentialError,
    LLMError,
    RateLimitError,
    RefusedError,
    RequestError,
)
from modelway.health.checks import NOT_ASKED, Check
from modelway.health.standing import CHECK_WEIGHT, Sign, Standing, judge
from modelway.health.values import HealthChange, HealthStatus
from modelway.policies.breaker import Failure
from modelway.ports import Clock
from modelway.streams import LEFT

_SAMPLES = 64
_MOST_DEPLOYMENTS = 1000
"""That are told of a check, of those that callers name; what is configured is always told."""


_FAILURES: tuple[Sign, ...] = ("bad", "refused")


def sign_of(error: LLMError, *, checked: bool) -> Sign | None:
    """What an error says of the provider; ``None``: nothing, it is the request's fault or ours."""
    match error:
        case ConfigError() | RequestError() | RefusedError():
            return None
        case RateLimitError():
            return "strained"
        case CredentialError() if checked:
            return "refused"
        case _:
            return None if error.code == LEFT else "bad"


def _median(values: Iterable[float]) -> float:
    """Of one value at least. ``statistics`` would bring fractions and decimals along."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


class Target:
    """Counts, and does not ask."""

    def __init__(self, provider: str, credential: str, clock: Clock) -> None:
        self.provider = provider
        self.credential = credential
        self.note = ""
        self.problem = ""
        """Why it cannot be asked at all."""
        self.deployments: dict[str, None] = {}
        """Ids of those that are this provider with this credential."""
        self.failed_check = False
        """Whether the last one did."""
        self._find: Callable[[], Check | None] | None = None
        self._check: Check | None = None
        self._clock = clock
        self._standing = Standing(since=clock.monotonic())
        self._latencies: deque[float] = deque(maxlen=_SAMPLES)
        self._failure: Failure | None = None
        self._failed = 0.0
        self._checked: float | None = None

    def checked_by(self, find: Callable[[], Check | None]) -> None:
        """Have its check found when it is first wanted: that loads the dialects it is spoken to in."""
        self._find, self._check = find, None

    @property
    def check(self) -> Check | None:
        """What it is asked; ``None``: nothing."""
        if self._find is not None:
            self._check, self._find = self._find(), None
            self.note = "" if self._check is not None else NOT_ASKED
        return self._check

    def uses(self, deployment: str) -> None:
        if len(self.deployments) < _MOST_DEPLOYMENTS:
            self.deployments[deployment] = None

    def answered(
        self, latency_s: float | None, settings: HealthSettings, *, checked: bool = False
    ) -> HealthChange | None:
        """An answer, which took so long; traffic's time is of interest where nothing is asked."""
        asked = self.check is not None and settings.active
        if latency_s is not None and (checked or not asked):
            self._latencies.append(latency_s)
        if checked:
            over_s = settings.degraded_over_s
            slow = latency_s is not None and over_s is not None and latency_s > over_s
            return self._saw("strained" if slow else "good", settings, checked=True)
        if self._standing.state == "healthy" and not self._standing.recent:
            return None  # as nearly always
        return self._saw("good", settings, checked=False)

    def failed(
        self, error: LLMError, settings: HealthSettings, *, checked: bool = False
    ) -> HealthChange | None:
        sign = sign_of(error, checked=checked)
        if sign is None:
            if checked:
                self._checked = self._clock.monotonic()
            return None
        self._failed = self._clock.monotonic()
        self._failure = Failure(
            error=type(error).__name__,
            status=error.status,
            code=None if error.code is None else scrub(error.code),
            message=scrub(error.message),
            time=self._clock.time(),
        )
        return self._saw(sign, settings, checked=checked)

    def _saw(self, sign: Sign, settings: HealthSettings, *, checked: bool) -> HealthChange | None:
        now, before = self._clock.monotonic(), self._standing
        if checked:
            self._checked = now
            self.failed_check = sign in _FAILURES
        after = judge(before, sign, CHECK_WEIGHT if checked else 1, now, settings)
        self._standing = after
        if after.state == before.state:
            return None
        return HealthChange(
            provider=self.provider,
            credential=self.credential,
            before=before.state,
            after=after.state,
            time=self._clock.time(),
            failure=self._failure if sign in _FAILURES else None,
        )

    def status(self) -> HealthStatus:
        now = self._clock.monotonic()
        if self.problem:
            return HealthStatus(
                provider=self.provider,
                credential=self.credential,
                state="unconfigured",
                note=self.problem,
            )
        return HealthStatus(
            provider=self.provider,
            credential=self.credential,
            state=self._standing.state,
            since_s=now - self._standing.since,
            last_s=self._latencies[-1] if self._latencies else None,
            p50_s=_median(self._latencies) if self._latencies else None,
            last_failure=self._failure,
            failed_s=None if self._failure is None else now - self._failed,
            check="" if self.check is None else self.check.operation,
            checked_s=None if self._checked is None else now - self._checked,
            note=self.note,
        )
