"""``modelway serve``: the gateway as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import Parameter
from cyclopts.validators import Number

from modelway.cli import output
from modelway.cli.options import Config, Flag, Port, Switch
from modelway.cli.serve_introduction import introduce, introduction
from modelway.clock import SystemClock
from modelway.config.load import find, load
from modelway.config.settings import Settings
from modelway.errors import ConfigError
from modelway.gateway.app import Gateway
from modelway.gateway.authorise import (
    Keys,
    has_keys,
    is_loopback,
    no_keys,
    open_keys,
    state_directory,
)
from modelway.gateway.operating import operated
from modelway.gateway.serve import listen, new_event_loop, run
from modelway.gateway.stored import FILE, Responses
from modelway.gateway.worker import Seat
from modelway.gateway.workers import Hooks, listen_together, supervise
from modelway.observe.sharing import Shared, fold
from modelway.opening import Opened, open_engine

_SHARED_IN = (
    "the processes share limits, budgets and breakers in {}: set `store` to have them elsewhere"
)


def serve(
    *,
    config: Config = None,
    host: str | None = None,
    port: Port | None = None,
    auth: Switch = True,
    new_key: Flag = False,
    workers: Annotated[int, Parameter(validator=Number(gte=1, lte=64))] = 1,
    offline: Flag = False,
) -> int:
    """Serve OpenAI- and Anthropic-compatible HTTP on this machine.

    Without a configuration, keys in the environment make their providers
    available; without keys, local servers are looked for; without those, a
    simulator answers and says so.

    The first start makes a key for callers and prints it once. Ctrl-C or SIGTERM
    lets open answers end first; a second one does not wait.

    For example:
        modelway serve
        modelway serve --config modelway.yaml --port 8080
        modelway serve --host 0.0.0.0    # for others too, once there is a key

    Parameters
    ----------
    host
        The address to listen on. Anything but loopback needs a key.
    port
        The port to listen on; 0 takes a free one.
    auth
        Whether callers must show a key. --no-auth is for loopback only.
    new_key
        Make a new key in place of those made before, when the key is lost.
    workers
        How many processes serve, on one port. They share limits, budgets and
        breakers in the configured store, or else in a file. Not on Windows.
    offline
        Answer from what is kept, recorded or run in this process; open no
        connection to any provider.
    """
    if workers == 1:
        run_gateway(config, host, port, auth=auth, new_key=new_key, offline=offline)
        return 0
    return _several(workers, config, host, port, auth=auth, new_key=new_key, offline=offline)


def run_gateway(
    config: Config,
    host: str | None,
    port: int | None,
    *,
    auth: bool = True,
    new_key: bool = False,
    offline: bool = False,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Serve in this process until a signal says to end."""

    async def alone() -> None:
        opened = await _open(config, offline=offline, environment=environment)
        try:
            settings = opened.engine.settings
            address = settings.gateway.host if host is None else host
            _check(settings, address, auth=auth, new_key=new_key)
            listening = listen(address, settings.gateway.port if port is None else port)
            with contextlib.closing(listening):
                keys, made = _keys(settings, address, auth=auth, new_key=new_key)
                await _serve(
                    opened,
                    listening,
                    keys,
                    lambda: introduce(
                        introduction(url_of(listening.getsockname()), opened, keys, made)
                    ),
                    lambda new: _keys(new, address, auth=auth, new_key=False)[0],
                )
        finally:
            await opened.aclose()

    _run(alone())


def _several(
    workers: int,
    config: Config,
    host: str | None,
    port: int | None,
    *,
    auth: bool,
    new_key: bool,
    offline: bool,
) -> int:
    """Serve in so many processes until a signal says to end; the exit code."""
    settings = load(config)
    host = settings.gateway.host if host is None else host
    _check(settings, host, auth=auth, new_key=new_key)
    _check_workers()
    port = settings.gateway.port if port is None else port
    store = _shared_store(settings, config)
    notices = () if store is None else (_SHARED_IN.format(store),)
    with contextlib.ExitStack() as open_:
        sockets = listen_together(host, port, workers)
        for listening in sockets:
            open_.callback(listening.close)
        directory = Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="modelway-")))
        _, made = _keys(settings, host, auth=auth, new_key=new_key)

        async def one(seat: Seat) -> None:
            opened = await _open(config, offline=offline, store=store)
            try:
                now = opened.engine.settings
                keys, _ = _keys(now, host, auth=auth, new_key=False)
                with _until_gone(seat.alive):
                    await _serve(
                        opened,
                        seat.listening,
                        keys,
                        lambda: seat.started(
                            introduction(
                                url_of(seat.listening.getsockname()),
                                opened,
                                keys,
                                made,
                                workers=workers,
                                notices=notices,
                            )
                        ),
                        lambda new: _keys(new, host, auth=auth, new_key=False)[0],
                        directory=directory,
                    )
            finally:
                await opened.aclose()

        hooks = Hooks(introduce, output.note, lambda process: fold(directory, process))
        return supervise(
            sockets, lambda seat: _run(one(seat)), hooks, drain_s=settings.gateway.drain_s
        )


