"""A collector on loopback: it takes OTLP over HTTP, and tells what it was sent."""

from __future__ import annotations

import contextlib
import gzip
import ssl
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}
KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")


@dataclass
class Span:
    """A span as it was received."""

    name: str
    kind: str
    status: str
    status_message: str
    trace: str
    id: str
    parent: str
    state: str
    attributes: dict[str, Any]
    took_s: float
    resource: dict[str, Any]
    scope: tuple[str, str, str]

    def __getitem__(self, name: str) -> Any:
        return self.attributes.get(name)


@dataclass
class Point:
    """A histogram's point."""

    attributes: dict[str, Any]
    count: int
    sum: float
    boundaries: tuple[float, ...]
    unit: str


@dataclass
class Event:
    """A log record."""

    name: str
    trace: str
    span: str
    severity: int
    attributes: dict[str, Any]


@dataclass
class Receiver:
    """What has come in. ``status`` is what it answers with."""

    url: str = ""
    status: int = 200
    bodies: list[tuple[str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    """Set whenever something has come in."""

    def requests(self, path: str) -> list[Any]:
        return [REQUESTS[path].FromString(body) for at, body in self.bodies if at == path]

    @property
    def spans(self) -> list[Span]:
        """In the order in which they began."""
        found = [
            (span.start_time_unix_nano, _span(span, whole, scoped))
            for request in self.requests("/v1/traces")
            for whole in request.resource_spans
            for scoped in whole.scope_spans
            for span in scoped.spans
        ]
        return [span for _, span in sorted(found, key=lambda one: one[0])]

    @property
    def points(self) -> dict[str, list[Point]]:
        """By the measure's name."""
        found: dict[str, list[Point]] = {}
        for request in self.requests("/v1/metrics"):
            for whole in request.resource_metrics:
                for scoped in whole.scope_metrics:
                    for metric in scoped.metrics:
                        found[metric.name] = [
                            Point(
                                _attributes(point.attributes),
                                point.count,
                                point.sum,
                                tuple(point.explicit_bounds),
                                metric.unit,
                            )
                            for point in metric.histogram.data_points
                        ]
        return found

    @property
    def events(self) -> list[Event]:
        return [
            Event(
                record.event_name,
                record.trace_id.hex(),
                record.span_id.hex(),
                record.severity_number,
                _attributes(record.attributes),
            )
            for request in self.requests("/v1/logs")
            for whole in request.resource_logs
            for scoped in whole.scope_logs
            for record in scoped.log_records
        ]


def _span(span: Any, whole: Any, scoped: Any) -> Span:
    return Span(
        span.name,
        KINDS[span.kind],
        STATUSES[span.status.code],
        span.status.message,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.trace_state,
        _attributes(span.attributes),
        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        _attributes(whole.resource.attributes),
        (scoped.scope.name, scoped.scope.version, scoped.schema_url),
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: value_of(pair.value) for pair in pairs}


def value_of(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return None if kind is None else getattr(value, kind)


@contextlib.contextmanager
def collector(certificate: Path | None = None) -> Iterator[Receiver]:
    """A collector for the length of the block; by TLS where it has a certificate, with its key."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            elif self.headers.get("content-encoding") == "deflate":
                body = zlib.decompress(body)
            receiver.headers.append({key.lower(): value for key, value in self.headers.items()})
            if receiver.status == 200:
                receiver.bodies.append((self.path, body))
            receiver.asked.set()
            self.send_response(receiver.status)
            if 300 <= receiver.status < 400:
                self.send_header("location", f"{receiver.url}/v1/logs")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *said: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *said: None  # type: ignore[method-assign]
    scheme = "http" if certificate is None else "https"
    receiver.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="collector")
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
