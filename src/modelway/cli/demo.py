"""``modelway demo``: the gateway at work between official SDKs and providers, in one screen."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter

from modelway.cli import output
from modelway.cli.demo_screen import Screen
from modelway.cli.demo_stage import Stage, set_up
from modelway.cli.options import Flag, Port
from modelway.cli.serve import url_of
from modelway.engine import Engine
from modelway.errors import ConfigError
from modelway.gateway.app import Gateway
from modelway.gateway.authorise import open_keys
from modelway.gateway.serve import listen, new_event_loop, run
from modelway.opening import open_engine

_USUAL_PORT = 4000
_DRAIN_S = 2.0


def demo(
    *,
    once: Annotated[bool | None, Parameter(name="--once", negative="--stay")] = None,
    simulated: Flag = False,
    port: Port | None = None,
) -> int:
    """Show the gateway at work: official SDKs on one side, providers on the other.

    The question goes to the provider whose key is set, or to a server on this
    machine, and otherwise to modelway's simulator, which says so. The tool call
    and the failure are always simulated. Afterwards the gateway is left running,
    to try; where nobody sits at a terminal it ends.

    For example:
        modelway demo
        modelway demo --once
        modelway demo --simulated --port 8080

    Parameters
    ----------
    once
        End after the last act, or --stay in any case.
    simulated
        Ask no real provider, even where a key is set.
    port
        Where the gateway listens; else 4000, or any free port when that is taken.
    """
    _check_sdks()
    if once is None:
        once = not (sys.stdin.isatty() and sys.stdout.isatty())
    screen = Screen()
    screen.title("modelway demo: two official SDKs, one gateway, providers of two dialects")
    # the SDKs take seconds to import, in which Ctrl-C must work as ever
    importlib.import_module("modelway.cli.demo_acts")
    loop = new_event_loop()
    try:
        return loop.run_until_complete(_demo(screen, port, once=once, simulated=simulated))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _check_sdks() -> None:
    missing = [name for name in ("openai", "anthropic") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"the demo shows the official SDKs; not installed: {', '.join(missing)}. "
            "Install them: pip install 'modelway[demo]'"
        )


class _Running(NamedTuple):
    """The gateway of the demo. ``ended`` is done when a signal has come, or the gateway failed."""

    url: str
    key: str
    engine: Engine
    ended: asyncio.Future[None]


async def _demo(screen: Screen, port: int | None, *, once: bool, simulated: bool) -> int:
    async with set_up(simulated=simulated) as stage, _gateway(stage, port) as running:
        screen.fact(stage.answers)
        screen.fact(f"gateway {running.url} → {stage.cast}")
        acts = asyncio.create_task(_acts(running, stage, screen))
        either: tuple[asyncio.Future[Any], ...] = (acts, running.ended)
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not acts.done():
            acts.cancel()
            await asyncio.gather(acts, return_exceptions=True)
            output.aside("\ninterrupted")
            return 130
        failed = acts.result()
        stats = running.engine.stats()
        screen.total(stats, failed)
        if not once:
            screen.farewell(running.url, running.key)
            await running.ended
        return 1 if failed else 0


async def _acts(running: _Running, stage: Stage, screen: Screen) -> int:
    """Plays all acts; how many of them failed."""
    from modelway.cli.demo_acts import Acts  # noqa: PLC0415  # loaded when the demo began

    async with Acts(running.url, running.key, stage, screen) as acts:
        return await acts.play()


@contextlib.asynccontextmanager
async def _gateway(stage: Stage, port: int | None) -> AsyncIterator[_Running]:
    """A gateway in this process, with a key that is good for as long as it runs."""
    opened = await open_engine(stage.settings)
    listening = _listen(port)
    try:
        with contextlib.closing(listening), tempfile.TemporaryDirectory() as state:
            keys, key = open_keys(Path(state))
            assert key is not None  # noqa: S101  # the directory is new
            ready = asyncio.Event()
            gateway = Gateway(opened.engine, keys)
            serving = asyncio.create_task(run(gateway, listening, ready.set, drain_s=_DRAIN_S))
            try:
                await ready.wait()
                url = url_of(listening.getsockname())
                yield _Running(url, key, opened.engine, _ended(serving))
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
    finally:
        await opened.aclose()


def _ended(serving: asyncio.Task[None]) -> asyncio.Future[None]:
    """Done when this is to end: at the first signal, which is not left to the server to drain."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def end(*_: object) -> None:
        if not ended.done():
            ended.set_result(None)

    serving.add_done_callback(end)
    for name in ("SIGINT", "SIGTERM"):
        with contextlib.suppress(NotImplementedError):  # Windows: the server's own handlers remain
            loop.add_signal_handler(getattr(signal, name), end)
    return ended


def _listen(port: int | None) -> socket.socket:
    if port is not None:
        return listen("127.0.0.1", port)
    try:
        return listen("127.0.0.1", _USUAL_PORT)
    except ConfigError:
        return listen("127.0.0.1", 0)
