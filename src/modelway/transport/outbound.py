"""The outbound guard: where a URL that a caller can influence may lead.

What the operator configured does not pass here; it is trusted, private addresses included.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence

from msgspec import Struct

from modelway.errors import APIConnectionError, ConfigError, ForbiddenError
from modelway.ports import Origin
from modelway.transport.dial import Resolve, SocketAddress, system_resolve
from modelway.transport.url import split_url

_REFUSED_NAMES = frozenset({"localhost", "local", "internal", "intranet", "lan", "home", "corp"})
"""Top-level labels that never name a public host. Source: https://www.rfc-editor.org/rfc/rfc6761."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Holds an IPv4 address in its last 32 bits. Source: https://www.rfc-editor.org/rfc/rfc6052."""

_REFUSED_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        # the metadata service of Azure answers on a public address
        # Source: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "168.63.129.16/32",
        # IPv6 forms that hold an IPv4 address, or none
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "fc00::/7",
        "fe80::/9",
        "ff00::/8",
    )
)
"""Beyond what ``ipaddress`` calls not global, which differs between Python versions.

Source: https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-, 2025-11.
"""


class Checked(Struct, frozen=True, kw_only=True):
    """A URL that may be fetched, and the only addresses to connect to for it."""

    origin: Origin
    target: str
    addresses: tuple[SocketAddress, ...]


class OutboundGuard:
    """Checks URLs of callers. ``trusted`` are the operator's own origins.

    ``resolve`` gives a transport's names checked addresses only: ``Http1Transport(resolve=guard.resolve)``
    connects to what was checked, whatever the name says a moment later. Redirects are not followed
    by any transport; who follows one checks it here first.
    """

    def __init__(
        self, *, trusted: Iterable[Origin] = (), resolve: Resolve = system_resolve
    ) -> None:
        self._trusted = frozenset(trusted)
        self._trusted_hosts = frozenset((origin.host, origin.port) for origin in self._trusted)
        self._resolve = resolve

    def inspect(self, url: str) -> tuple[Origin, str]:
        """Origin and target of a URL whose form and literal address are allowed; else ForbiddenError.

        Asks no name server: for URLs that a provider will fetch, not we.
        """
        try:
            origin, path, query = split_url(url)
        except ConfigError as error:
            raise ForbiddenError(error.message, code="outbound") from None
        if origin not in self._trusted:
            self._check_host(origin.host)
        return origin, (path or "/") + query

    async def check(self, url: str) -> Checked:
        """The same, and every address of the name must be public."""
        origin, target = self.inspect(url)
        addresses = await self.resolve(origin.host, origin.port)
        return Checked(origin=origin, target=target, addresses=tuple(addresses))

    async def resolve(self, host: str, port: int) -> Sequence[SocketAddress]:
        """A ``Resolve`` that raises ForbiddenError when any address is not public."""
        trusted = (host, port) in self._trusted_hosts
        if not trusted:
            self._check_host(host)
        try:
            addresses = await self._resolve(host, port)
        except socket.gaierror:
            raise APIConnectionError(f"the name {host} cannot be resolved", code="dns") from None
        if not trusted and not all(is_public(address[0]) for _, address in addresses):
            raise _forbidden(host)
        return addresses

    def _check_host(self, host: str) -> None:
        try:
            literal = str(ipaddress.ip_address(host))
        except ValueError:
            if host.rpartition(".")[2] in _REFUSED_NAMES:
                raise _forbidden(host) from None
        else:
            if not is_public(literal):
                raise _forbidden(host)


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet's."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
    return (
        parsed.is_global
        and not parsed.is_multicast
        and not parsed.is_reserved
        and not any(
            parsed.version == network.version and parsed in network for network in _REFUSED_NETWORKS
        )
    )


def _forbidden(host: str) -> ForbiddenError:
    return ForbiddenError(
        f"{host[:100]} is not on the public internet; only an operator may configure such a place",
        code="outbound",
    )
