"""The only package that touches the network: clients for providers, and where they may connect."""

from modelway.transport.http1 import Http1Transport
from modelway.transport.routes import Transports, choose_transport
from modelway.transport.settings import TLS, PoolLimits
from modelway.transport.url import parse_base_url

__all__ = [
    "TLS",
    "Http1Transport",
    "PoolLimits",
    "Transports",
    "choose_transport",
    "parse_base_url",
]
