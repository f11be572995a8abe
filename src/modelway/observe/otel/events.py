"""The provider of events with content, opened only where they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.resources import Resource

from modelway.observe.otel.destination import Way
from modelway.observe.otel.outage import Outage, quietly
from modelway.observe.otel.sending import EVERY_MS, said

_MOST_WAITING = 128
"""Events are large; past it the oldest are dropped."""
_AT_ONCE = 16


class _Events(OTLPLogExporter):
    outage: Outage

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        with quietly():
            result = super().export(batch)
        self.outage.told(result is LogRecordExportResult.SUCCESS)
        return result


def open_events(way: Way, resource: Resource) -> LoggerProvider:
    """Events go to this collector in batches."""
    exporter = _Events(**said(way))
    exporter.outage = Outage("events", way.place)
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(
        BatchLogRecordProcessor(
            exporter,
            schedule_delay_millis=EVERY_MS,
            max_export_batch_size=_AT_ONCE,
            max_queue_size=_MOST_WAITING,
        )
    )
    return provider
