"""Where telemetry goes, and as whose: by the settings, and by OpenTelemetry's variables for the rest.

Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/, 2026-11-21.
Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/, 2026-11-21.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from modelway.errors import ConfigError
from modelway.observe.settings import TelemetrySettings

Signal: TypeAlias = Literal["traces", "metrics", "logs"]
SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")

_ENDPOINT = "http://localhost:4318"
_TIMEOUT_S = 10.0
_METRICS_EVERY_S = 60.0
_DEFAULT_NAME = TelemetrySettings().service_name


class Way(Struct, frozen=True, kw_only=True):
    """How one signal is sent."""

    url: str
    headers: dict[str, str] = {}
    timeout_s: float = _TIMEOUT_S
    compression: str = "none"
    certificate: str | None = None
    client_key: str | None = None
    client_certificate: str | None = None

    @property
    def place(self) -> str:
        """The collector's address without what may be a secret in it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

    def __repr__(self) -> str:
        return f"Way(place={self.place!r})"


class Destination(Struct, frozen=True, kw_only=True):
    """Where each signal goes, and the attributes of whose it is."""

    ways: dict[Signal, Way]
    resource: dict[str, str]
    metrics_every_s: float = _METRICS_EVERY_S


def destination(settings: TelemetrySettings, environment: Mapping[str, str]) -> Destination:
    """ConfigError names the variable or setting that makes no sense."""
    return Destination(
        ways={signal: _way(signal, settings, environment) for signal in SIGNALS},
        resource=_resource(settings, environment),
        metrics_every_s=_number("OTEL_METRIC_EXPORT_INTERVAL", environment, _METRICS_EVERY_S * 1000)
        / 1000,
    )


def _way(signal: Signal, settings: TelemetrySettings, environment: Mapping[str, str]) -> Way:
    def said(what: str) -> str | None:
        own = environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}")
        return own or environment.get(f"OTEL_EXPORTER_OTLP_{what}") or None

    url = environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    if settings.endpoint or not url:
        base = settings.endpoint or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") or _ENDPOINT
        url = f"{base.rstrip('/')}/v1/{signal}"
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ConfigError(
            "the endpoint for telemetry must be a URL with http or https and a host: set "
            "telemetry.endpoint, or the variable OTEL_EXPORTER_OTLP_ENDPOINT"
        )
    compression = said("COMPRESSION") or "none"
    if compression not in ("none", "gzip", "deflate"):
        raise ConfigError("OTEL_EXPORTER_OTLP_COMPRESSION must be none, gzip or deflate")
    timeout = f"OTEL_EXPORTER_OTLP_{signal.upper()}_TIMEOUT"
    if timeout not in environment:
        timeout = "OTEL_EXPORTER_OTLP_TIMEOUT"
    return Way(
        url=url,
        headers={**_pairs("OTEL_EXPORTER_OTLP_HEADERS", said("HEADERS")), **settings.headers},
        timeout_s=_number(timeout, environment, _TIMEOUT_S),
        compression=compression,
        certificate=said("CERTIFICATE"),
        client_key=said("CLIENT_KEY"),
        client_certificate=said("CLIENT_CERTIFICATE"),
    )


def _resource(settings: TelemetrySettings, environment: Mapping[str, str]) -> dict[str, str]:
    """An instance is a process: the counts of several are told apart by it."""
    told = _pairs("OTEL_RESOURCE_ATTRIBUTES", environment.get("OTEL_RESOURCE_ATTRIBUTES"))
    name = settings.service_name
    if name == _DEFAULT_NAME:
        name = environment.get("OTEL_SERVICE_NAME") or told.get("service.name") or name
    return {"service.instance.id": str(uuid.uuid4()), **told, "service.name": name}


def _pairs(variable: str, text: str | None) -> dict[str, str]:
    """``a=b,c=d``, percent-encoded. A fault says nothing of the text, which may hold a key."""
    pairs: dict[str, str] = {}
    for item in (text or "").split(","):
        if not item.strip():
            continue
        name, is_, value = item.partition("=")
        if not is_ or not name.strip():
            raise ConfigError(f"{variable} must be a list of name=value with commas between")
        pairs[unquote(name.strip())] = unquote(value.strip())
    return pairs


def _number(variable: str, environment: Mapping[str, str], usual: float) -> float:
    text = environment.get(variable) or ""
    if not text.strip():
        return usual
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ConfigError(f"{variable} must be a number above 0, and is {text[:40]!r}")
    return number
