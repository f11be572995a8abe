"""Ports of this machine for servers that must be told theirs."""

from __future__ import annotations

import contextlib
import random
import socket

_BELOW_CLIENTS = range(15_000, 32_000)
"""Kernels give a connection's own end a port above these: a server's is still free when it starts."""
_CHANCE = random.SystemRandom()


def free_port() -> int:
    """One that nobody has at this moment, and that others who ask are not likely to be told."""
    while True:
        port = _CHANCE.choice(_BELOW_CLIENTS)
        with contextlib.suppress(OSError), socket.socket() as place:
            place.bind(("127.0.0.1", port))
            return port
