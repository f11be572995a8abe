"""Where telemetry goes, by settings and by OpenTelemetry's variables."""

from __future__ import annotations

import pytest

from modelway.errors import ConfigError
from modelway.observe.otel.destination import destination
from modelway.observe.settings import TelemetrySettings

E = "OTEL_EXPORTER_OTLP_"


def to(said=(), **environment):
    settings = TelemetrySettings(enabled=True, **dict(said))
    return destination(settings, environment)


def test_a_collector_on_this_machine_is_the_default():
    urls = [way.url for way in to().ways.values()]
    assert urls == [f"http://localhost:4318/v1/{one}" for one in ("traces", "metrics", "logs")]


def test_variables_say_what_settings_leave_open():
    found = to(
        **{
            f"{E}ENDPOINT": "https://collector.example:4317/base/",
            f"{E}METRICS_ENDPOINT": "https://metrics.example/exactly",
            f"{E}HEADERS": "x-team=a%20b, x-other = c",
            f"{E}TRACES_HEADERS": "x-team=traces",
            f"{E}TIMEOUT": "3",
            f"{E}LOGS_TIMEOUT": "4.5",
            f"{E}COMPRESSION": "gzip",
            f"{E}CERTIFICATE": "/ca.pem",
            "OTEL_METRIC_EXPORT_INTERVAL": "15000",
        }
    )
    ways = found.ways
    assert ways["traces"].url == "https://collector.example:4317/base/v1/traces"
    assert ways["metrics"].url == "https://metrics.example/exactly"
    assert ways["traces"].headers == {"x-team": "traces"}
    assert ways["logs"].headers == {"x-team": "a b", "x-other": "c"}
    assert [ways[one].timeout_s for one in ("traces", "logs")] == [3.0, 4.5]
    assert {way.compression for way in ways.values()} == {"gzip"}
    assert ways["logs"].certificate == "/ca.pem"
    assert found.metrics_every_s == 15.0


def test_settings_have_the_word():
    said = {"endpoint": "https://mine.example", "headers": {"x-team": "mine"}}
    found = to(
        said,
        **{
            f"{E}TRACES_ENDPOINT": "https://theirs.example/v1/traces",
            f"{E}HEADERS": "x-team=theirs,x-more=1",
        },
    )
    assert found.ways["traces"].url == "https://mine.example/v1/traces"
    assert found.ways["traces"].headers == {"x-team": "mine", "x-more": "1"}


@pytest.mark.parametrize(
    ("name", "variables", "told"),
    [
        ("modelway", {}, "modelway"),
        ("modelway", {"OTEL_SERVICE_NAME": "theirs"}, "theirs"),
        ("modelway", {"OTEL_RESOURCE_ATTRIBUTES": "service.name=theirs"}, "theirs"),
        ("mine", {"OTEL_SERVICE_NAME": "theirs"}, "mine"),
    ],
)
def test_a_service_s_name(name, variables, told):
    assert to({"service_name": name}, **variables).resource["service.name"] == told


def test_processes_are_told_apart():
    said = {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=prod,host.name=a%2Cb"}
    one, other = to(**said).resource, to(**said).resource
    assert one["service.instance.id"] != other["service.instance.id"]
    assert (one["deployment.environment"], one["host.name"]) == ("prod", "a,b")


@pytest.mark.parametrize(
    ("said", "variables", "names"),
    [
        ({"endpoint": "collector:4318"}, {}, "telemetry.endpoint"),
        ({"endpoint": "https://"}, {}, "telemetry.endpoint"),
        ({}, {f"{E}ENDPOINT": "ftp://collector"}, f"{E}ENDPOINT"),
        ({}, {f"{E}TIMEOUT": "soon"}, f"{E}TIMEOUT"),
        ({}, {f"{E}LOGS_TIMEOUT": "-1"}, f"{E}LOGS_TIMEOUT"),
        ({}, {f"{E}TIMEOUT": "nan"}, f"{E}TIMEOUT"),
        ({}, {f"{E}COMPRESSION": "brotli"}, f"{E}COMPRESSION"),
        ({}, {f"{E}HEADERS": "canary-of-a-key"}, f"{E}HEADERS"),
        ({}, {"OTEL_RESOURCE_ATTRIBUTES": "=x"}, "OTEL_RESOURCE_ATTRIBUTES"),
        ({}, {"OTEL_METRIC_EXPORT_INTERVAL": "0"}, "OTEL_METRIC_EXPORT_INTERVAL"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_makes_no_sense_is_named(said, variables, names):
    with pytest.raises(ConfigError, match=names) as caught:
        to(said, **variables)
    assert "canary" not in str(caught.value)


def test_no_secret_is_in_a_place_or_a_repr():
    way = to({"endpoint": "https://user:canary@host.example:1/path?key=canary"}).ways["traces"]
    assert way.place == "https://host.example:1"
    assert "canary" not in repr(way)
