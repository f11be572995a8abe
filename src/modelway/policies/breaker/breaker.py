"""The circuit breaker of one deployment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol, TypeAlias

from modelway.call import Timeouts
from modelway.dialects.refusals import scrub
from modelway.errors import (
    APITimeoutError,
    BadRequestError,
    ConfigError,
    ContentFilterError,
    ContextLengthError,
    InvalidAnswerError,
    LLMError,
    ModelRefusalError,
    PayloadTooLargeError,
    RefusedError,
    TruncatedAnswerError,
)
from modelway.policies.breaker.circuit import CLOSED, Event, decide
from modelway.policies.breaker.values import (
    BreakerChange,
    BreakerSettings,
    BreakerStatus,
    Failure,
    Reason,
)
from modelway.ports import Clock, Grant

Claim: TypeAlias = Literal["closed", "probe", "refused"]

_NEVER = (
    ConfigError,
    BadRequestError,
    PayloadTooLargeError,
    ContextLengthError,
    ContentFilterError,
    RefusedError,
    InvalidAnswerError,
    TruncatedAnswerError,
    ModelRefusalError,
)
"""Faults of the configuration, the request or the answer's words, and refusals of ours. That a model
is not there may be made to count: the request is as good as any."""

_LEFT = "left"
"""The code of a stream that its reader did not read to the end."""

_REASONS: dict[Event, Reason] = {
    "success": "success",
    "sign": "sign",
    "due": "due",
    "left": "probe left",
    "elsewhere": "probed elsewhere",
    "reset": "reset",
}


def counts(error: LLMError, counted: tuple[str, ...]) -> bool:
    """Whether an error is a failure of the deployment, by names of classes."""
    if isinstance(error, _NEVER) or error.code == _LEFT:
        return False
    return any(kind.__name__ in counted for kind in type(error).__mro__)


def impatient(error: LLMError, given_s: float | None, timeouts: Timeouts) -> bool:
    """Whether the time that a caller gave was over before the deployment's own for a first byte.

    That is not for its breaker: a caller in a hurry would open it for everybody.
    """
    if given_s is None or given_s >= timeouts.first_byte_s:
        return False
    return isinstance(error, APITimeoutError) and error.code == "total"


class Sharing(Protocol):
    """Which of all processes may probe."""

    async def claim(self, deployment: str) -> Grant | Literal["mine", "theirs"]:
        """The one probe of all processes; ``mine``: as far as can be known."""
        ...

    def free(self, deployment: str, grant: Grant) -> None:
        """Give a probe's claim back, once what has been said before is there to be read."""
        ...


class Around(NamedTuple):
    """What all breakers have in common."""

    clock: Clock
    node: str
    sharing: Sharing
    settings: Callable[[], BreakerSettings]
    changed: Callable[[BreakerChange, bool], None]
    """Told of each change, and whether it was found out here."""


