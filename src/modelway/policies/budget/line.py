"""Who waits for more of a pool than this process holds, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from modelway.policies.budget.slices import Slice


class _Waiter(NamedTuple):
    pico_usd: int
    answer: asyncio.Future[Slice | None]


class Line:
    """Those whose call was given up count until they are come to."""

    def __init__(self) -> None:
        self._waiters: deque[_Waiter] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiters)

    @property
    def first(self) -> int:
        """What the first one needs."""
        return self._waiters[0].pico_usd

    def within(self, most: int) -> int:
        """What the first ones need together, as far as it is no more than this; the first in any case.

        So that a slice leaves no rest in which nobody fits.
        """
        wanted = 0
        for waiter in self._waiters:
            if wanted and wanted + waiter.pico_usd > most:
                break
            wanted += waiter.pico_usd
        return wanted

    async def join(self, pico_usd: int) -> Slice | None:
        """What is handed out, once it is."""
        waiter = _Waiter(pico_usd, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            return await waiter.answer
        except asyncio.CancelledError:
            answer = waiter.answer
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                part = answer.result()
                if part is not None:
                    part.release(pico_usd)
            raise

    def hand_out(self, draw: Callable[[int], Slice | None]) -> None:
        """To each in turn, until there is not enough for one."""
        while self._waiters:
            waiter = self._waiters[0]
            if not waiter.answer.done():
                part = draw(waiter.pico_usd)
                if part is None:
                    return
                waiter.answer.set_result(part)
            self._waiters.popleft()

    def refuse(self, error: Callable[[int], BaseException | None], *, above: int = -1) -> None:
        """Those who need more than this; with ``None`` for an error they go without."""
        waiters, self._waiters = self._waiters, deque()
        for waiter in waiters:
            if waiter.answer.done():
                continue
            if waiter.pico_usd <= above:
                self._waiters.append(waiter)
                continue
            refusal = error(waiter.pico_usd)
            if refusal is None:
                waiter.answer.set_result(None)
            else:
                waiter.answer.set_exception(refusal)
