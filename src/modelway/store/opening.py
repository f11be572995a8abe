"""A store from a URL. The clients of servers are imported when one of theirs is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from modelway.errors import ConfigError
from modelway.store import Store


class _Server(NamedTuple):
    """Where its store is opened, and the extra whose packages that needs."""

    module: str
    function: str
    extra: str


_POSTGRES = _Server("modelway.store.postgres", "open_postgres", "postgres")
_REDIS = _Server("modelway.store.redis", "open_redis", "redis")
_SERVERS = {
    "postgres": _POSTGRES,
    "postgresql": _POSTGRES,
    "redis": _REDIS,
    "rediss": _REDIS,
    "valkey": _REDIS,
    "valkeys": _REDIS,
}
SCHEMES = ("memory", "sqlite", *_SERVERS)


async def open_store(url: str, *, timeout_s: float = 1.0) -> Store:
    """The store that a URL names, of which each call takes at most about ``timeout_s``.

    ConfigError for what an operator must change: a URL that names none, an extra that is not installed,
    a file or schema of a newer modelway, a right or password that the server refuses. It does not show the
    URL, which may hold a password. A store that is only down is opened: its calls raise StoreDownError
    until it is there.
    """
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if scheme == "memory" and colon and rest in {"", "//"}:
        from modelway.store.memory import open_memory  # noqa: PLC0415 - only what is asked for

        return open_memory()
    if scheme == "sqlite" and colon:
        from modelway.store.sqlite import open_sqlite  # noqa: PLC0415

        return await open_sqlite(_path(rest), timeout_s=timeout_s)
    if scheme in _SERVERS and rest.startswith("//"):
        store = _opener(_SERVERS[scheme])(url, timeout_s=timeout_s)
        return await store if isawaitable(store) else store
    raise ConfigError(
        "a store's URL begins with memory:, sqlite:, "
        + ", ".join([f"{name}://" for name in _SERVERS])
        + "; this one does not"
    )


def _path(rest: str) -> Path:
    """``///absolute`` or ``relative``, percent-encoded."""
    path = unquote(rest[2:] if rest.startswith("///") else rest)
    if path in {"", "/", ":memory:"} or path.startswith("//") or "\x00" in path:
        raise ConfigError(
            "a SQLite store is sqlite:///absolute/path or sqlite:relative/path; "
            "for one that is kept nowhere: memory:"
        )
    return Path(path)


def _opener(server: _Server) -> Callable[..., Store | Awaitable[Store]]:
    try:
        opener: Any = getattr(importlib.import_module(server.module), server.function)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("modelway"):
            raise
        raise ConfigError(
            f"this store needs {error.name}, which is not installed: "
            f"pip install 'modelway[{server.extra}]'"
        ) from error
    return opener  # type: ignore[no-any-return]
