"""A PostgreSQL URL, taken apart as far as we need it; asyncpg reads the rest."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from modelway.errors import ConfigError

_FORM = "it is postgresql://user:password@host:port/database, the parts percent-encoded"
_CACHE_SIZE = "statement_cache_size"


class Address(NamedTuple):
    """``url`` has the password in it: never to be shown. ``place`` and ``user`` may be."""

    url: str
    place: str
    user: str
    pooled: bool
    """Behind a pooler that may give each transaction another connection."""

    def __repr__(self) -> str:
        return f"Address({self.place})"


def read_address(url: str) -> Address:
    """Raises ConfigError, which does not repeat what it cannot tell from a password."""
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ConfigError(f"the URL of the store on PostgreSQL cannot be read: {_FORM}") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ConfigError(f"the URL of the store on PostgreSQL has another scheme: {_FORM}")
    credential, _, hosts = parts.netloc.rpartition("@")
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts.split(",")]
    if "@" in parts.path or parts.fragment or not "".join(["0", *ports]).isdigit():
        raise ConfigError(f"the URL of the store on PostgreSQL cannot be read: {_FORM}")
    settings = dict(query)
    pooled = settings.pop(_CACHE_SIZE, "") == "0"
    user = settings.get("user") or unquote(credential.partition(":")[0])
    return Address(
        parts._replace(query=urlencode(settings)).geturl(),
        (hosts or settings.get("host", "")) + unquote(parts.path),
        user or "the role",
        pooled,
    )
