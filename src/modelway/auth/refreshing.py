"""A value that expires, fetched once for all who wait, and again before it expires."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

from modelway.errors import LLMError
from modelway.ports import Clock

T = TypeVar("T")

AHEAD_S = 300.0
"""How long before its expiry a value is fetched again, while the old one is still given."""
AHEAD_SHARE = 0.2
"""Of a value's life, for values that live too short for that."""
SPARE_S = 10.0
"""A value that expires this soon could do so on its way to the provider."""
RETRY_S = 30.0
"""How long a failed fetch ahead of time is left alone."""


class Lease(NamedTuple, Generic[T]):
    value: T
    expires_at: float | None = None
    """Seconds since 1970; ``None``: never."""


class Refreshing(Generic[T]):
    """Gives the value of ``fetch``, which is run by one task for all who wait, on any event loop.

    A waiter that is cancelled takes no other's fetch along. A fetch that fails ahead of time keeps
    the value that is still valid; without one all waiters get the error, and the next asks again.
    """

    def __init__(self, fetch: Callable[[], Awaitable[Lease[T]]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lease: Lease[T] | None = None
        self._renew_at = 0.0
        self._task: asyncio.Task[Lease[T] | LLMError] | None = None

    async def get(self) -> T:
        lease = self._lease
        if lease is not None:
            now = self._clock.time()
            valid = lease.expires_at is None or now < lease.expires_at - SPARE_S
            if valid and (lease.expires_at is None or now < self._renew_at):
                return lease.value
            task = self._fetching()
            if valid:
                return lease.value
        else:
            task = self._fetching()
        outcome = await asyncio.shield(task)
        if isinstance(outcome, LLMError):
            raise outcome.with_traceback(None)
        return outcome.value

    def _fetching(self) -> asyncio.Task[Lease[T] | LLMError]:
        task = self._task
        loop = asyncio.get_running_loop()
        # a task of another loop cannot be waited for, and that loop may be gone
        if task is None or task.done() or task.get_loop() is not loop:
            self._task = task = loop.create_task(self._renewed())
        return task

    async def _renewed(self) -> Lease[T] | LLMError:
        """The new lease; an error is returned, as there may be nobody to raise it to."""
        began = self._clock.time()
        try:
            lease = await self._fetch()
        except LLMError as error:
            self._renew_at = began + RETRY_S
            return error
        if lease.expires_at is not None:
            left_s = lease.expires_at - began
            self._renew_at = lease.expires_at - min(AHEAD_S, AHEAD_SHARE * left_s)
        self._lease = lease
        return lease
