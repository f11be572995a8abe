"""Two attempts at one call, the second begun because the first is slow: the first answer wins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from modelway.asked import AskedCall
from modelway.call import Reply
from modelway.errors import LLMError
from modelway.tracks import Track
from modelway.types import Tool

_TWICE = frozenset(("chat", "complete", "embed", "rerank", "count_tokens"))
"""Of what else may be asked, nobody knows what it does."""


_CONNECTORS = "mcp_servers"
"""Where Anthropic's clients name servers whose tools are run for them."""


class Raced(NamedTuple):
    """Who answered, and who else was asked: an error, or ``None`` for one that was cut off.

    Where all have failed, ``answer`` is the error of the first that was asked.
    """

    answer: Reply | LLMError
    track: Track
    beaten: tuple[tuple[Track, LLMError | None], ...] = ()


class Runner(NamedTuple):
    """A deployment, and how it is asked."""

    track: Track
    ask: Callable[[], Awaitable[Reply]]


def may_ask_twice(asked: AskedCall) -> bool:
    """Whether a call that is to be hedged may be.

    What is passed through is never asked twice; what has a provider run tools only where the call
    itself says so, for such tools may do things. Nor is a request that cannot be read.
    """
    call = asked.call
    if call.operation not in _TWICE:
        return False
    try:
        request = asked.request
    except LLMError:
        return False
    if call.options.hedge or request is None:
        return True
    if call.body is not None and _CONNECTORS in call.body.fields:
        return False
    return all(isinstance(tool, Tool) for tool in request.tools)


async def race(first: Runner, after_s: float, second: Callable[[], Runner | None]) -> Raced:
    """The first answer of the two. ``second`` says who else may be asked, when ``after_s`` are over.

    The loser is cancelled, and a stream of its is closed, before the answer is given.
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
                    return Raced(task.result(), track, beaten)
                del running[task]
                if not isinstance(error, LLMError):
                    raise error
                failed.append((track, error))
    finally:
        if running:  # of those that have an answer nobody takes it, and that is not cut short
            await asyncio.shield(asyncio.ensure_future(_cut(running)))
    mine = next(error for track, error in failed if track is first.track and error is not None)
    return Raced(mine, first.track, tuple([one for one in failed if one[0] is not first.track]))


async def _cut(running: dict[asyncio.Future[Reply], Track]) -> None:
    """Cancel who still runs; an answer that came in the same moment is let go."""
    for task in running:
        task.cancel()
    for ended in await asyncio.gather(*running, return_exceptions=True):
        stream = (ended.chunks or ended.events) if isinstance(ended, Reply) else None
        if stream is not None:
            await stream.aclose()
