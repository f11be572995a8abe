"""The engine: the only file that knows in which order a call meets the policies.

ring A, once a call:      count → trace → observe → callers' limits → experiment → kept answers,
                          exact and by meaning → single flight → task → dispatch
dispatch:                 plan → one loop over it; ``retry.decide`` says again, next or stop;
                          breaker, limits, budgets and the ledger's intent before each attempt
ring B, once an attempt:  trace → perceive → emulate → inline, or split, or estimate → exchange
"""

from __future__ import annotations

import asyncio
import copy
import functools
import itertools
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from modelway.accounting import Accounts
from modelway.announcing import Announcer
from modelway.asked import AskedCall
from modelway.call import Assigned, Call, Credential, Deployment, Operation, Options, Reply, Target
from modelway.clock import SystemClock
from modelway.config.resolve import resolve
from modelway.config.settings import ConfiguredProvider, Route, Settings
from modelway.dialects import dialect
from modelway.dispatch import Dispatch
from modelway.errors import LLMError, MissingKeyError, UnknownModelError
from modelway.exchange import Exchange, offers, speaking
from modelway.facts import Facts
from modelway.observe.stats import Stats
from modelway.observe.stopwatch import Stopwatch
from modelway.observe.watch import observing
from modelway.plans import PassedOver, Plans, Tier, default_tiers
from modelway.policies.completing import completing
from modelway.policies.emulate import emulating
from modelway.policies.estimate import estimating
from modelway.policies.inlining import inlining
from modelway.policies.limits import Ticket
from modelway.policies.perceiving import lacking, perceiving
from modelway.policies.single_flight import SingleFlight
from modelway.policies.splitting import splitting
from modelway.ports import Clock, Fetch, Handler, Middleware, Observer, Signer, Transport
from modelway.quotas import limiting
from modelway.state import State
from modelway.streams import LEFT
from modelway.tracks import Track, Tracks
from modelway.types import ModelListing, Usage

_NO_OPTIONS = Options()
_KNOWN_PLANS = 10_000
"""Names, which callers choose, that are remembered; past it a memory starts anew."""


def onion(handler: Handler, *middlewares: Middleware) -> Handler:
    """The handler inside the middlewares, the first of which is the outermost."""
    for middleware in reversed(middlewares):
        handler = _wrap(middleware, handler)
    return handler


def _wrap(middleware: Middleware, inner: Handler) -> Handler:
    return lambda call: middleware(call, inner)


