"""What an operator may say about connections: trust, pooling and bounds."""

from __future__ import annotations

import asyncio
import ssl
import threading

from msgspec import Struct

from modelway.errors import ConfigError


class TLS(Struct, frozen=True, kw_only=True):
    """Whom to trust, and who we are. Paths are to PEM files; ``ca_pem`` is PEM text.

    A custom CA replaces the system's.
    """

    ca_file: str | None = None
    ca_pem: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    """Absent where the certificate's file holds the key too."""
    verify: bool = True
    """Without it anybody on the way can read the key: for experiments on one machine only."""


class PoolLimits(Struct, frozen=True, kw_only=True):
    """Bounds of one transport. None of them is per request."""

    idle_per_host: int = 10
    """More than these may be idle for a second, so that a steady load does not reconnect."""
    idle_s: float = 30.0
    max_head_bytes: int = 64 * 1024
    """Also bounds trailers and 1xx responses."""
    max_body_bytes: int = 64 * 1024 * 1024
    """Of a body read whole, after decompression. A stream has no bound but its reader's pace."""
    high_water_bytes: int = 256 * 1024
    """Unread bytes after which the socket is no longer read."""


def context_of(tls: TLS) -> ssl.SSLContext:
    """A client context; reads files, so not for the loop. ConfigError for what cannot be loaded."""
    try:
        context = ssl.create_default_context(cafile=tls.ca_file, cadata=tls.ca_pem)
        if tls.certificate_file is not None:
            context.load_cert_chain(tls.certificate_file, tls.key_file)
    except (OSError, ValueError) as error:
        files = [name for name in (tls.ca_file, tls.certificate_file, tls.key_file) if name]
        raise ConfigError(
            f"TLS files cannot be loaded ({', '.join(files) or 'inline CA'}): {error}; "
            "check that they exist, are PEM, and that the key belongs to the certificate"
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Trust:
    """The context of a transport, made when the first TLS connection needs it, off the loop."""

    def __init__(self, tls: TLS) -> None:
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    async def context(self) -> ssl.SSLContext:
        if self._context is None:
            # reads the system's CA files: tens of milliseconds
            return await asyncio.to_thread(self._load)
        return self._context

    def _load(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = context_of(self._tls)
            return self._context