async def _open(
    config: Config,
    *,
    offline: bool,
    environment: Mapping[str, str] | None = None,
    store: str | None = None,
) -> Opened:
    return await open_engine(
        config,
        environment=environment,
        embedded="if_nothing_else",
        ledger=True,
        metrics=True,
        offline=offline,
        store=store,
    )


def _run(serving: Coroutine[Any, Any, None]) -> None:
    loop = new_event_loop()
    try:
        loop.run_until_complete(serving)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@contextlib.contextmanager
def _until_gone(alive: int) -> Iterator[None]:
    """Drain when nobody looks after this process any more."""
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(alive)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(alive, gone)
    try:
        yield
    finally:
        loop.remove_reader(alive)


async def _serve(
    opened: Opened,
    listening: socket.socket,
    keys: Keys,
    ready: Callable[[], None],
    rekey: Callable[[Settings], Keys],
    *,
    directory: Path | None = None,
) -> None:
    """``directory`` is where processes that serve together tell each other their figures."""
    settings = opened.engine.settings.gateway
    metrics = opened.engine.state.metrics
    shared = None if metrics is None else Shared(metrics, directory, SystemClock())
    gateway = Gateway(
        opened.engine,
        keys,
        max_body_bytes=settings.max_body_bytes,
        responses=Responses(state_directory() / FILE, life_s=settings.responses_life_s),
        opened=opened,
        rekey=rekey,
        shared=shared,
    )
    async with contextlib.AsyncExitStack() as around:
        if shared is not None:
            around.push_async_callback(shared.aclose)
            await shared.start()
        await around.enter_async_context(operated(gateway, opened))
        await run(gateway, listening, ready, drain_s=settings.drain_s)


def url_of(address: tuple[str, int]) -> str:
    """A socket's address as clients write it."""
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{host}:{address[1]}"


def _check(settings: Settings, host: str, *, auth: bool, new_key: bool) -> None:
    """Refuse what would be open to others, or means nothing."""
    if new_key and not auth:
        raise ConfigError("--new-key and --no-auth exclude each other")
    if not auth or new_key or is_loopback(host) or settings.gateway.keys:
        return
    if not has_keys(state_directory()):
        raise ConfigError(
            f"refusing to listen on {host} without a key: set gateway.keys in the configuration, "
            "or start once on 127.0.0.1 to be given one"
        )


def _check_workers() -> None:
    """Refuse what one process alone can do."""
    if sys.platform == "win32":
        raise ConfigError(
            "--workers needs Linux or macOS: here, start several gateways on ports of their own, "
            "with one `store`, behind a proxy"
        )
    if os.environ.get("MODELWAY_CASSETTE"):
        raise ConfigError("a cassette is recorded or replayed by one process: leave out --workers")


def _shared_store(settings: Settings, config: Config) -> str | None:
    """The URL of a file for the state of this gateway's processes; ``None``: a store is configured."""
    if any(origin.path == "store.url" for origin in settings.origins):
        return None
    file = config or find(os.environ)
    named = str(file.expanduser().absolute()) if file is not None else "environment"
    digest = hashlib.sha256(named.encode()).hexdigest()[:8]
    directory = state_directory().absolute()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return f"sqlite://{quote(str(directory / f'workers-{digest}.sqlite'))}"


def _keys(settings: Settings, host: str, *, auth: bool, new_key: bool) -> tuple[Keys, str | None]:
    if not auth:
        return no_keys(host), None
    directory = state_directory()
    configured = settings.gateway.keys
    if not new_key:
        return open_keys(directory, configured)
    (directory / "keys.json").unlink(missing_ok=True)
    _, made = open_keys(directory)
    return open_keys(directory, configured)[0], made
