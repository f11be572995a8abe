"""A server that failed is left alone for a moment, then asked by one."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import ConfigError, StoreDownError
from modelway.store.outage import TO_FIX, Outage, opening


class Chance(random.Random):
    """Always the same."""

    value = 0.0

    def random(self):
        return self.value


class Asked:
    """Calls of a server that is up or down, by a clock of our own."""

    def __init__(self):
        self.now = 0.0
        self.chance = Chance()
        self.outage = Outage(self.chance, pause_s=0.5, now=lambda: self.now)
        self.down = False
        self.count = 0

    def __call__(self, code=None):
        with self.outage.attempt():
            self.count += 1
            if self.down:
                raise StoreDownError("it is down", code=code)


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


def test_a_refusal_says_when_to_ask_again_and_who_must_see_to_it():
    ask = Asked()
    ask.down = True
    ask.chance.value = 0.6
    with pytest.raises(StoreDownError):
        ask(TO_FIX)
    ask.now = 0.2
    with pytest.raises(StoreDownError) as caught:
        ask()
    assert caught.value.retry_after_s == pytest.approx(0.6), "a moment, and some of another"
    assert caught.value.code == TO_FIX


def test_what_is_known_without_a_call_counts_too():
    ask = Asked()
    ask()
    ask.outage.failed(StoreDownError("the connection broke"))
    with pytest.raises(StoreDownError, match="broke"):
        ask()
    ask.now = 0.5
    ask()
    assert ask.count == 2


def test_what_is_only_down_may_be_opened():
    with opening():
        raise StoreDownError("it is down")
    with pytest.raises(ConfigError, match="wrong password"), opening():
        raise StoreDownError("wrong password", code=TO_FIX)
    with pytest.raises(ValueError, match="a mistake"), opening():
        raise ValueError("a mistake")


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
