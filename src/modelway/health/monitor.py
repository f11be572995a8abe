"""Watches providers: asks each now and then what costs nothing, and sees how traffic fares."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from modelway.call import Credential, Deployment
from modelway.catalog.load import shipped
from modelway.config.settings import ConfiguredProvider, HealthSettings
from modelway.engine import Engine
from modelway.errors import APIConnectionError, APITimeoutError, LLMError
from modelway.health.checks import Check, ask, cheapest
from modelway.health.target import Target
from modelway.health.values import HealthChange, HealthStatus
from modelway.opening import SIMULATOR, only_named
from modelway.policies.breaker import Breakers
from modelway.ports import Clock

_NO_CREDENTIAL = Credential(name="none")
_MOST_KNOWN = 10_000
"""Deployments, which callers may name, that are looked up once."""

Key = tuple[str, str]
"""A provider's name and a credential's."""


class Monitor:
    """One of a process, whatever configurations come and go: ``use`` gives it the next one.

    A check that fails is told to the breakers of all deployments that it speaks for; one that goes well
    closes them, so that the next failure opens them again: a list of models is no answer of theirs.
    """

    def __init__(  # noqa: PLR0917  # six things that it needs, in no order to mistake
        self,
        engine: Engine,
        settings: HealthSettings,
        clock: Clock,
        chance: random.Random,
        breakers: Breakers,
        tell: Callable[[HealthChange], None],
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._breakers = breakers
        self._tell = tell
        self._targets: dict[Key, Target] = {}
        self._of: dict[str, Target] = {}
        self._asking: dict[Key, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._running = False
        self.use(engine)

    # ------------------------------------------------------------ its life

    async def start(self) -> None:
        """Begin to ask, where that is wanted."""
        self._running = bool(self._settings.active)
        self._begin()

    async def aclose(self) -> None:
        """Stop asking; checks under way are cut."""
        self._running = False
        self._stop_asking()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def use(self, engine: Engine, settings: HealthSettings | None = None) -> None:
        """Watch what this engine's configuration has. What is known of the others' is forgotten."""
        self._engine = engine
        self._settings = settings or self._settings
        self._running = self._running and bool(self._settings.active)
        old, self._targets, self._of = self._targets, {}, {}
        for provider in engine.settings.providers.values():
            if only_named(provider):
                continue
            for credential in provider.credentials or (_NO_CREDENTIAL,):
                key = (provider.name, credential.name)
                target = old.get(key) or Target(*key, self._clock)
                self._targets[key] = target
                self._prepare(target, provider, credential)
        self._stop_asking()
        self._begin()

    def _prepare(
        self, target: Target, provider: ConfiguredProvider, credential: Credential
    ) -> None:
        found = [
            deployment
            for route in self._engine.settings.routes.values()
            for deployment in route.deployments
            if _key(deployment) == (target.provider, target.credential)
        ]
        target.deployments = dict.fromkeys([deployment.id for deployment in found])
        target.problem = provider.problem or ""
        unasked = bool(target.problem) or _runs_here(provider)
        target.checked_by(lambda: None if unasked else cheapest(provider, credential, found))

    # ------------------------------------------------------------ traffic

    def seen(
        self,
        deployment: Deployment,
        ok: bool,
        latency_s: float | None,
        error: LLMError | None = None,
    ) -> None:
        """An attempt ended, or its stream did; ``latency_s``: until its answer began."""
        target = self._of.get(deployment.id)
        if target is None:
            target = self._find(deployment)
            if target is None:
                return
        if ok:
            change = target.answered(latency_s, self._settings)
        elif error is not None:
            change = target.failed(error, self._settings)
        else:
            return
        if change is not None:
            self._tell(change)

    def _find(self, deployment: Deployment) -> Target | None:
        target = self._targets.get(_key(deployment))
        if target is not None:
            if len(self._of) >= _MOST_KNOWN:
                self._of.clear()
            self._of[deployment.id] = target
            target.uses(deployment.id)
        return target

    def statuses(self) -> tuple[HealthStatus, ...]:
        return tuple([target.status() for target in self._targets.values()])

    # ------------------------------------------------------------ checks

    def _asks(self, key: Key) -> bool:
        return self._running and key in self._targets and not self._targets[key].problem

    def _begin(self) -> None:
        for key in self._targets:
            if key not in self._asking and self._asks(key):
                self._asking[key] = asyncio.create_task(self._watch(key))

    def _stop_asking(self) -> None:
        """Those that are not to be asked any more."""
        for key in [one for one in self._asking if not self._asks(one)]:
            task = self._asking.pop(key)
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            task.cancel()

    async def _watch(self, key: Key) -> None:
        """Ask one again and again; another that hangs does not matter here."""
        await self._clock.sleep(self._settings.first_s)
        while True:
            target = self._targets[key]
            if target.check is None:
                return
            await self._check(target, target.check)
            settings = self._settings
            spread = settings.jitter * (2 * self._chance.random() - 1)
            await self._clock.sleep(settings.interval_s * (1 + spread))

    async def _check(self, target: Target, check: Check) -> None:
        began = self._clock.monotonic()
        failed_before = target.failed_check
        try:
            note = await self._in_time(check)
        except LLMError as error:
            change = target.failed(error, self._settings, checked=True)
            if target.failed_check:
                for deployment in target.deployments:
                    self._breakers.of(deployment).failed(error)
        else:
            took_s = self._clock.monotonic() - began
            target.note = note
            change = target.answered(took_s, self._settings, checked=True)
            for deployment in target.deployments:
                breaker = self._breakers.of(deployment)
                if failed_before:
                    breaker.succeeded()
                else:
                    breaker.alive()
        if change is not None:
            self._tell(change)

    async def _in_time(self, check: Check) -> str:
        """The answer to a check, or APITimeoutError; whatever else goes wrong is a failure too."""
        timeout_s = self._settings.timeout_s
        asking = asyncio.ensure_future(ask(self._engine, check, timeout_s))
        waiting = asyncio.ensure_future(self._clock.sleep(timeout_s))
        try:
            await asyncio.wait({asking, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (asking, waiting):
                task.cancel()
            await asyncio.gather(asking, waiting, return_exceptions=True)
        if asking.cancelled():
            raise APITimeoutError(f"a check was not answered within {timeout_s:g} s", code="total")
        error = asking.exception()
        if error is None:
            return asking.result()
        if isinstance(error, LLMError):
            raise error
        raise APIConnectionError(f"a check failed: {type(error).__name__}") from error


def _runs_here(provider: ConfiguredProvider) -> bool:
    """Whether it is started in this process by the first who asks it: not by us."""
    simulator = shipped(SIMULATOR)
    return provider.row.in_process or (
        simulator is not None
        and provider.row.name == simulator.name
        and provider.base_url == simulator.base_url
    )


def _key(deployment: Deployment) -> Key:
    return deployment.provider.name, deployment.credential.name
