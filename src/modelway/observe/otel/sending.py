"""How spans and measures are sent: in batches, by threads of their own, and dropped when too many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from modelway.observe.otel.destination import Way
from modelway.observe.otel.outage import Outage, quietly

EVERY_MS = 2_000.0
_MOST_WAITING = 4096
"""Spans; past it the oldest are dropped."""
_AT_ONCE = 512


class Said(TypedDict):
    """What every exporter is opened with."""

    endpoint: str
    headers: dict[str, str]
    timeout: float
    compression: Compression
    certificate_file: str | None
    client_key_file: str | None
    client_certificate_file: str | None


def said(way: Way) -> Said:
    """The way in the words of exporters."""
    return {
        "endpoint": way.url,
        "headers": way.headers,
        "timeout": way.timeout_s,
        "compression": Compression(way.compression),
        "certificate_file": way.certificate,
        "client_key_file": way.client_key,
        "client_certificate_file": way.client_certificate,
    }


class _Spans(OTLPSpanExporter):
    outage: Outage

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with quietly():
            result = super().export(spans)
        self.outage.told(result is SpanExportResult.SUCCESS)
        return result


class _Processor(BatchSpanProcessor):
    """One that does not say of each span that there are too many."""

    def on_end(self, span: ReadableSpan) -> None:
        with quietly():
            super().on_end(span)


def open_spans(way: Way, resource: Resource, sample: float) -> TracerProvider:
    """Spans go to this collector. A caller's decision to sample is kept; ``sample`` is for the others."""
    exporter = _Spans(**said(way))
    exporter.outage = Outage("spans", way.place)
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(sample)),
        resource=resource,
        shutdown_on_exit=False,
        span_limits=SpanLimits(max_span_attributes=64, max_span_attribute_length=1024),
    )
    provider.add_span_processor(
        _Processor(
            exporter,
            max_queue_size=_MOST_WAITING,
            schedule_delay_millis=EVERY_MS,
            max_export_batch_size=_AT_ONCE,
        )
    )
    return provider


class _Metrics(OTLPMetricExporter):
    outage: Outage

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: object
    ) -> MetricExportResult:
        with quietly():
            result = super().export(metrics_data, timeout_millis, **kwargs)
        self.outage.told(result is MetricExportResult.SUCCESS)
        return result


def open_metrics(way: Way, resource: Resource, every_s: float) -> MeterProvider:
    """Measures go to this collector as often as this."""
    exporter = _Metrics(**said(way))
    exporter.outage = Outage("metrics", way.place)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=every_s * 1000)
    return MeterProvider(
        [reader],
        resource=resource,
        exemplar_filter=AlwaysOffExemplarFilter(),
        shutdown_on_exit=False,
    )
