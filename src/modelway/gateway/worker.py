"""One of several processes that serve as one: its place, and what it tells who started it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec import Struct

from modelway.errors import ConfigError, LLMError


class Started(Struct, frozen=True, kw_only=True):
    """What a worker tells when it serves, or why it does not."""

    notices: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    failed: str = ""
    misconfigured: bool = False


class Seat(NamedTuple):
    """A worker's place. ``alive`` can be read from when the supervisor is gone."""

    number: int
    listening: socket.socket
    alive: int
    started: Callable[[Started], None]


def serve(
    work: Callable[[Seat], None], number: int, listening: socket.socket, alive: int, tells: int
) -> int:
    """Do the work; the exit code. What goes wrong before it is ready is told, after that printed."""
    ready = False

    def started(told: Started) -> None:
        nonlocal ready
        ready = True
        with contextlib.suppress(BrokenPipeError):  # the supervisor is gone
            os.write(tells, msgspec.msgpack.encode(told))
        os.close(tells)

    try:
        work(Seat(number, listening, alive, started))
    except LLMError as error:
        if ready:
            raise
        started(Started(failed=error.message, misconfigured=isinstance(error, ConfigError)))
        return 2 if isinstance(error, ConfigError) else 1
    return 0
