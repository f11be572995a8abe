"""Where a store is, read from its URL, and how a connection to it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.asyncio.connection import UnixDomainSocketConnection as UnixConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from modelway.errors import ConfigError

_TLS = {"redis": False, "valkey": False, "rediss": True, "valkeys": True, "unix": False}
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_FORM = "redis://[user:password@]host[:port][/database], or rediss:// for TLS, or unix:///path"

Connect: TypeAlias = Callable[[], AbstractConnection]


class Address(NamedTuple):
    """``shown`` is what may be told of it; ``connection`` makes one, which is not open yet."""

    shown: str
    connection: Connect
    secrets: tuple[str, ...] = ()
    """What no message may hold."""

    def redacted(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def read_address(url: str, *, timeout_s: float) -> Address:
    """The URL's parts. ConfigError, which does not repeat the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        database = int(query.pop("db", "") or (parts.path.strip("/") if parts.netloc else "") or 0)
    except ValueError:
        raise ConfigError(f"the store's URL cannot be read; it has the form {_FORM}") from None
    if parts.scheme not in _TLS or not (parts.hostname if parts.scheme != "unix" else parts.path):
        raise ConfigError(f"the store's URL is not one of Valkey or Redis; its form is {_FORM}")
    tls = _TLS[parts.scheme]
    settings: dict[str, Any] = {
        "db": database,
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "client_name": "modelway",
        "protocol": 2,  # answers are lists and bytes in it; version 3 has more to negotiate
        "retry": Retry(NoBackoff(), 0),  # one attempt: the link decides about others
        "socket_timeout": None,  # the link bounds each exchange as a whole
        "socket_connect_timeout": timeout_s,
    }
    if tls:
        settings |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
        settings |= {name: query.pop(name) for name in _FILES if name in query}
    if query:
        names = ", ".join(sorted(query))
        raise ConfigError(
            f"the store's URL has what is not known here: {names}; it may have db"
            + (f", {', '.join(_FILES)}" if tls else "")
        )
    secrets = tuple({each for each in (parts.password, settings["password"]) if each})
    if parts.scheme == "unix":
        settings["path"] = shown = unquote(parts.path)
        return Address(shown, lambda: UnixConnection(**settings), secrets)
    settings |= {"host": unquote(parts.hostname or ""), "port": port}
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    kind = SSLConnection if tls else Connection
    return Address(f"{host}:{port}", lambda: kind(**settings), secrets)
