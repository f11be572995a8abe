"""The one loop of retry and fallback, over the tiers of a plan.

It asks breakers and limits before each attempt, and tells them what came of it. A stream that has
begun is not tried elsewhere; what limits hold back waits only where nothing else would answer.
"""

from __future__ import annotations

import random
from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from modelway.asked import AskedCall, estimated_tokens
from modelway.attempts import Run, Turn, when
from modelway.call import Call, Deployment, Reply, Trace
from modelway.errors import (
    CircuitOpenError,
    ConfigError,
    ContentFilterError,
    ContextLengthError,
    LimitExceededError,
    LLMError,
    RefusedError,
    RequestError,
    UnknownModelError,
    UnsupportedError,
)
from modelway.observe.events import EventName
from modelway.plans import Plans, Tier
from modelway.policies.breaker import impatient
from modelway.policies.degrade import losses
from modelway.policies.limits import Queueing, Ticket
from modelway.ports import Clock, Handler
from modelway.state import State
from modelway.tracks import Track
from modelway.types import CallWarning, ChatResponse, Usage


class Tell(Protocol):
    """Tells of a retry or a fallback."""

    def __call__(
        self,
        name: EventName,
        call: Call,
        deployment: Deployment,
        attempt: int | None = None,
        delay_s: float | None = None,
    ) -> None: ...


_NEWEST = 0.1
"""The weight of the newest answer in the average of what is written."""


class Held(NamedTuple):
    """What limits hold back: until about when (monotonic seconds), and in whose tier."""

    until: float
    order: int
    track: Track
    tier: Tier


class Leave(NamedTuple):
    """To ask a deployment once, and whether it is by this that its breaker finds out how it is."""

    ticket: Ticket
    probe: bool


class Dispatch:
    """``__call__`` is the handler in the middle of ring A; ``attempt`` gives ring B."""

    def __init__(
        self,
        tiers: Callable[[Call], tuple[Tier, ...]],
        plans: Plans,
        state: State,
        attempt: Callable[[Deployment, Call], Handler],
        *,
        queueing: Queueing,
        clock: Clock,
        chance: random.Random,
        tell: Tell,
    ) -> None:
        self._tiers = tiers
        self.plans = plans
        self.state = state
        self.attempt = attempt
        self.queueing = queueing
        self.clock = clock
        self.now = clock.monotonic
        self.chance = chance
        self._tell = tell

    async def __call__(self, call: Call) -> Reply:
        return await _Walk(self, call).through(self._tiers(call))

    def fell_back(self, call: Call, deployment: Deployment) -> None:
        """Count and tell that a tier has given way to the next."""
        self.state.counts.fallbacks += 1
        self._tell("llm.fallback", call, deployment)

    def saw(self, track: Track, took_s: float | None, error: LLMError | None) -> None:
        """Let who looks after providers know of an attempt."""
        if self.state.monitor is not None:
            self.state.monitor.seen(track.deployment, error is None, took_s, error)

    async def paused(self, call: Call, turn: Turn, delay_s: float) -> None:
        """Count and tell a retry, and wait until it may begin."""
        deployment = turn.track.deployment
        self.state.counts.retry(deployment)
        self._tell("llm.retry", call, deployment, turn.attempt - 1, delay_s)
        await self.clock.sleep(delay_s)


