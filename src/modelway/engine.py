"""The engine: the only file that knows in which order a call meets the policies.

ring A, once a call:      count → observe → dispatch
dispatch:                 plan → one loop over it; ``retry.decide`` says again, next or stop
ring B, once an attempt:  perceive → emulate → inline, or split, or estimate → exchange
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from bisect import insort
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from modelway.attempts import Run, Turn, when
from modelway.call import Call, Credential, Deployment, Operation, Options, Reply, Target
from modelway.config.resolve import resolve
from modelway.config.settings import ConfiguredProvider, Route, Settings
from modelway.dialects import dialect
from modelway.errors import LLMError, MissingKeyError, UnknownModelError
from modelway.exchange import Exchange, offers, speaking
from modelway.facts import Facts
from modelway.observe.events import Bus, CallEvent, EventName
from modelway.observe.stats import Counts, Stats
from modelway.observe.watch import observing
from modelway.policies import retry
from modelway.policies.completing import completing
from modelway.policies.emulate import emulating
from modelway.policies.estimate import estimating
from modelway.policies.inlining import inlining
from modelway.policies.perceiving import lacking, perceiving
from modelway.policies.routing import strategy
from modelway.policies.splitting import splitting
from modelway.ports import Clock, Fetch, Handler, Middleware, Observer, Signer, Strategy, Transport
from modelway.streams import LEFT
from modelway.types import ModelListing, Usage

_NO_OPTIONS = Options()
_KNOWN_PLANS = 10_000
"""Names, which callers choose, that are remembered; past it a memory starts anew."""


class SystemClock:
    """The clock of the machine and of the running event loop."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)
    sleep = staticmethod(asyncio.sleep)


def onion(handler: Handler, *middlewares: Middleware) -> Handler:
    """The handler inside the middlewares, the first of which is the outermost."""
    for middleware in reversed(middlewares):
        handler = _wrap(middleware, handler)
    return handler


def _wrap(middleware: Middleware, inner: Handler) -> Handler:
    return lambda call: middleware(call, inner)


