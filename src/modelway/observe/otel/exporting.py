"""The providers of one process, opened and closed together.

The program's own providers, which OpenTelemetry keeps globally, are neither used nor set.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.version import __version__ as sdk_version

from modelway.observe.otel.destination import Destination
from modelway.observe.otel.names import SCHEMA
from modelway.observe.otel.outage import quietly
from modelway.observe.otel.sending import open_metrics, open_spans
from modelway.observe.settings import TelemetrySettings

_NAME = "modelway"
_SDK = {
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": sdk_version,
}
_CLOSE_S = 5.0
"""How long closing waits for the collector."""


class Exporting:
    """``tracer``, and where they are wanted ``meter`` and ``events``."""

    def __init__(self, settings: TelemetrySettings, to: Destination, version: str) -> None:
        resource = Resource({**_SDK, **to.resource, "service.version": version}, SCHEMA)
        spans = open_spans(to.ways["traces"], resource, settings.sample)
        self._shutting: list[Callable[[], object]] = [spans.shutdown]
        self.tracer = spans.get_tracer(_NAME, version, SCHEMA)
        self.meter = None
        if settings.metrics:
            metrics = open_metrics(to.ways["metrics"], resource, to.metrics_every_s)
            self._shutting.append(metrics.shutdown)
            self.meter = metrics.get_meter(_NAME, version, SCHEMA)
        self.events = None
        if settings.content == "events":
            from modelway.observe.otel.events import open_events  # noqa: PLC0415  # few want them

            events = open_events(to.ways["logs"], resource)
            self._shutting.append(events.shutdown)
            self.events = events.get_logger(_NAME, version, SCHEMA)

    async def aclose(self) -> None:
        """Export what waits, for a bounded time; what a collector does not take by then is lost."""
        shutting, self._shutting = self._shutting, []
        if shutting:
            loop = asyncio.get_running_loop()
            await asyncio.wait([_apart(shut, loop) for shut in shutting], timeout=_CLOSE_S)


def _apart(shut: Callable[[], object], loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
    """Shut it in a thread that ends with the process, whatever the collector does."""
    done: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not done.done():
            done.set_result(None)

    def work() -> None:
        with quietly():
            shut()
        with contextlib.suppress(RuntimeError):  # nobody waited so long
            loop.call_soon_threadsafe(tell)

    threading.Thread(target=work, name="modelway telemetry", daemon=True).start()
    return done
