"""The transport that a program uses: the own client, or a proxy where one applies to the origin."""

from __future__ import annotations

from collections.abc import Mapping

from modelway.ports import Origin, Transport, WireRequest, WireResponse
from modelway.transport.http1 import Http1Transport
from modelway.transport.proxies import Proxies, Proxy, proxies_of, proxy_for
from modelway.transport.settings import TLS, PoolLimits

_NO_TLS = TLS()
_NO_LIMITS = PoolLimits()


class Transports:
    """A ``Transport`` that chooses by origin, once for each. aiohttp is imported when it is needed."""

    def __init__(
        self,
        proxies: Proxies,
        *,
        tls: TLS = _NO_TLS,
        limits: PoolLimits = _NO_LIMITS,
        proxy_loopback: bool = False,
    ) -> None:
        self._proxies = proxies
        self._tls = tls
        self._limits = limits
        self._proxy_loopback = proxy_loopback
        self._direct = Http1Transport(tls=tls, limits=limits)
        self._proxied: dict[Proxy, Transport] = {}
        self._chosen: dict[Origin, Transport] = {}

    async def send(self, request: WireRequest) -> WireResponse:
        transport = self._chosen.get(request.origin)
        if transport is None:
            transport = self.choose(request.origin)
        return await transport.send(request)

    def choose(self, origin: Origin) -> Transport:
        """What an origin is reached through; ConfigError where that needs a package not installed."""
        proxy = proxy_for(self._proxies, origin, proxy_loopback=self._proxy_loopback)
        chosen: Transport = self._direct if proxy is None else self._behind(proxy)
        self._chosen[origin] = chosen
        return chosen

    async def aclose(self) -> None:
        for transport in (self._direct, *self._proxied.values()):
            await transport.aclose()

    def _behind(self, proxy: Proxy) -> Transport:
        transport = self._proxied.get(proxy)
        if transport is None:
            from modelway.transport.proxied import ProxiedTransport  # noqa: PLC0415  # lazy aiohttp

            transport = ProxiedTransport(proxy, tls=self._tls, limits=self._limits)
            self._proxied[proxy] = transport
        return transport


def choose_transport(
    environment: Mapping[str, str], *, tls: TLS = _NO_TLS, limits: PoolLimits = _NO_LIMITS
) -> Transport:
    """The own client, without a detour where the environment names no proxy."""
    proxies = proxies_of(environment)
    if proxies.http is None and proxies.https is None:
        return Http1Transport(tls=tls, limits=limits)
    return Transports(proxies, tls=tls, limits=limits)