def _unheard(track: Track, reason: str) -> None:
    del track, reason


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
        state: State | None = None,
    ) -> None:
        self.settings = settings
        self._transport = transport
        self._fetch = fetch
        self._signers = signers or {}
        self._clock = clock or SystemClock()
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, guards nothing
        self.facts = Facts(settings, self._clock)
        self._alone = state is None
        self.state = state or State(settings, self._clock)
        self._experiments = {one.name: one for one in settings.experiments}
        self.accounts = Accounts(self.facts, self._clock, self.state)
        self._tracks = Tracks(settings, self.facts, self.state)
        self._plans = Plans(settings, self._tracks, self._clock.time)
        self._told = Announcer(observers, self.state, self._clock)
        if self.state.metrics is not None:
            self.state.metrics.expect(
                [
                    (one.provider.name, one.model)
                    for route in settings.routes.values()
                    for one in route.deployments
                ]
            )
        self._deployments: dict[str, Deployment] | None = None
        self._ring_b: dict[tuple[int, Operation, str | None], tuple[Deployment, Handler]] = {}
        """By the deployment itself: two of an id may differ in what a configuration says of them."""
        self._ids = itertools.count(1)
        self._prefix = f"mw-{int(time.time() * 1000):x}-{os.urandom(4).hex()}-"
        self.handle: Handler = self._ring_a()
        self._told.listen()  # last: what cannot be made leaves nothing behind
        self.state.newest = self

    # ------------------------------------------------------------ the order of things

    def _ring_a(self) -> Handler:
        dispatch = Dispatch(
            self.tiers,
            self._plans,
            self.state,
            self.attempt,
            accounts=self.accounts,
            settings=self.settings,
            clock=self._clock,
            chance=self._chance,
            tell=self._told.tell,
        )
        around: list[Middleware] = [self._count]
        if self.state.telemetry is not None:
            around.append(self.state.telemetry.request)
        if self._told.bus is not None:
            around.append(observing(self._told.bus, self._clock))
        if quotas := limiting(self.settings, self.state.limiter, self._clock):
            around.append(quotas)
        if self._experiments:
            around.append(self._experimenting())
        if self.settings.cache.enabled:
            from modelway import keeping  # noqa: PLC0415  # only where answers are kept

            kept, *meant = keeping.caches(self.settings, self.state, self._clock, self.accounts.hit)
            around += [kept, *[self._paid(one) for one in meant]]
        around.append(
            SingleFlight(
                always=self.settings.single_flight, shared_by=self.settings.cache.shared_by
            )
        )
        if self.settings.task_model is not None:
            around.append(self._paid(self._classifying(self.settings.task_model)))
        return onion(dispatch, *around)

    def _paid(self, middleware: Middleware) -> Middleware:
        """One that spends the operator's money: not for callers who have none left themselves."""

        async def pass_(call: Call, inner: Handler) -> Reply:
            if await self.accounts.can_spend(call):
                return await middleware(call, inner)
            return await inner(call)

        return pass_

    def _one_more(self, deployment: Deployment) -> Callable[[], Awaitable[Ticket]]:
        """Leave to send a deployment one request more, for calls that need several."""
        waits = self.settings.queue.on_limit == "wait"

        async def enter() -> Ticket:
            gate = self._tracks.gate(deployment)
            return gate.admit(0) or await gate.enter(0, wait=waits)

        return enter

    def _experimenting(self) -> Middleware:
        from modelway.assigning import experimenting  # noqa: PLC0415  # few have experiments

        return experimenting(self._experiments, self.state.outcomes, self.facts, self._clock)

    def _classifying(self, model: str) -> Middleware:
        from modelway.classifying import classifying  # noqa: PLC0415  # few ask a model

        def is_local() -> bool:
            found = resolve(self.settings, model).deployments
            return bool(found) and all(one.provider.local for one in found)

        return classifying(model, is_local, lambda: self.handle, self.new_id)

    def deployment(self, id_: str) -> Deployment | None:
        """The deployment of this id in this configuration."""
        if self._deployments is None:
            self._deployments = {
                one.id: one for route in self.settings.routes.values() for one in route.deployments
            }
        found = self._deployments.get(id_)
        if found is not None:
            return found
        try:
            named = resolve(self.settings, id_).deployments
        except LLMError:
            return None
        return next((one for one in named if one.id == id_), None)

    def attempt(self, deployment: Deployment, call: Call) -> Handler:
        """Ring B: what one attempt at a deployment goes through."""
        client = None if call.body is None else call.body.dialect
        key = (id(deployment), call.operation, client)
        found = self._ring_b.get(key)
        if found is None or found[0] is not deployment:
            if len(self._ring_b) >= _KNOWN_PLANS:
                self._ring_b.clear()
            spoken = speaking(deployment, call.operation, client)
            handler = self._ring_b_of(spoken, call.operation, client)
            found = self._ring_b[key] = (deployment, handler)
        return found[1]

    def preview(self, deployment: Deployment, call: Call) -> Awaitable[Reply]:
        """What would be sent to a deployment, as the body of a reply; nothing is."""
        client = None if call.body is None else call.body.dialect
        spoken = speaking(deployment, call.operation, client)
        return self._ring_b_of(spoken, call.operation, client, sends=False)(call)

    def _ring_b_of(
        self, deployment: Deployment, operation: Operation, client: str | None, sends: bool = True
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
        if sends and self.state.telemetry is not None:
            cost = functools.partial(self.facts.cost, deployment)
            around.append(self.state.telemetry.attempt(deployment, operation, cost))
        match operation:
            case "chat":
                if refused := lacking(known):
                    around.append(perceiving(deployment, refused, self.facts.carriers))
                if client != deployment.dialect or deployment.target.quirks.touched():
                    around.append(emulating(deployment, self.facts.known))
                if sends and self._fetch is not None and dialect(deployment.dialect).inlined:
                    around.append(inlining(deployment.dialect, self._fetch))
            case "count_tokens" if not offers(deployment, operation):
                around.append(estimating(deployment))
            case "complete" if not offers(deployment, operation) or _as_chat(deployment, client):
                around.append(completing)
            case "embed":
                around.append(splitting(deployment, self._one_more(deployment)))
            case _:
                pass
        return onion(exchange.send if sends else exchange.preview, *around)

    async def watch(self, call: Call, observers: Sequence[Observer]) -> Reply:
        """``handle``, of which these observers are told too."""
        with self._told.watching(call, observers) as bus:
            return await onion(self.handle, observing(bus, self._clock))(call)

    # ------------------------------------------------------------ dispatch

    def plan(self, call: Call) -> list[Sequence[Deployment]]:
        """What would answer: tiers in the order of fallback, each in its strategy's order."""
        call = self.assigned(call).call
        asked = AskedCall(call)
        return [
            [track.deployment for track in self.peeked(tier, asked)] for tier in self.tiers(call)
        ]

    def assigned(self, call: Call) -> Assigned:
        """The call as the experiment that it names, if it does, has it asked."""
        if call.model not in self._experiments:
            return Assigned(call)
        from modelway.assigning import assigned  # noqa: PLC0415  # few have experiments

        return assigned(self._experiments, call)

    def peeked(
        self, tier: Tier, asked: AskedCall, passed_over: PassedOver = _unheard
    ) -> Iterator[Track]:
        """A tier's order for this call, as the next call will have it: nothing is moved by it."""
        if asked.call.only is not None:
            return tier.only(asked.call.only)
        chance = copy.copy(self._chance)
        return tier.order(asked, chance, passed_over, copy.deepcopy(tier.chooser))

    def default_tiers(self, first: Tier | None, call: Call) -> list[Tier]:
        """What is asked where the first tier's filters let nothing of its plan answer."""
        return default_tiers(self._plans, first, call)

    def tiers(self, call: Call) -> tuple[Tier, ...]:
        """The tiers of a call, the model that was asked for before its fallbacks."""
        if call.operation == "pass" and call.model.endswith("/"):
            deployment = without_model(self._provider(call.model[:-1]))
            route = Route(name=call.model, deployments=(deployment,))
            return (self._plans.alone(route, deployment),)
        return self._plans.of(call)

    # ------------------------------------------------------------ counting

    async def _count(self, call: Call, inner: Handler) -> Reply:
        state = self.state
        counts = state.counts
        counts.total += 1
        state.retries.earn()
        watch = None if state.metrics is None else Stopwatch(state.metrics, call, self._clock)
        try:
            reply = await inner(call)
        except asyncio.CancelledError:
            counts.cancelled += 1
            if watch is not None:
                watch.failed("Cancelled")
            raise
        except BaseException as error:
            counts.failed += 1
            if watch is not None:
                watch.failed(type(error).__name__)
            raise
        if watch is not None:
            watch.answered(reply)
        stream = reply.chunks or reply.events
        if stream is None:
            counts.succeed(None if reply.cached else reply.usage)
        else:
            kept = bool(reply.cached)
            stream.on_settled.append(functools.partial(self._count_settled, kept=kept))
        return reply

    def _count_settled(
        self, usage: Usage | None, error: LLMError | None, *, kept: bool = False
    ) -> None:
        if error is None:
            self.state.counts.succeed(None if kept else usage)
        elif error.code == LEFT:
            self.state.counts.cancelled += 1
        else:
            self.state.counts.failed += 1

    # ------------------------------------------------------------ apart from models

    async def list_models(
        self, provider: str, options: Options = _NO_OPTIONS
    ) -> tuple[ModelListing, ...]:
        """What a configured provider says that it serves, at this moment."""
        configured = self._provider(provider)
        call = Call(id=self.new_id(), operation="models", model=f"{provider}/", options=options)
        reply = await self.attempt(without_model(configured), call)(call)
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
        return self.state.counts.snapshot()

    def new_id(self) -> str:
        """An id for a call, unique among all processes: the ledger knows it by it."""
        return f"{self._prefix}{next(self._ids):x}"

    def retire(self) -> None:
        """Hand over what is to be told, and hear nothing more. Calls under way end as they began."""
        self._told.retire()

    async def aclose(self) -> None:
        """Close an engine that was made by itself, and its transport."""
        self.retire()
        if self._alone:
            await self.state.aclose()
        await self._transport.aclose()


def _as_chat(deployment: Deployment, client: str | None) -> bool:
    """Whether a client's text to be completed means a turn of a chat, at a host of another dialect."""
    return client not in (None, deployment.dialect) and dialect(str(client)).completes_by_chat


def without_model(provider: ConfiguredProvider) -> Deployment:
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
