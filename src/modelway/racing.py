"""Two attempts at one call, the second begun because the first is slow: the first answer wins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from modelway.call import Reply
from modelway.errors import LLMError
from modelway.tracks import Track


class Won(NamedTuple):
    """Who answered, and who was asked in vain: an error, or ``None`` for one that was cut off."""

    reply: Reply
    track: Track
    beaten: tuple[tuple[Track, LLMError | None], ...] = ()


class Runner(NamedTuple):
    """A deployment, and how it is asked."""

    track: Track
    ask: Callable[[], Awaitable[Reply]]


async def race(first: Runner, after_s: float, second: Callable[[], Runner | None]) -> Won:
    """The first answer of the two. ``second`` says who else may be asked, when ``after_s`` are over.

    Where both fail the first one's error is raised, with the other's among those before it. The loser
    is cancelled, and a stream of its is closed, before the answer is given.
    """
    leading = asyncio.ensure_future(first.ask())
    running: dict[asyncio.Future[Reply], Track] = {leading: first.track}
    failed: list[tuple[Track, LLMError | None]] = []
    try:
        done, _ = await asyncio.wait(running, timeout=after_s)
        if not done and (runner := second()) is not None:
            running[asyncio.ensure_future(runner.ask())] = runner.track
        while running:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=lambda one: one is not leading):
                error = task.exception()
                track = running[task]
                if error is None:
                    losers = {one: other for one, other in running.items() if one is not task}
                    await _cut(losers)
                    running = {}
                    beaten = (*failed, *[(other, None) for other in losers.values()])
                    return Won(task.result(), track, beaten)
                del running[task]
                if not isinstance(error, LLMError):
                    raise error
                failed.append((track, error))
    finally:
        if running:  # of those that have an answer nobody takes it, and that is not cut short
            await asyncio.shield(asyncio.ensure_future(_cut(running)))
    return _lost(failed)


def _lost(failed: list[tuple[Track, LLMError | None]]) -> Won:
    errors = [error for _, error in failed if error is not None]
    errors[0].earlier = tuple(errors[1:])
    raise errors[0]


async def _cut(running: dict[asyncio.Future[Reply], Track]) -> None:
    """Cancel who still runs; an answer that came in the same moment is let go."""
    for task in running:
        task.cancel()
    for ended in await asyncio.gather(*running, return_exceptions=True):
        stream = (ended.chunks or ended.events) if isinstance(ended, Reply) else None
        if stream is not None:
            await stream.aclose()
