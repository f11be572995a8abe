"""The thread of the sync client: runs, cancels, ends, and says why it cannot."""

from __future__ import annotations

import asyncio
import threading

import pytest

from modelway.errors import ConfigError
from modelway.portal import Portal


@pytest.fixture
def portal():
    made = Portal()
    yield made
    made.close()


async def value(found):
    await asyncio.sleep(0)
    return found


def test_a_result_and_an_error_come_back(portal):
    async def fail():
        raise KeyError("of its own")

    assert portal.run(value(3)) == 3
    with pytest.raises(KeyError, match="of its own"):
        portal.run(fail())


def test_closing_cancels_what_runs(portal):
    ended = threading.Event()
    began = threading.Event()

    async def forever():
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    future = portal.submit(forever())
    began.wait(1)
    portal.close()
    assert ended.is_set()
    assert future.cancelled()


def test_a_closed_portal_says_so(portal):
    portal.close()
    portal.close()
    with pytest.raises(ConfigError, match="closed"):
        portal.run(value(3))


def test_it_does_not_wait_for_itself(portal):
    async def within():
        return portal.run(value(3))

    with pytest.raises(ConfigError, match="wait for itself"):
        portal.run(within())


def test_nobody_waits_for_ever_when_it_closes_at_that_moment():
    for _ in range(50):
        portal = Portal()
        outcomes = []

        def ask(portal=portal, outcomes=outcomes):
            try:
                outcomes.append(portal.run(value(3)))
            except ConfigError as error:
                outcomes.append(error)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        portal.close()
        for thread in threads:
            thread.join(2)
            assert not thread.is_alive()
        assert len(outcomes) == 4
