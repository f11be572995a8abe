"""What a store is tested by: ways to open it, its senders' time, and how to take it away."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

from modelway.clock import SystemClock
from modelway.errors import ConfigError, StoreDownError
from modelway.ports import Clock
from modelway.store import Store

PATIENCE_S = 20.0
"""More than any store on this machine needs for what it must do within a second."""
ODD_NAMES = (
    "",
    " ",
    "a",
    "A",
    "a ",
    "a:b",
    "a/b",
    "{a}",
    "a*",
    "a%",
    "a_",
    "'; DROP TABLE x; --",
    '"a"',
    "\\",
    "$1",
    "?1",
    "KEYS[1]",
    "a\nb\r\n",
    "é",
    "e\u0301",
    "日本語",
    "🙂",
    "\u202e",
    "k" * 5000,
)
"""Names that are all different, and that tenants may choose."""
REFUSABLE_NAMES = ("a\x00", "a\x00b", "\ud800", "a\udfff")
"""Names that a store may refuse, but not take for another."""
REFUSALS = (ValueError, ConfigError)
"""How it may. Not as a store that is down: those are asked again."""


class Subject(NamedTuple):
    """A store under test. Nothing else need be in it; contracts use names of their own."""

    open: Callable[[], Awaitable[Store]]
    """Opens it once more, as another replica does: what one handle did, the others see."""
    clock: Clock = SystemClock()
    """The senders' time. Where it is stepped, the store's own passes with it."""
    outage: Callable[[], AbstractAsyncContextManager[None]] | None = None
    """The store is gone, for all handles, inside; ``None`` where it cannot go."""
    cache_bytes: int | None = None
    """The bound of the cache; ``None`` where others see to it."""


class Contract(NamedTuple):
    """One promise. ``check`` raises AssertionError where a store breaks it."""

    name: str
    check: Callable[[Subject], Awaitable[None]]

    def __str__(self) -> str:
        return self.name


class SteppedClock:
    """Time that passes only by sleeping."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_795_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += max(seconds, 0.0)


def same(got: object, wanted: object, what: str) -> None:
    if got != wanted:
        raise AssertionError(f"{what}\n     got {got!r}\n  wanted {wanted!r}")


def true(holds: object, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def fresh(name: str = "") -> str:
    """A name that nothing in the store has yet."""
    return f"contract-{secrets.token_hex(6)}-{name}"


@asynccontextmanager
async def opened(subject: Subject) -> AsyncIterator[Store]:
    store = await subject.open()
    try:
        yield store
    finally:
        await store.aclose()


async def comes_back(work: Callable[[], Awaitable[object]]) -> None:
    """Waits until this works again, as it must within a few seconds of an outage's end."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await work()
            except StoreDownError:
                await asyncio.sleep(0.05)
            else:
                return


async def is_down(work: Callable[[], Awaitable[object]]) -> None:
    """This is refused with StoreDownError, and soon."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await work()
    except StoreDownError as error:
        true(error.message, "an error says what happened")
    else:
        raise AssertionError("a store that is gone did not raise StoreDownError")
