"""OpenTelemetry is needed, and loaded, only where it is enabled."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelway.errors import ConfigError
from modelway.observe.otel.opening import open_telemetry
from modelway.observe.settings import TelemetrySettings

LOADED = """
import asyncio, sys
import modelway, modelway.gateway.app, modelway.observe.otel.opening
with modelway.SyncClient({"providers": {"simulator": {}}}) as client:
    client.chat("Hello!", model="simulator/sim-demo")
print([name for name in sys.modules if name.split(".")[0] in ("opentelemetry", "google")])
"""


def test_nothing_of_it_is_loaded_by_who_does_not_ask_for_it():
    run = subprocess.run(
        [sys.executable, "-c", LOADED], check=True, capture_output=True, text=True, timeout=60
    )
    assert run.stdout.strip() == "[]"


def test_the_extra_is_named_where_it_is_not_installed(monkeypatch):
    for name in list(sys.modules):
        if name.startswith(("opentelemetry", "modelway.observe.otel.")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigError, match=r"modelway\[otel\]") as caught:
        open_telemetry(TelemetrySettings(enabled=True), environment={}, version="1")
    assert "telemetry.enabled" in str(caught.value)


def test_a_variable_that_makes_no_sense_is_said_at_the_start():
    with pytest.raises(ConfigError, match="OTEL_EXPORTER_OTLP_ENDPOINT"):
        open_telemetry(
            TelemetrySettings(enabled=True),
            environment={"OTEL_EXPORTER_OTLP_ENDPOINT": "nowhere"},
            version="1",
        )
