"""Which origins go through a proxy, as the environment's usual variables say.

Source: https://curl.se/docs/manpage.html#ENVIRONMENT and #--noproxy, 2025-11.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import unquote

from msgspec import Struct

from modelway.errors import ConfigError
from modelway.ports import Origin
from modelway.transport.url import split_url

_USERINFO = re.compile(r"(?P<scheme>[A-Za-z0-9+.-]+://)(?P<user>[^@/]*)@(?P<rest>.*)")
_LOOPBACK_NAMES = ("localhost", ".localhost")


class Proxy(Struct, frozen=True, kw_only=True):
    """A proxy's address; user and password are in no ``repr``, log or error."""

    origin: Origin
    user: str | None = None
    password: str = ""

    def __repr__(self) -> str:
        return f"Proxy(origin={self.origin!r})"


class Proxies(Struct, frozen=True, kw_only=True):
    """The proxy for each scheme, and the hosts that are reached without one."""

    http: Proxy | None = None
    https: Proxy | None = None
    exceptions: tuple[str, ...] = ()
    """``*``, hosts (their subdomains too), addresses or networks, each with an optional port."""


def proxies_of(environment: Mapping[str, str]) -> Proxies:
    """Read ``http_proxy``, ``https_proxy``, ``all_proxy`` and ``no_proxy``; lower case comes first.

    In a CGI process ``HTTP_PROXY`` is a client's header, so only its lower-case form counts there.
    Source: https://httpoxy.org, 2025-11.
    """

    def value(name: str) -> str:
        found = environment.get(name)
        if found is None and not (name == "http_proxy" and "REQUEST_METHOD" in environment):
            found = environment.get(name.upper())
        return (found or "").strip()

    general = value("all_proxy")
    http, https = value("http_proxy") or general, value("https_proxy") or general
    return Proxies(
        http=parse_proxy(http, "http_proxy") if http else None,
        https=parse_proxy(https, "https_proxy") if https else None,
        exceptions=tuple(filter(None, re.split(r"[,\s]+", value("no_proxy").lower()))),
    )


def parse_proxy(text: str, variable: str) -> Proxy:
    """A proxy's URL, ``[http://][user:password@]host[:port]``; ConfigError otherwise."""
    url = text if "://" in text else f"http://{text}"
    user, password = None, ""
    match = _USERINFO.fullmatch(url)
    if match is not None:
        user, _, password = match["user"].partition(":")
        url = match["scheme"] + match["rest"]
    try:
        origin, path, query = split_url(url)
    except ConfigError as error:
        raise ConfigError(
            f"{variable} is not a proxy we can use: {error.message}", code="proxy"
        ) from None
    if path.strip("/") or query:
        raise ConfigError(f"{variable} has a path; a proxy is a host and a port", code="proxy")
    return Proxy(
        origin=origin,
        user=None if user is None else unquote(user),
        password=unquote(password),
    )


def proxy_for(proxies: Proxies, origin: Origin, *, proxy_loopback: bool = False) -> Proxy | None:
    """The proxy that an origin is reached through. Loopback is reached directly unless asked."""
    proxy = proxies.https if origin.scheme == "https" else proxies.http
    if proxy is None or (is_loopback(origin.host) and not proxy_loopback):
        return None
    if any(_covers(exception, origin) for exception in proxies.exceptions):
        return None
    return proxy


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == _LOOPBACK_NAMES[0] or host.endswith(_LOOPBACK_NAMES[1])


def _covers(exception: str, origin: Origin) -> bool:
    if exception == "*":
        return True
    exception, port = _split_port(exception)
    if port is not None and port != origin.port:
        return False
    host = origin.host.lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = exception.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ipaddress.ip_network(exception.strip("[]"), strict=False)
    except ValueError:
        return False


def _split_port(exception: str) -> tuple[str, int | None]:
    host, colon, port = exception.rpartition(":")
    if colon and port.isascii() and port.isdigit() and (":" not in host or host.endswith("]")):
        return host, int(port)
    return exception, None
