"""A thread that sends what waits, in batches, and drops what is too much: no call ever waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import http.client
import logging
import os
import ssl
import threading
import urllib.error
import urllib.request
import zlib
from collections import deque
from collections.abc import Callable, Sequence

from modelway.observe.otel import wire
from modelway.observe.otel.destination import SIGNALS, Destination, Signal, Way
from modelway.observe.otel.names import SCHEMA

_EVERY_S = 2.0
_AT_ONCE = 512
_MOST_BYTES = 8 * 1024 * 1024
"""Of one signal, that wait; past it the newest are dropped."""
_BATCH_BYTES = 1024 * 1024
_MOST_READ = 64 * 1024
"""Of what a collector answers, so that its connection ends in good order."""
_LONGEST_PAUSE_S = 60.0
_CLOSE_S = 5.0
_MAY_WORK_LATER = frozenset((429, 502, 503, 504))
"""Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp-response, 2026-11-21."""


class Line:
    """What waits to be sent of one signal: put by calls, taken by the thread."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, item: bytes) -> int:
        """How many wait now."""
        with self._lock:
            if self._bytes + len(item) <= _MOST_BYTES:
                self._bytes += len(item)
                self._waiting.append(item)
            return len(self._waiting)

    def take(self) -> list[bytes]:
        """The next batch; empty where nothing waits."""
        batch: list[bytes] = []
        size = 0
        with self._lock:
            while self._waiting and len(batch) < _AT_ONCE and size < _BATCH_BYTES:
                batch.append(self._waiting.popleft())
                size += len(batch[-1])
            self._bytes -= size
        return batch


class Delivery:
    """Sends one signal's batches, and says once that they are not taken."""

    def __init__(self, signal: Signal, way: Way) -> None:
        self.pause_s = 0.0
        """For how long nothing is to be tried, after a failure."""
        self._signal = signal
        self._way = way
        self._failing = False
        self._opener: urllib.request.OpenerDirector | None = None
        self._headers = {
            "content-type": "application/x-protobuf",
            "user-agent": "modelway",
            **{name.lower(): value for name, value in way.headers.items()},
        }
        if way.compression != "none":
            self._headers["content-encoding"] = way.compression

    def send(self, body: bytes) -> bool:
        """False where it should be tried again later."""
        way = self._way
        if way.compression == "gzip":
            body = gzip.compress(body, 6)
        elif way.compression == "deflate":
            body = zlib.compress(body)
        request = urllib.request.Request(way.url, body, self._headers, method="POST")  # noqa: S310
        why, again = "", True
        try:
            if self._opener is None:
                self._opener = _opener(way)
            with self._opener.open(request, timeout=way.timeout_s) as response:
                response.read(_MOST_READ)
        except urllib.error.HTTPError as error:
            with error:
                why, again = f"status {error.code}", error.code in _MAY_WORK_LATER
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            why = type(reason).__name__
        self._told(why)
        self.pause_s = 0.0 if not why else min(_LONGEST_PAUSE_S, 2 * self.pause_s or _EVERY_S)
        return not (why and again)

    def _told(self, why: str) -> None:
        if self._failing is bool(why):
            return
        self._failing = bool(why)
        log = logging.getLogger("modelway")
        if why:
            log.warning(
                "the collector at %s does not take %s (%s): what is too much is dropped until it "
                "does; see telemetry.endpoint and telemetry.headers",
                self._way.place,
                self._signal,
                why,
            )
        else:
            log.warning("the collector at %s takes %s again", self._way.place, self._signal)


def _opener(way: Way) -> urllib.request.OpenerDirector:
    """By the machine's proxies. What leads elsewhere is not followed: it would be told the headers."""
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ]
    if way.url.startswith("https"):
        context = ssl.create_default_context(cafile=way.certificate)
        if way.client_certificate:
            context.load_cert_chain(way.client_certificate, way.client_key)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    for handler in handlers:
        opener.add_handler(handler)
    return opener


class Exporting:
    """``span`` and ``event`` may be called at any time; ``metrics`` says what is measured so far."""

    def __init__(
        self,
        to: Destination,
        version: str,
        *,
        metrics: Callable[[], Sequence[bytes]],
        now: Callable[[], float],
    ) -> None:
        self._resource = wire.resource({**to.resource, "service.version": version})
        self._scope = wire.scope("modelway", version)
        self._metrics = metrics
        self._metrics_every_s = to.metrics_every_s
        self._now = now
        self._deliveries = {signal: Delivery(signal, to.ways[signal]) for signal in SIGNALS}
        self._closing: Callable[[], object] | None = None
        self._start()

    def span(self, item: bytes) -> None:
        """Send it before long."""
        self._put("traces", item)

    def event(self, item: bytes) -> None:
        """Send it before long."""
        self._put("logs", item)

    def _put(self, signal: Signal, item: bytes) -> None:
        if self._process != os.getpid():
            self._start()
        if self._lines[signal].put(item) == _AT_ONCE:  # once: it may be no time to send
            self._wake.set()

    def _start(self) -> None:
        """Begin in this process: a fork has neither the thread nor a right to what waited."""
        self._process = os.getpid()
        self._lines: dict[Signal, Line] = {signal: Line() for signal in SIGNALS}
        self._unsent: dict[Signal, bytes] = {}
        self._wake = threading.Event()
        threading.Thread(target=self._work, name="modelway telemetry", daemon=True).start()

    async def aclose(self) -> None:
        """Send what waits, for a bounded time; what a collector does not take by then is lost."""
        if self._closing is not None or self._process != os.getpid():
            return
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        self._closing = lambda: loop.call_soon_threadsafe(done.set)
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), _CLOSE_S)

    # ------------------------------------------------------------ in the thread

    def _work(self) -> None:
        due = dict.fromkeys(SIGNALS, self._now())
        due["metrics"] += self._metrics_every_s
        while self._closing is None:
            self._wake.wait(_EVERY_S)
            self._wake.clear()
            for signal in SIGNALS:
                if due[signal] <= self._now():
                    self._send(signal)
                    pause_s = self._deliveries[signal].pause_s
                    if signal == "metrics":
                        pause_s = self._metrics_every_s
                    due[signal] = self._now() + pause_s
        for signal in SIGNALS:
            self._send(signal)
        with contextlib.suppress(RuntimeError):  # nobody waited so long
            self._closing()

    def _send(self, signal: Signal) -> None:
        """Send what waits, until all is sent or something is not taken."""
        if signal == "metrics":
            if items := self._metrics():
                self._deliveries[signal].send(self._enveloped(items))
            return
        while (body := self._unsent.pop(signal, None) or self._batch(signal)) is not None:
            if not self._deliveries[signal].send(body):
                self._unsent[signal] = body
                return

    def _batch(self, signal: Signal) -> bytes | None:
        items = self._lines[signal].take()
        return self._enveloped(items) if items else None

    def _enveloped(self, items: Sequence[bytes]) -> bytes:
        return wire.envelope(self._resource, self._scope, SCHEMA, items)