class Engine:
    """One immutable generation of a configuration, at work."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        *,
        observers: Sequence[Observer] = (),
        clock: Clock | None = None,
        chance: random.Random | None = None,
        fetch: Fetch | None = None,
        signers: Mapping[str, Signer] | None = None,
    ) -> None:
        self.settings = settings
        self.counts = Counts()
        self._transport = transport
        self._fetch = fetch
        self._signers = signers or {}
        self._clock = clock or SystemClock()
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, guards nothing
        self.facts = Facts(settings, self._clock)
        self._retries = retry.RetryBudget()
        self._bus = Bus(observers) if observers else None
        self._watched: dict[str, Bus] = {}
        self._plans: dict[str, tuple[Route, ...]] = {}
        self._ring_b: dict[tuple[str, Operation, str | None], Handler] = {}
        self._strategies: dict[str, Strategy] = {}
        self._ids = itertools.count(1)
        self._prefix = f"mw-{os.getpid():x}-{int(time.time() * 1000):x}-"
        self.handle: Handler = self._ring_a()

    # ------------------------------------------------------------ the order of things

    def _ring_a(self) -> Handler:
        watching = (observing(self._bus, self._clock),) if self._bus else ()
        return onion(self._dispatch, self._count, *watching)

    def _attempt(self, deployment: Deployment, call: Call) -> Handler:
        client = None if call.body is None else call.body.dialect
        key = (deployment.id, call.operation, client)
        handler = self._ring_b.get(key)
        if handler is None:
            if len(self._ring_b) >= _KNOWN_PLANS:
                self._ring_b.clear()
            spoken = speaking(deployment, call.operation, client)
            handler = self._ring_b[key] = self._ring_b_of(spoken, call.operation, client)
        return handler

    def _ring_b_of(
        self, deployment: Deployment, operation: Operation, client: str | None
    ) -> Handler:
        """What an attempt goes through, for clients of this dialect (``None``: typed requests)."""
        signer = self._signers.get(deployment.provider.name)
        known = self.facts.known(deployment) if client != deployment.dialect else None
        if known is not None and deployment.target.max_output_tokens is None:
            cap = known.max_output_tokens
            target = replace(deployment.target, max_output_tokens=cap)
            deployment = replace(deployment, target=target)
        exchange = Exchange(
            deployment, self._transport, None if deployment.credential.secret else signer
        )
        around: list[Middleware] = []
        match operation:
            case "chat":
                if refused := lacking(known):
                    around.append(perceiving(deployment, refused, self.facts.carriers))
                if client != deployment.dialect or deployment.target.quirks.touched():
                    around.append(emulating(deployment, self.facts.known))
                if self._fetch is not None and dialect(deployment.dialect).inlined:
                    around.append(inlining(deployment.dialect, self._fetch))
            case "count_tokens" if not offers(deployment, operation):
                around.append(estimating(deployment))
            case "complete" if not offers(deployment, operation) or _as_chat(deployment, client):
                around.append(completing)
            case "embed":
                around.append(splitting(deployment))
            case _:
                pass
        return onion(exchange.send, *around)

    async def watch(self, call: Call, observers: Sequence[Observer]) -> Reply:
        """``handle``, of which these observers are told too."""
        bus = self._watched[call.id] = Bus(observers)
        try:
            return await onion(self.handle, observing(bus, self._clock))(call)
        finally:
            del self._watched[call.id]

    # ------------------------------------------------------------ dispatch

    def plan(self, call: Call) -> list[Sequence[Deployment]]:
        """What would answer: tiers in the order of fallback, each in its strategy's order."""
        if call.operation == "pass" and call.model.endswith("/"):
            return [(_without_model(self._provider(call.model[:-1])),)]
        routes = self._routes(call.model, call.options.fallbacks)
        if call.only is not None:
            every = [one for route in routes for one in route.deployments]
            return [[one for one in every if one.id == call.only]]
        return [
            route.deployments if len(route.deployments) == 1 else self._ordered(call, route)
            for route in routes
        ]

    def _ordered(self, call: Call, route: Route) -> Sequence[Deployment]:
        """The route's deployments in its strategy's order; a strategy may remember its last turn."""
        chosen = self._strategies.get(route.name)
        if chosen is None:
            chosen = self._strategies[route.name] = strategy(route.strategy)
        return chosen(call, route.deployments, self._chance)

    def _routes(self, model: str, fallbacks: tuple[str, ...] | None) -> tuple[Route, ...]:
        known = self._plans.get(model) if fallbacks is None else None
        if known is not None:
            return known
        route = resolve(self.settings, model)
        names = route.fallbacks if fallbacks is None else fallbacks
        found = (route, *[resolve(self.settings, name) for name in names])
        routes = tuple([one for one in found if one.deployments])
        if fallbacks is None:
            if len(self._plans) >= _KNOWN_PLANS:
                self._plans.clear()
                self._strategies.clear()
            self._plans[model] = routes
        return routes

    async def _dispatch(self, call: Call) -> Reply:
        """Try the plan's deployments until one answers: the one loop of retry and fallback.

        A tier's deployments wait their turn by the time before which each may not be asked; those
        not yet tried may be asked at once.
        """
        run: Run | None = None
        started = None if call.options.timeout_s is None else self._clock.monotonic()
        for tier in self.plan(call):
            if run is not None:
                self.counts.fallbacks += 1
                self._tell("llm.fallback", call, tier[0])
            waiting = [Turn(0.0, 1, deployment) for deployment in tier]
            while waiting:
                turn = waiting.pop(0)
                if run is not None and turn.attempt > 1:
                    if not await self._pause(call, run, turn):
                        continue
                    call = run.remaining()
                try:
                    reply = await self._attempt(turn.deployment, call)(call)
                except LLMError as error:
                    run = run or Run(call, self._clock, started)
                    verdict = run.failed(turn, error, self._chance.random())
                else:
                    return reply if run is None else run.answered(reply)
                if verdict.action == "stop":
                    raise run.error()
                if verdict.action == "again":
                    not_before = self._clock.monotonic() + verdict.delay_s
                    insort(waiting, Turn(not_before, turn.attempt + 1, turn.deployment), key=when)
                call = run.remaining()
        if run is None:
            raise UnknownModelError(f"the model {call.model!r} has no deployment", model=call.model)
        raise run.error()

    async def _pause(self, call: Call, run: Run, turn: Turn) -> bool:
        """Wait for a turn to repeat an attempt; False where neither time nor budget allows it."""
        delay_s = max(0.0, turn.not_before - self._clock.monotonic())
        if not run.has_time_for(delay_s) or not self._retries.spend():
            return False
        self.counts.retry(turn.deployment)
        self._tell("llm.retry", call, turn.deployment, turn.attempt - 1, delay_s)
        await self._clock.sleep(delay_s)
        return True

    def _tell(
        self,
        name: EventName,
        call: Call,
        deployment: Deployment,
        attempt: int | None = None,
        delay_s: float | None = None,
    ) -> None:
        buses = [bus for bus in (self._bus, self._watched.get(call.id)) if bus]
        if not buses:
            return
        event = CallEvent(
            name=name,
            call=call.id,
            time=self._clock.time(),
            model=call.model,
            provider=deployment.provider.name,
            deployment=deployment.id,
            operation=call.operation,
            tenant=call.tenant,
            attempt=attempt,
            delay_s=delay_s,
        )
        for bus in buses:
            bus.emit(event)

    # ------------------------------------------------------------ counting

    async def _count(self, call: Call, inner: Handler) -> Reply:
        counts = self.counts
        counts.total += 1
        self._retries.earn()
        try:
            reply = await inner(call)
        except asyncio.CancelledError:
            counts.cancelled += 1
            raise
        except BaseException:
            counts.failed += 1
            raise
        stream = reply.chunks or reply.events
        if stream is None:
            counts.succeed(reply.usage)
        else:
            stream.on_settled.append(self._count_settled)
        return reply

    def _count_settled(self, usage: Usage | None, error: LLMError | None) -> None:
        if error is None:
            self.counts.succeed(usage)
        elif error.code == LEFT:
            self.counts.cancelled += 1
        else:
            self.counts.failed += 1

    # ------------------------------------------------------------ apart from models

    async def list_models(
        self, provider: str, options: Options = _NO_OPTIONS
    ) -> tuple[ModelListing, ...]:
        """What a configured provider says that it serves, at this moment."""
        configured = self._provider(provider)
        call = Call(id=self.new_id(), operation="models", model=f"{provider}/", options=options)
        reply = await self._attempt(_without_model(configured), call)(call)
        listed: tuple[ModelListing, ...] = reply.value
        return tuple([replace(model, provider=provider) for model in listed])

    def _provider(self, name: str) -> ConfiguredProvider:
        configured = self.settings.providers.get(name)
        if configured is None:
            names = ", ".join(self.settings.providers) or "none"
            raise UnknownModelError(f"no provider {name!r} is configured; there are: {names}")
        if configured.problem is not None:
            raise MissingKeyError(configured.problem, provider=name)
        return configured

    def stats(self) -> Stats:
        return self.counts.snapshot()

    def new_id(self) -> str:
        """An id for a call, unique among this machine's processes."""
        return f"{self._prefix}{next(self._ids):x}"

    async def aclose(self) -> None:
        if self._bus:
            self._bus.flush()
        await self._transport.aclose()


def _as_chat(deployment: Deployment, client: str | None) -> bool:
    """Whether a client's text to be completed means a turn of a chat, at a host of another dialect."""
    return client not in (None, deployment.dialect) and dialect(str(client)).completes_by_chat


def _without_model(provider: ConfiguredProvider) -> Deployment:
    """A provider as something to send to: for what it answers about itself."""
    return Deployment(
        id=f"{provider.name}/",
        provider=provider.row,
        dialect=provider.dialect,
        target=Target(model="", places=provider.places),
        also=provider.also,
        credential=provider.credentials[0] if provider.credentials else Credential(name="none"),
        base_url=provider.base_url,
        headers=provider.headers,
        query=provider.query,
        timeouts=provider.timeouts,
        backoff=provider.backoff,
    )
