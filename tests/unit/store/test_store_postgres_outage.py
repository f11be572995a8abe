"""A server that failed is left alone for a moment, then asked by one."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import ConfigError, StoreDownError
from modelway.store.postgres.outage import Outage


class Asked:
    """Calls of a server that is up or down, by a clock of our own."""

    def __init__(self):
        self.now = 0.0
        self.outage = Outage(0.5, now=lambda: self.now)
        self.down = False
        self.count = 0

    def __call__(self, kind=StoreDownError):
        with self.outage.attempt():
            self.count += 1
            if self.down:
                raise kind("it is down")


def test_calls_fail_at_once_for_a_moment_after_one_that_failed():
    ask = Asked()
    ask()
    ask.down = True
    for at_s, asked in ((0.0, 2), (0.1, 2), (0.49, 2), (0.5, 3), (0.99, 3), (1.0, 4)):
        ask.now = at_s
        with pytest.raises(StoreDownError, match="it is down"):
            ask()
        assert ask.count == asked, f"at {at_s}"
    ask.down = False
    ask.now = 1.5
    ask()
    ask()
    assert ask.count == 6


def test_a_refusal_says_when_to_ask_again_and_is_of_the_same_kind():
    ask = Asked()
    ask.down = True
    with pytest.raises(ConfigError):
        ask(ConfigError)
    ask.now = 0.2
    with pytest.raises(ConfigError) as caught:
        ask()
    assert caught.value.retry_after_s == pytest.approx(0.3)


def test_one_asks_while_the_others_are_refused():
    ask = Asked()
    ask.down = True
    with pytest.raises(StoreDownError):
        ask()
    ask.now = 0.6
    with ask.outage.attempt():
        for _ in range(3):
            with pytest.raises(StoreDownError), ask.outage.attempt():
                pytest.fail("a second one asks")
    with ask.outage.attempt():
        pass


def test_one_that_gave_up_lets_another_ask():
    ask = Asked()
    ask.down = True
    with pytest.raises(StoreDownError):
        ask()
    ask.now = 0.6
    with pytest.raises(asyncio.CancelledError), ask.outage.attempt():
        raise asyncio.CancelledError
    ask.down = False
    ask()
    assert ask.count == 2


@given(st.lists(st.tuples(st.floats(0, 2), st.booleans()), max_size=40))
def test_a_server_is_asked_no_more_than_twice_a_second_while_down(steps):
    ask, asked = Asked(), []
    for wait_s, down in steps:
        ask.now += wait_s
        ask.down = down
        before = ask.count
        try:
            ask()
        except StoreDownError:
            if ask.count > before:
                asked.append(ask.now)
        else:
            asked.clear()
    assert all(later - earlier >= 0.5 for earlier, later in pairwise(asked))