class _Walk:
    """One call's way through its tiers."""

    __slots__ = (
        "_began",
        "_call",
        "_detour",
        "_dispatch",
        "_first",
        "_held",
        "_run",
        "_tokens",
        "_took_s",
        "_waited_s",
    )

    def __init__(self, dispatch: Dispatch, call: Call) -> None:
        self._dispatch = dispatch
        self._call = call
        self._began = None if call.options.timeout_s is None else dispatch.now()
        self._run: Run | None = None
        self._held: list[Held] = []
        self._detour: tuple[Tier, ...] = ()
        self._first: Tier | None = None
        self._tokens: int | None = None
        self._took_s = 0.0
        self._waited_s = 0.0

    async def through(self, tiers: Sequence[Tier]) -> Reply:
        """The first answer; else the last error, which knows those before it."""
        left = list(tiers)
        while left:
            tier = left.pop(0)
            if self._first is None:
                self._first = tier
            elif tier.tracks:
                self._dispatch.fell_back(self._call, tier.tracks[0].deployment)
            reply = await self._in(tier, self._order(tier))
            if reply is not None:
                return reply
            if self._detour:
                left, self._detour = list(self._detour), ()
        while self._held:
            held = min(self._held)
            self._held.remove(held)
            reply = await self._in(held.tier, iter((held.track,)), waits=True)
            if reply is not None:
                return reply
        if self._run is not None:
            raise self._run.error()
        model = self._call.model
        raise UnknownModelError(f"the model {model!r} has no deployment", model=model)

    def _order(self, tier: Tier) -> Iterator[Track]:
        call = self._call
        if call.only is not None:
            return iter([one for one in tier.tracks if one.deployment.id == call.only])
        if tier.alone:
            return iter(tier.tracks)
        return tier.order(call, self._dispatch.chance, self._filtered)

    async def _in(self, tier: Tier, order: Iterator[Track], *, waits: bool = False) -> Reply | None:
        """The answer of one of these; ``None`` where the next tier, or the queue, has its turn.

        They wait their turn by the time before which each may not be asked; those not yet tried may
        be asked at once.
        """
        repeats: list[Turn] = []
        while True:
            track = next(order, None)
            if track is not None:
                turn = Turn(0.0, 1, track)
            elif repeats:
                turn = repeats.pop(0)
                if not await self._pause(turn):
                    continue
                track = turn.track
            else:
                return None
            lost = self._lost(tier, track)
            if lost is None:
                continue
            leave = await self._admitted(tier, track, waits)
            if leave is None:
                continue
            try:
                reply = await self._ask(track, leave)
            except LLMError as error:
                verdict = self._noted().failed(
                    turn, error, self._dispatch.chance.random(), self._took_s
                )
                chain = self._chain(tier, error)
            else:
                return self._answered(reply, tier, track, lost)
            if chain:
                self._detour = chain
                return None
            if verdict.action == "stop":
                raise self._noted().error()
            if verdict.action == "again":
                not_before = self._dispatch.now() + verdict.delay_s
                insort(repeats, Turn(not_before, turn.attempt + 1, track), key=when)
            self._call = self._noted().remaining()

    # ------------------------------------------------------------ before an attempt

    def _lost(self, tier: Tier, track: Track) -> tuple[CallWarning, ...] | None:
        """What a fallback would lose; ``None``: too much for a call that is strict."""
        first = self._first
        if first is None or first is tier or not first.tracks:
            return ()
        lost = losses(AskedCall(self._call), first.tracks[0].info, track.info)
        if not lost or not self._call.options.strict:
            return lost
        told = "; ".join([warning.message for warning in lost])
        error = UnsupportedError(f"not asked, because the call is strict: {told}")
        self._noted().passed_over(track.deployment, error)
        return None

    async def _admitted(self, tier: Tier, track: Track, waits: bool) -> Leave | None:
        """Leave to ask, by the breaker and the limits; ``None``: not, or not now."""
        breaker = track.breaker
        probe = False
        if not breaker.closed:
            claimed = await breaker.claim()
            if claimed == "refused":
                self._noted().passed_over(track.deployment, open_circuit(track))
                return None
            probe = claimed == "probe"
        ticket = track.gate.admit(self._counted(track))
        if ticket is None:
            try:
                ticket = await self._entered(tier, track, waits)
            finally:
                if ticket is None and probe:
                    breaker.left()
            if ticket is None:
                return None
        return Leave(ticket, probe)

    async def _entered(self, tier: Tier, track: Track, waits: bool) -> Ticket | None:
        dispatch = self._dispatch
        options = self._call.options
        began = dispatch.now()
        until = None if options.max_wait_s is None else began + options.max_wait_s
        if self._began is not None and options.timeout_s is not None:
            until = min(began + options.timeout_s, until or began + options.timeout_s)
        try:
            ticket = await track.gate.enter(
                self._counted(track), priority=options.priority, until=until, wait=waits
            )
        except LimitExceededError as error:
            if waits or dispatch.queueing.on_limit == "refuse" or error.code == "store_down":
                self._noted().passed_over(track.deployment, error)
            else:
                self._held.append(
                    Held(began + (error.retry_after_s or 0.0), len(self._held), track, tier)
                )
            return None
        finally:
            if waits:
                self._waited_s += dispatch.now() - began
        return ticket

    def _counted(self, track: Track) -> int:
        if not track.counts_tokens:
            return 0
        if self._tokens is None:
            self._tokens = estimated_tokens(self._call, track.seen.output_tokens)
        return self._tokens

    async def _pause(self, turn: Turn) -> bool:
        """Wait for a turn to repeat an attempt; False where neither time nor budget allows it."""
        dispatch, run = self._dispatch, self._noted()
        delay_s = max(0.0, turn.not_before - dispatch.now())
        if not run.has_time_for(delay_s) or not dispatch.state.retries.spend():
            return False
        await dispatch.paused(self._call, turn, delay_s)
        self._call = run.remaining()
        return True

    # ------------------------------------------------------------ an attempt, and after it

    async def _ask(self, track: Track, leave: Leave) -> Reply:
        dispatch, ticket = self._dispatch, leave.ticket
        seen = track.seen
        seen.open_requests += 1
        began = dispatch.now()
        try:
            reply = await dispatch.attempt(track.deployment, self._call)(self._call)
        except LLMError as error:
            seen.open_requests -= 1
            self._took_s = dispatch.now() - began
            if not impatient(error, self._call.options.timeout_s, track.deployment.timeouts):
                track.breaker.failed(error)
            elif leave.probe:
                track.breaker.left()
            dispatch.saw(track, None, error)
            _refused(track, ticket, error)
            raise
        except BaseException:
            seen.open_requests -= 1
            if leave.probe:
                track.breaker.left()
            ticket.done(None)
            raise
        now = dispatch.now()
        took_s = self._took_s = now - began
        if reply.headers:
            track.gate.learn(reply.status, reply.headers)
        stream = reply.chunks or reply.events
        if stream is None:
            seen.answers.observe(took_s, now)
            dispatch.saw(track, took_s, None)
            _settled(track, ticket, reply.usage, None)
        else:
            seen.first_events.observe(took_s, now)
            track.breaker.alive()
            dispatch.saw(track, took_s, None)
            stream.on_settled.append(partial(_settled, track, ticket))
        return reply

    def _answered(
        self, reply: Reply, tier: Tier, track: Track, lost: tuple[CallWarning, ...]
    ) -> Reply:
        if not tier.alone:
            tier.answered(self._call, track)
        if self._run is not None:
            reply = self._run.answered(reply)
        if lost:
            reply = _warned(reply, lost)
        if self._call.options.trace:
            trace = Trace(
                strategy=tier.spec,
                deployment=track.deployment.id,
                took_s=self._took_s,
                waited_s=self._waited_s,
                before=reply.failed,
            )
            reply = replace(reply, trace=trace)
        return reply

    def _chain(self, tier: Tier, error: LLMError) -> tuple[Tier, ...]:
        """The special fallbacks of this kind of error, where the model has any and has the word."""
        if tier is not self._first or self._call.options.fallbacks is not None:
            return ()
        match error:
            case ContextLengthError():
                names = tier.route.on_context_length
            case ContentFilterError():
                names = tier.route.on_content_filter
            case _:
                return ()
        return self._dispatch.plans.named(names)

    def _filtered(self, track: Track, reason: str) -> None:
        error = UnsupportedError(f"not asked: {reason}", code="filtered")
        self._noted().passed_over(track.deployment, error)

    def _noted(self) -> Run:
        if self._run is None:
            self._run = Run(self._call, self._dispatch.clock, self._began)
        return self._run


