"""A collector that is down is said once, and not with every batch that it does not take."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from contextvars import ContextVar

_SAYING = (
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
)
"""Loggers of OpenTelemetry that say each failure of each batch."""

_ours: ContextVar[bool] = ContextVar("modelway_exports", default=False)


def _not_ours(record: logging.LogRecord) -> bool:
    """A filter that leaves alone what the program's own exporters say."""
    del record
    return not _ours.get()


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Within, OpenTelemetry says nothing of failures to the log."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)


class Outage:
    """Says once that a collector does not take a signal, and once that it does again."""

    def __init__(self, signal: str, place: str) -> None:
        self._signal = signal
        self._place = place
        self._failing = False
        self._lock = threading.Lock()
        for name in _SAYING:
            logging.getLogger(name).addFilter(_not_ours)

    def told(self, delivered: bool) -> None:
        """What became of a batch."""
        with self._lock:
            if self._failing is not delivered:
                return
            self._failing = not delivered
        log = logging.getLogger("modelway")
        if delivered:
            log.warning("the collector at %s takes %s again", self._place, self._signal)
        else:
            log.warning(
                "the collector at %s does not take %s: they are dropped until it does; "
                "see telemetry.endpoint and telemetry.headers",
                self._place,
                self._signal,
            )
