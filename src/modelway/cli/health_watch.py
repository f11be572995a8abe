"""How providers and breakers are, again and again: watched from here, or as a gateway says."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec

from modelway.cli import health_table, output
from modelway.cli.gateways import Gateway
from modelway.cli.health_table import Snapshot
from modelway.clock import SystemClock
from modelway.errors import ConfigError, ResponseError, UnavailableError
from modelway.health import Monitor
from modelway.opening import open_engine
from modelway.policies.breaker import Breakers
from modelway.store.memory import open_memory

_EVERY_S = 1.0
"""Between two looks, where nothing is told meanwhile."""

Watching = AsyncGenerator[Snapshot, None]


async def here(config: Path | None, provider: str | None) -> Watching:
    """Ask from this process. Its breakers are its own, so that no gateway hears of what fails here."""
    opened = await open_engine(config)
    async with contextlib.AsyncExitStack() as resources:
        resources.push_async_callback(opened.aclose)
        engine, clock = opened.engine, SystemClock()
        store, changed = open_memory(clock), asyncio.Event()
        breakers = Breakers(
            engine.settings.breaker,
            clock,
            leases=store.leases,
            records=store.records,
            node="",
            tell=lambda _: changed.set(),
        )
        resources.push_async_callback(breakers.aclose)
        watching = msgspec.structs.replace(engine.settings.health, active=True)
        chance = random.Random()  # noqa: S311 - spreads checks, guards nothing
        monitor = Monitor(engine, watching, clock, chance, breakers, lambda _: changed.set())
        resources.push_async_callback(monitor.aclose)
        await monitor.start()
        while True:
            changed.clear()
            snapshot = Snapshot(monitor.statuses(), breakers.statuses()).of(provider)
            if not snapshot.providers:
                raise ConfigError(
                    "no provider is configured: set a key, such as OPENAI_API_KEY"
                    if provider is None
                    else f"no provider {provider!r} is configured"
                )
            yield snapshot
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _EVERY_S)


async def there(gateway: Gateway, provider: str | None) -> Watching:
    """Ask a gateway, each second. One that goes away is waited for, once it has been there."""
    async with gateway:
        snapshot = (await _look(gateway)).of(provider)
        while True:
            yield snapshot
            await asyncio.sleep(_EVERY_S)
            try:
                snapshot = (await _look(gateway)).of(provider)
            except UnavailableError as error:
                snapshot = msgspec.structs.replace(snapshot, trouble=error.message)


async def _look(gateway: Gateway) -> Snapshot:
    answer = await gateway.ask("GET", "/v1/health")
    try:
        return msgspec.json.decode(answer, type=Snapshot)
    except msgspec.MsgspecError:
        raise ResponseError("what answered is no gateway of modelway's") from None


def show_once(gateway: Gateway, provider: str | None, *, json: bool) -> int:
    """What a gateway says now; 1 where something is down or left alone."""
    snapshot = asyncio.run(_first(there(gateway, provider)))
    if json:
        output.show_json(snapshot)
    else:
        health_table.show(snapshot)
    return 0 if snapshot.well else 1


async def _first(watching: Watching) -> Snapshot:
    async with contextlib.aclosing(watching):
        return await anext(watching)


def show(watching: Watching, *, json: bool) -> int:
    """Until Ctrl-C, which is how it is meant to end."""
    on_terminal = sys.stdout.isatty() and not json
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_live(watching) if on_terminal else _lines(watching, json=json))
    return 0


async def _live(watching: Watching) -> None:
    from rich.live import Live  # noqa: PLC0415  # 0.1 s, for terminals alone

    async with contextlib.aclosing(watching):
        with Live(auto_refresh=False) as live:
            async for snapshot in watching:
                live.update(health_table.drawn(snapshot), refresh=True)


async def _lines(watching: Watching, *, json: bool) -> None:
    """What is new of each snapshot."""
    known: dict[str, str] = {}
    async with contextlib.aclosing(watching):
        async for snapshot in watching:
            for name, status in snapshot.named():
                if known.get(name) == status.state:
                    continue
                known[name] = status.state
                if json:
                    output.show_json(status)
                else:
                    line = f"{time.strftime('%H:%M:%S')}  {name}  {status.state}"
                    output.say(f"{line}  {health_table.why(status)}".rstrip() + "\n")