def open_circuit(track: Track) -> CircuitOpenError:
    """Why a deployment is left alone, and for how long."""
    deployment = track.deployment
    retry_in_s = track.breaker.retry_in_s()
    return CircuitOpenError(
        f"{deployment.id} is left alone after failures; "
        f"`modelway health` shows them, and `modelway health reset {deployment.id}` ends it",
        provider=deployment.provider.name,
        model=deployment.model,
        retry_after_s=retry_in_s,
    )


def _refused(track: Track, ticket: Ticket, error: LLMError) -> None:
    """An attempt failed: what it counted for is given back as far as nothing was used."""
    if error.status is None and isinstance(error, ConfigError | RequestError | RefusedError):
        ticket.unsent()
        return
    if error.status == 429:
        wait_s = error.retry_after_s
        headers = () if wait_s is None else ((b"retry-after", b"%.3f" % wait_s),)
        track.gate.learn(429, headers)
    ticket.done(0 if error.status is not None else None)


def _settled(track: Track, ticket: Ticket, usage: Usage | None, error: LLMError | None) -> None:
    """An answer is over, with its stream where it was one."""
    seen = track.seen
    seen.open_requests -= 1
    if error is None:
        track.breaker.succeeded()
    else:
        track.breaker.failed(error)
    if usage is None or usage.input_tokens is None:
        ticket.done(None)
        return
    written = usage.output_tokens or 0
    seen.output_tokens += (written - seen.output_tokens) * _NEWEST
    ticket.done(usage.input_tokens + written)


def _warned(reply: Reply, lost: tuple[CallWarning, ...]) -> Reply:
    if isinstance(reply.value, ChatResponse):
        value = replace(reply.value, warnings=reply.value.warnings + lost)
        reply = replace(reply, value=value)
    return replace(reply, warnings=reply.warnings + lost)