class Breaker:
    """Counts failures in a row, and lets nothing pass after too many of them but one probe at a time.

    ``closed`` may be read first: then nothing needs to be claimed.
    """

    __slots__ = (
        "_around",
        "_circuit",
        "_grant",
        "_last",
        "_last_s",
        "_node",
        "closed",
        "deployment",
    )

    def __init__(self, deployment: str, around: Around) -> None:
        self.deployment = deployment
        self.closed = True
        self._around = around
        self._circuit = CLOSED
        self._grant: Grant | None = None
        self._last: Failure | None = None
        self._last_s = 0.0
        self._node = ""

    @property
    def untroubled(self) -> bool:
        """Whether it is as new, and would not be missed."""
        return self._circuit is CLOSED

    # ------------------------------------------------------------ before a call

    async def claim(self) -> Claim:
        """Whether a call may pass. Who is told ``probe`` says how it ended, by one of the verbs below."""
        if self.closed:
            return "closed"
        if self._around.clock.monotonic() < self._circuit.until:
            return "refused"
        self._on("due")
        mine = self._circuit
        try:
            claimed = await self._around.sharing.claim(self.deployment)
        except BaseException:
            if self._circuit is mine:
                self._on("left")
            raise
        if isinstance(claimed, Grant):
            if self._circuit is mine:
                self._grant = claimed
                return "probe"
            self._around.sharing.free(self.deployment, claimed)
        elif self._circuit is mine:
            if claimed == "mine":
                return "probe"
            self._on("elsewhere")
        return "closed" if self.closed else "refused"

    def retry_in_s(self) -> float:
        """After how long a call may pass, if all goes well; 0 where one may now."""
        if self.closed:
            return 0.0
        return max(0.0, self._circuit.until - self._around.clock.monotonic())

    # ------------------------------------------------------------ after a call

    def succeeded(self) -> None:
        """A whole answer came, or a check did after checks had failed."""
        if self._circuit is not CLOSED:
            self._on("success")
            self._lose_grant()

    def alive(self) -> None:
        """It answers, and whether to the end is not known: a stream has begun, a check went well."""
        if not self.closed:
            self._on("sign")
            self._lose_grant()

    def failed(self, error: LLMError) -> None:
        """An attempt, a check or a stream that had begun ended so. What does not count frees a probe."""
        if not counts(error, self._around.settings().counted):
            self.left()
            return
        clock = self._around.clock
        self._last_s = clock.monotonic()
        self._last = Failure(
            error=type(error).__name__,
            status=error.status,
            code=None if error.code is None else scrub(error.code),
            message=scrub(error.message),
            time=clock.time(),
        )
        self._on("failure")
        if self._circuit.state == "open":
            self._lose_grant()

    def left(self) -> None:
        """The caller of a probe went away, and nothing is known: the next call may try."""
        if self._circuit.state == "half_open":
            self._on("left")
            self._lose_grant()

    def reset(self) -> bool:
        """Close it, whatever was. Whether it was not closed."""
        was_closed = self.closed
        self._on("reset")
        self._lose_grant()
        return not was_closed

    # ------------------------------------------------------------ what others say

    def heard(self, change: BreakerChange, ago_s: float) -> None:
        """Another process saw a change, so long ago."""
        if change.after == "open":
            if change.failure is not None:
                self._last = change.failure
                self._last_s = self._around.clock.monotonic() - ago_s
            self._on("opened", change, ago_s)
        elif self._circuit is not CLOSED:
            self._on(_EVENTS.get(change.reason, "success"), change)
        self._lose_grant()

    def status(self) -> BreakerStatus:
        circuit, clock = self._circuit, self._around.clock
        now, wall = clock.monotonic(), clock.time()
        failed_s = None if self._last is None else now - self._last_s
        if self.closed:
            return BreakerStatus(
                deployment=self.deployment,
                state="closed",
                failures=circuit.failures,
                last_failure=self._last,
                failed_s=failed_s,
            )
        return BreakerStatus(
            deployment=self.deployment,
            state=circuit.state,
            failures=circuit.failures,
            last_failure=self._last,
            failed_s=failed_s,
            opened=wall - (now - circuit.opened),
            opened_s=now - circuit.opened,
            retry_in_s=self.retry_in_s(),
            node=self._node,
        )

    # ------------------------------------------------------------ one step

    def _on(self, event: Event, told: BreakerChange | None = None, ago_s: float = 0.0) -> None:
        clock, before = self._around.clock, self._circuit
        after = decide(before, event, clock.monotonic() - ago_s, self._around.settings())
        self._circuit = after
        self.closed = after.state == "closed"
        if after.state == before.state:
            return
        if told is None:
            failing: Reason = "failures" if before.state == "closed" else "probe failed"
            node = self._around.node
            reason = _REASONS.get(event, failing)
        else:
            node, reason = told.node, told.reason
        if after.state == "open" and event in ("failure", "opened"):
            self._node = node
        change = BreakerChange(
            deployment=self.deployment,
            before=before.state,
            after=after.state,
            reason=reason,
            node=node,
            time=clock.time(),
            failures=after.failures,
            failure=self._last if after.state == "open" else None,
        )
        self._around.changed(change, told is None)

    def _lose_grant(self) -> None:
        grant, self._grant = self._grant, None
        if grant is not None:
            self._around.sharing.free(self.deployment, grant)


_EVENTS: dict[Reason, Event] = {"success": "success", "sign": "sign", "reset": "reset"}
