"""One call's way through the tiers of its plan: retry, fallback, hedge and wait, as one loop."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec.structs import replace

from modelway.around import Around
from modelway.asked import AskedCall, estimated_tokens
from modelway.asking import Leave
from modelway.attempts import FILTERED, Run, Turn, when
from modelway.call import Call, Reply
from modelway.errors import (
    LimitExceededError,
    LLMError,
    RefusedError,
    UnknownModelError,
    UnsupportedError,
)
from modelway.plans import Held, Tier, default_tiers, soonest
from modelway.policies.degrade import losses
from modelway.policies.limits import Ticket
from modelway.racing import Runner, may_ask_twice, race
from modelway.settling import open_circuit, warned
from modelway.tracks import Track
from modelway.types import CallWarning, Trace

_SLOW = 0.95
"""The share of answers that come sooner than what is hedged."""


class Walk:
    """One call's way through its tiers."""

    __slots__ = (
        "_account",
        "_asked_call",
        "_call",
        "_detour",
        "_dispatch",
        "_ends",
        "_first",
        "_held",
        "_raced_before",
        "_run",
        "_tokens",
        "_took_s",
        "_upstream_s",
        "_waited_s",
    )

    def __init__(self, dispatch: Around, call: Call) -> None:
        self._dispatch = dispatch
        self._call = call
        self._account = dispatch.accounts.of(call)
        self._asked_call: AskedCall | None = None
        timeout_s = call.options.timeout_s
        self._ends = None if timeout_s is None else dispatch.now() + timeout_s
        self._run: Run | None = None
        self._held: list[Held] = []
        self._detour: tuple[Tier, ...] = ()
        self._first: Tier | None = None
        self._raced_before = False
        self._tokens: int | None = None
        self._took_s = 0.0
        self._upstream_s = 0.0
        self._waited_s = 0.0

    async def through(self, tiers: Sequence[Tier]) -> Reply:
        """The first answer; else the last error, which knows those before it."""
        reply = await self._through(list(tiers))
        if reply is None and self._run is not None and self._run.only_filtered:
            reply = await self._through(
                default_tiers(self._dispatch.plans, self._first, self._call)
            )
        if reply is not None:
            return reply
        if self._run is not None:
            raise self._run.error()
        model = self._call.model
        raise UnknownModelError(f"the model {model!r} has no deployment", model=model)

    async def _through(self, left: list[Tier]) -> Reply | None:
        while left or self._held:
            if left:
                tier = left.pop(0)
                if self._first is None:
                    self._first = tier
                elif tier.tracks:
                    self._dispatch.fell_back(self._call, tier.tracks[0].deployment)
                reply = await self._in(tier, self._order(tier))
            else:
                held = min(self._held, key=soonest)
                self._held.remove(held)
                reply = await self._in(held.tier, iter((held.track,)), waits=True)
            if reply is not None:
                return reply
            if self._detour:
                left, self._detour = list(self._detour), ()
        return None

    @property
    def _asked(self) -> AskedCall:
        """The call as one looks at it: what is found out of it is found out once."""
        if self._asked_call is None:
            self._asked_call = AskedCall(self._call, self._account.left_pico_usd)
        return self._asked_call

    def _order(self, tier: Tier) -> Iterator[Track]:
        call, over = self._call, self._filtered
        first = self._first or tier
        if call.only is not None:
            return first.allowed(self._asked, tier.only(call.only), over)
        chance = self._dispatch.chance
        order = iter(tier.tracks) if tier.alone else tier.order(self._asked, chance, over)
        return order if tier is first else first.allowed(self._asked, order, over)

    async def _in(self, tier: Tier, order: Iterator[Track], *, waits: bool = False) -> Reply | None:
        """The answer of one of these; ``None`` where the next tier, or the queue, has its turn.

        They wait their turn by the time before which each may not be asked; those not yet tried may
        be asked at once.
        """
        repeats: list[Turn] = []
        spare: list[Track] = []
        hedges = self._hedges()
        while True:
            track, attempt = spare.pop(0) if spare else next(order, None), 1
            if track is None:
                if not repeats:
                    return None
                turn = repeats.pop(0)
                if not await self._pause(turn):
                    continue
                track, attempt = turn.track, turn.attempt
            lost = self._lost(tier, track)
            if lost is None:
                continue
            leave = self._admitted_at_once(track) or await self._admitted(tier, track, waits)
            if leave is None or not (leave.book(self._account) or await self._booked(leave)):
                continue
            try:
                after_s = self._hedged_after_s(track) if hedges and attempt == 1 else None
                if after_s is None:
                    reply = await self._ask(leave)
                else:
                    second = partial(self._second, tier, order, spare)
                    first = Runner(track, partial(self._ask, leave, raced=True))
                    reply, track = await self._raced(first, after_s, second)
                    lost = self._lost(tier, track) or ()
            except LLMError as error:
                turn = Turn(0.0, attempt, track)
                chance = self._dispatch.chance.random()
                verdict = self._noted().failed(turn, error, chance, self._took_s)
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
                insort(repeats, Turn(not_before, attempt + 1, track), key=when)
            self._call = self._noted().remaining()

    # ------------------------------------------------------------ before an attempt

    def _lost(self, tier: Tier, track: Track) -> tuple[CallWarning, ...] | None:
        """What a fallback would lose; ``None``: too much for a call that is strict."""
        first = self._first
        if first is None or tier is first or not first.tracks:
            return ()
        lost = losses(self._asked, first.tracks[0].info, track.info)
        if not lost or not self._call.options.strict:
            return lost
        told = "; ".join([warning.message for warning in lost])
        error = UnsupportedError(f"not asked, because the call is strict: {told}")
        self._noted().passed_over(track.deployment, error)
        return None

    def _admitted_at_once(self, track: Track) -> Leave | None:
        """Leave to ask, where nothing need be waited for to have it."""
        if not track.breaker.closed:
            return None
        ticket = track.gate.admit(self._counted(track) if track.counts_tokens else 0)
        return None if ticket is None else Leave(self._dispatch, track, ticket)

    async def _admitted(self, tier: Tier, track: Track, waits: bool) -> Leave | None:
        """Leave to ask, by the breaker and the limits; ``None``: not, or not now."""
        breaker, probes = track.breaker, 0.0
        while True:
            if not breaker.closed:
                claimed = await breaker.claim()
                if claimed == "refused":
                    self._noted().passed_over(track.deployment, open_circuit(track))
                    return None
                if claimed == "probe":
                    probes = self._dispatch.now() + self._dispatch.state.breakers.settings.probe_s
            ticket: Ticket | None = None
            try:
                ticket = await self._entered(tier, track, waits)
            finally:
                if ticket is None and self._dispatch.now() < probes:
                    breaker.left()
            if ticket is None:
                return None
            if probes or breaker.closed:
                return Leave(self._dispatch, track, ticket, probes)
            ticket.unsent()  # it broke while this one waited

    async def _booked(self, leave: Leave) -> bool:
        """Whether the budgets allow it."""
        try:
            await leave.enter(self._account)
        except RefusedError as error:
            self._dispatch.limited("budget", error)
            self._noted().passed_over(leave.track.deployment, error)
            return False
        if self._ends is not None:
            self._call = self._noted().remaining()
        return True

    async def _entered(self, tier: Tier, track: Track, waits: bool) -> Ticket | None:
        dispatch = self._dispatch
        options = self._call.options
        began = dispatch.now()
        most_s = dispatch.queueing.max_wait_s
        if options.max_wait_s is not None:
            most_s = min(most_s, options.max_wait_s)
        until = began + most_s - (self._waited_s if waits else 0.0)
        if self._ends is not None:
            until = min(until, self._ends)
        try:
            ticket = await track.gate.enter(
                self._counted(track), priority=options.priority, until=until, wait=waits
            )
        except LimitExceededError as error:
            dispatch.limited("limit", error)
            if waits or dispatch.queueing.on_limit == "refuse" or error.code == "store_down":
                self._noted().passed_over(track.deployment, error)
            else:
                self._held.append(Held(began + (error.retry_after_s or 0.0), track, tier))
            return None
        finally:
            if waits:
                self._waited_s += dispatch.now() - began
        if waits and self._ends is not None:
            self._call = self._noted().remaining()
        return ticket

    def _counted(self, track: Track) -> int:
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
        self._upstream_s += delay_s
        self._call = run.remaining()
        return True

    # ------------------------------------------------------------ an attempt

    async def _ask(self, leave: Leave, *, raced: bool = False) -> Reply:
        try:
            reply = await leave.ask(self._call, raced=raced)
        except LLMError:
            self._took(leave)
            raise
        self._took(leave)
        return reply

    def _took(self, leave: Leave) -> None:
        self._took_s = leave.took_s
        self._upstream_s += leave.took_s

    # ------------------------------------------------------------ two attempts at once

    def _hedges(self) -> bool:
        said = self._call.options.hedge
        wanted = self._dispatch.hedging.enabled if said is None else said
        return wanted and may_ask_twice(self._asked)

    def _hedged_after_s(self, track: Track) -> float | None:
        """When another deployment is to be asked too; ``None``: this one is waited for."""
        dispatch = self._dispatch
        if self._raced_before:
            return None
        dispatch.hedges.earn(self._estimated_cost(track))
        if dispatch.hedging.after_s is not None:
            return dispatch.hedging.after_s
        seen = track.seen
        return (seen.first_events if self._call.stream else seen.answers).quantile(_SLOW)

    async def _raced(
        self, first: Runner, after_s: float, second: Callable[[], Runner | None]
    ) -> tuple[Reply, Track]:
        """The first answer of this deployment, and of the next one after a while."""
        self._raced_before = True
        raced = await race(first, after_s, second)
        for beaten, error in raced.beaten:
            self._noted().beaten(beaten.deployment, error)
        if isinstance(raced.answer, LLMError):
            raise raced.answer
        return raced.answer, raced.track

    def _second(self, tier: Tier, order: Iterator[Track], spare: list[Track]) -> Runner | None:
        """Who is asked too; who is not, is ``spare``: it is what this one may fall back to."""
        for other in order:
            if self._lost(tier, other) is None:
                continue
            cost = self._estimated_cost(other)
            leave = self._admitted_at_once(other)
            if leave is not None and self._dispatch.hedges.spend(cost):
                self._dispatch.hedged(self._call, other.deployment)
                return Runner(other, partial(self._ask_too, leave))
            spare.append(other)
            if leave is not None:
                leave.unsent()
                break
        return None

    async def _ask_too(self, leave: Leave) -> Reply:
        """Ask the second of two, where the budgets have the money for both."""
        if not leave.book(self._account):
            await leave.enter(self._account)
        return await self._ask(leave, raced=True)

    def _estimated_cost(self, track: Track) -> int | None:
        asked = self._asked
        written = asked.output_tokens or round(track.seen.output_tokens)
        return track.price(asked.input_tokens, written)

    # ------------------------------------------------------------ after an attempt

    def _answered(
        self, reply: Reply, tier: Tier, track: Track, lost: tuple[CallWarning, ...]
    ) -> Reply:
        if not tier.alone:
            tier.answered(self._asked, track)
        if self._run is not None:
            reply = self._run.answered(reply)
        if lost:
            reply = warned(reply, lost)
        if self._call.options.trace:
            trace = Trace(
                call=self._call.id,
                strategy=tier.spec,
                deployment=track.deployment.id,
                took_s=self._took_s,
                waited_s=self._waited_s,
                before=reply.failed,
            )
            reply = replace(reply, trace=trace)
        if self._dispatch.state.metrics is not None:
            reply = replace(reply, upstream_s=self._upstream_s, waited_s=self._waited_s)
        return reply

    def _chain(self, tier: Tier, error: LLMError) -> tuple[Tier, ...]:
        """The special fallbacks of this kind of error, where the model has any and has the word."""
        if tier is not self._first or self._call.options.fallbacks is not None:
            return ()
        return self._dispatch.plans.usable(tier.special(error))

    def _filtered(self, track: Track, reason: str) -> None:
        error = UnsupportedError(reason, code=FILTERED)
        self._noted().passed_over(track.deployment, error)

    def _noted(self) -> Run:
        if self._run is None:
            self._run = Run(self._call, self._dispatch.clock, self._ends)
        return self._run
