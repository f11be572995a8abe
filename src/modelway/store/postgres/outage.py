"""A server that failed is left alone for a moment, so that not everybody waits for it in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from modelway.errors import ConfigError, StoreDownError

PAUSE_S = 0.5


class Outage:
    """After a failure calls fail at once for ``pause_s``; then one is let through to see."""

    def __init__(
        self, pause_s: float = PAUSE_S, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._pause_s = pause_s
        self._now = now
        self._failure: StoreDownError | ConfigError | None = None
        self._until = 0.0
        self._probing = False

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Around a call: refuses it, or takes note of how it went. A call given up says nothing."""
        probing = self._failure is not None
        if probing:
            self._enter()
        try:
            yield
        except (StoreDownError, ConfigError) as error:
            self._failure = error
            self._until = self._now() + self._pause_s
            raise
        else:
            self._failure = None
        finally:
            if probing:
                self._probing = False

    def _enter(self) -> None:
        failure, rest_s = self._failure, self._until - self._now()
        assert failure is not None  # noqa: S101  # said to the type checker
        if self._probing or rest_s > 0:
            raise type(failure)(failure.message, retry_after_s=max(rest_s, 0.0)) from failure
        self._probing = True
