"""A server that failed is left alone for a moment, so that not everybody waits for it in turn."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from modelway.errors import ConfigError, StoreDownError

PAUSE_S = 0.35
"""Twice that is less than the time after which limits look for a store again."""
TO_FIX = "to_fix"
"""The ``code`` of a StoreDownError that time does not heal: an operator must change something."""


class Outage:
    """After a failure calls fail at once for ``pause_s``, or up to twice that; then one is let through.

    How long is left to chance, so that not all processes come back together.
    """

    def __init__(
        self,
        chance: random.Random,
        *,
        pause_s: float = PAUSE_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chance = chance
        self._pause_s = pause_s
        self._now = now
        self._failure: StoreDownError | None = None
        self._until = 0.0
        self._probing = False

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Around a call: refuses it, or takes note of how it went. A call given up says nothing."""
        probing = self._failure is not None
        if self._failure is not None:
            self._enter(self._failure)
        try:
            yield
        except StoreDownError as error:
            self.failed(error)
            raise
        else:
            self._failure = None
        finally:
            if probing:
                self._probing = False

    def failed(self, error: StoreDownError) -> None:
        """What is known without an attempt: a connection broke."""
        self._failure = error
        self._until = self._now() + self._pause_s * (1 + self._chance.random())

    def _enter(self, failure: StoreDownError) -> None:
        rest_s = self._until - self._now()
        if self._probing or rest_s > 0:
            raise StoreDownError(
                failure.message, code=failure.code, retry_after_s=max(rest_s, 0.0)
            ) from failure
        self._probing = True


@contextmanager
def opening() -> Iterator[None]:
    """Around a store's first call: ConfigError for what an operator must change; else it may be down."""
    try:
        yield
    except StoreDownError as error:
        if error.code == TO_FIX:
            raise ConfigError(error.message) from error.__cause__
