"""What is measured of calls, and who is told."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class MetricsSettings(Struct, frozen=True, kw_only=True):
    """Figures for ``/metrics``."""

    enabled: bool | None = None
    """``None``: by a gateway."""
    public: bool = False
    """Whether ``/metrics`` is open to who shows no admin key: it names models and providers."""
    most_series: int = 2_000
    """Of (provider, model) and error pairs; what is beyond is counted as ``other``."""


class TelemetrySettings(Struct, frozen=True, kw_only=True):
    """OpenTelemetry: spans and metrics by the GenAI conventions, over OTLP and HTTP."""

    enabled: bool = False
    endpoint: str | None = None
    """Of a collector, without ``/v1/traces``; ``None``: as ``OTEL_EXPORTER_OTLP_ENDPOINT`` says."""
    headers: dict[str, str] = {}
    service_name: str = "modelway"
    sample: float = 1.0
    """The share of traces that begin here which are recorded; a caller's own decision is kept."""
    content: Literal["none", "events"] = "none"
    """Whether what was said is recorded, too."""
    propagate: bool = True
    """Whether providers are told the trace that a request is part of."""
    metrics: bool = True

    def __repr__(self) -> str:
        return f"TelemetrySettings(enabled={self.enabled!r}, service_name={self.service_name!r})"
