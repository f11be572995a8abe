"""The sync client: the async one's methods, run on a thread of its own; usable from any thread.

There is no second implementation: each method is the async client's, waited for.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, NamedTuple, ParamSpec, Self, TypeVar

from modelway.call import Options
from modelway.client import Client as AsyncClient
from modelway.errors import ConfigError
from modelway.observe.stats import Stats
from modelway.opening import NO_TOKENS, Config, Embedded, TokenCallback
from modelway.portal import Portal
from modelway.ports import Observer, Transport
from modelway.sync_steps import ParsedStream, RunStream
from modelway.sync_stream import ChatStream

__all__ = ["ChatStream", "Client"]

P = ParamSpec("P")
Result = TypeVar("Result")
Made = TypeVar("Made")
Handed = TypeVar("Handed")

_DEFAULT = Options()


class _Running(NamedTuple):
    """What one process has of a client; a fork makes its own."""

    portal: Portal
    client: AsyncClient


def _blocking(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate[Client, P], Result]:
    """The async client's method, as one that waits."""

    @wraps(method)
    def wait(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        portal, client = self._here()
        return portal.run(method(client, *args, **kwargs))

    return wait


def _handed(
    method: Callable[Concatenate[AsyncClient, P], Made], kind: Callable[[Portal, Made], Handed]
) -> Callable[Concatenate[Client, P], Handed]:
    """The async client's method, what it makes handed over to this thread."""

    @wraps(method)
    def handed(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Handed:
        portal, client = self._here()
        return kind(portal, method(client, *args, **kwargs))

    return handed


class Client:
    """Asks any configured provider. Opened when first used, from any thread, and anew in a fork.

    ``config`` is a file's path, a mapping, loaded settings, or ``None`` for what the environment
    and the local servers offer. ``ledger``: write down what calls cost, unless the configuration says
    otherwise; ``offline``: open no socket.
    """

    def __init__(
        self,
        config: Config = None,
        *,
        environment: Mapping[str, str] | None = None,
        observers: Sequence[Observer] = (),
        transport: Transport | None = None,
        options: Options = _DEFAULT,
        embedded: Embedded = "never",
        ledger: bool = False,
        offline: bool = False,
        tokens: Mapping[str, TokenCallback] = NO_TOKENS,
    ) -> None:
        self._make: Callable[[], AsyncClient] = lambda: AsyncClient(
            config,
            environment=environment,
            observers=observers,
            transport=transport,
            options=options,
            embedded=embedded,
            ledger=ledger,
            offline=offline,
            tokens=tokens,
        )
        # a fork must not touch the parent's, nor wait for a lock that was held when it was made
        self._running: dict[int, _Running] = {}
        self._starting: dict[int, threading.Lock] = {}
        self._closing: weakref.finalize[[int, _Running], Client] | None = None
        self._last_stats = Stats()

    chat = _blocking(AsyncClient.chat)
    stream = _handed(AsyncClient.stream, ChatStream)
    run = _blocking(AsyncClient.run)

    parse = _blocking(AsyncClient.parse)
    parse_stream = _handed(AsyncClient.parse_stream, ParsedStream)
    run_stream = _handed(AsyncClient.run_stream, RunStream)
    embed = _blocking(AsyncClient.embed)
    rerank = _blocking(AsyncClient.rerank)
    count_tokens = _blocking(AsyncClient.count_tokens)
    list_models = _blocking(AsyncClient.list_models)
    is_model_available = _blocking(AsyncClient.is_model_available)
    capabilities = _blocking(AsyncClient.capabilities)
    estimate_cost = _blocking(AsyncClient.estimate_cost)
    health_check = _blocking(AsyncClient.health_check)
    plan = _blocking(AsyncClient.plan)
    explain = _blocking(AsyncClient.explain)
    rate_limit_status = _blocking(AsyncClient.rate_limit_status)
    budgets = _blocking(AsyncClient.budgets)
    breakers = _blocking(AsyncClient.breakers)
    reset_breakers = _blocking(AsyncClient.reset_breakers)
    score = _blocking(AsyncClient.score)
    reload = _blocking(AsyncClient.reload)
    settings = _blocking(AsyncClient.settings)
    notices = _blocking(AsyncClient.notices)

    def stats(self) -> Stats:
        """What this client has done since it was last opened, in this process."""
        running = self._running.get(os.getpid())
        return running.client.stats() if running else self._last_stats

    # ------------------------------------------------------------ opening and closing

    def __enter__(self) -> Self:
        self.settings()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel what runs, close every connection, end the thread. Used again, it opens anew."""
        running = self._running.pop(os.getpid(), None)
        if running is not None:
            if self._closing is not None:
                self._closing.detach()
            _end(os.getpid(), running)
            self._last_stats = running.client.stats()

    def _here(self) -> _Running:
        """This process's thread and async client, started if need be."""
        return self._running.get(os.getpid()) or self._start(os.getpid())

    def _start(self, pid: int) -> _Running:
        with self._starting.setdefault(pid, threading.Lock()):
            running = self._running.get(pid)
            if running is None:
                running = self._running[pid] = _Running(Portal(), self._make())
                self._closing = weakref.finalize(self, _end, pid, running)
            return running


def _end(pid: int, running: _Running) -> None:
    """Close in the process that opened; a fork leaves its parent's sockets alone."""
    if pid != os.getpid():
        return
    try:
        running.portal.run(running.client.aclose())
    except ConfigError:
        return  # closed already
    finally:
        running.portal.close()
