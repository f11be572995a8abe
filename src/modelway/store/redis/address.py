"""Where a store is, read from its URL."""

from __future__ import annotations

import ssl
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from modelway.errors import ConfigError

_TLS = {"redis": False, "valkey": False, "rediss": True, "valkeys": True}
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_FORM = "redis://[user:password@]host[:port][/database], or rediss:// for TLS"


class Address(NamedTuple):
    """A server, and who asks."""

    host: str
    port: int
    database: int
    user: str
    password: str
    tls: ssl.SSLContext | None

    @property
    def shown(self) -> str:
        """What may be told of it."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"Address({self.shown})"

    def redacted(self, text: str) -> str:
        """A server may say back what it was sent."""
        return text.replace(self.password, "***") if self.password else text


def read_address(url: str) -> Address:
    """The URL's parts. ConfigError, which does not repeat the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        database = int(query.pop("db", "") or parts.path.strip("/") or 0)
    except ValueError:
        raise ConfigError(f"the store's URL cannot be read; it has the form {_FORM}") from None
    if parts.scheme not in _TLS or not parts.hostname:
        raise ConfigError(f"the store's URL is not one of Valkey or Redis; its form is {_FORM}")
    tls = _TLS[parts.scheme]
    files = {name: query.pop(name) for name in _FILES if tls and name in query}
    if query:
        known = ("db", *_FILES) if tls else ("db",)
        raise ConfigError(
            f"the store's URL asks for {', '.join(sorted(query))}, which is not known here; "
            f"what it may ask for is {', '.join(known)}"
        )
    return Address(
        host=parts.hostname,
        port=port,
        database=database,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=_trust(*[files.get(name) for name in _FILES]) if tls else None,
    )


def _trust(authorities: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """The server's certificate is verified, against the machine's authorities or those of a file."""
    try:
        context = ssl.create_default_context(cafile=authorities)
        if certificate:
            context.load_cert_chain(certificate, key)
    except OSError as error:  # of which ssl's are some
        raise ConfigError(f"a certificate that the store's URL names: {error}") from None
    return context
