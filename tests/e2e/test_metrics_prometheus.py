"""A real Prometheus reads what the gateway tells, and every query of the dashboards."""

import contextlib
import http.server
import json
import math
import random
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

from modelway.observe.metrics import Metrics
from modelway.observe.prometheus import (
    CONTENT_TYPE,
    OPENMETRICS_TYPE,
    exposition,
    wants_openmetrics,
)
from modelway.observe.snapshot import decode
from modelway.types import Usage
from support.dashboards import dashboards, queries
from support.prometheus import series
from support.prometheus_server import (
    PROMTOOL,
    needs_prometheus,
    needs_promtool,
    scraping,
)
from support.serving import KEY, served

STRANGE = 'a "quoted"\\name\nof two lines, ключ'
CONFIG = {
    "providers": {"simulator": {}},
    "models": {
        "fast": {"deployments": ["simulator/sim-demo"]},
        "sick": {"deployments": ["simulator/sim-500"], "fallback": ["fast"]},
    },
    "defaults": {"retries": 0},
    "metrics": {"enabled": True},
    "health": {"active": False},
}


def play(metrics, chance, times=50):
    """Something of everything that is measured."""
    for _ in range(times):
        took_s = chance.lognormvariate(0.5, 0.8)
        for model in ("small", STRANGE):
            usage = Usage(
                input_tokens=100,
                output_tokens=50,
                cached_tokens=60,
                cache_write_tokens=7,
                reasoning_tokens=9,
            )
            for estimated in (False, True):
                metrics.attempt(
                    "acme",
                    model,
                    "chat",
                    took_s=took_s,
                    first_s=took_s / 3,
                    usage=usage,
                    cost_pico_usd=123_456_789,
                    estimated=estimated,
                )
            metrics.attempt("acme", model, "chat", took_s=took_s)
            metrics.attempt("acme", model, "chat", took_s=took_s, error="RateLimitError")
            for happened in (metrics.retried, metrics.fell_back, metrics.hedged, metrics.opened):
                happened("acme", model)
            for facts in (
                {"stream": True},
                {"cached": "exact"},
                {"error": "BudgetExceededError"},
            ):
                metrics.request(
                    "chat",
                    model,
                    took_s=took_s,
                    upstream_s=took_s * 0.9,
                    waited_s=took_s * 0.05,
                    **facts,
                )
    metrics.limited("budget", "team-month")


@contextlib.contextmanager
def telling(metrics):
    """A server that tells these, in the format that is asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            openmetrics = wants_openmetrics(self.headers.get("accept", "").encode())
            text = exposition([decode(metrics.snapshot())], openmetrics=openmetrics)
            self.send_response(200)
            kind = OPENMETRICS_TYPE if openmetrics else CONTENT_TYPE
            self.send_header("content-type", kind.decode())
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *of):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def same(prometheus, text):
    """Whether Prometheus has these samples, and no others."""
    found = {}
    for labels, value in prometheus.query('{__name__=~"modelway_.*"}'):
        own = {
            name: said
            for name, said in labels.items()
            if name not in {"__name__", "job", "instance"}
        }
        if "le" in own:
            own["le"] = str(float(own["le"]))
        found[labels["__name__"], tuple(sorted(own.items()))] = value
    told = {}
    for (name, labels), value in series(text).items():
        said = dict(labels)
        if "le" in said:
            said["le"] = str(float(said["le"]))
        told[name, tuple(sorted(said.items()))] = value
    assert found.keys() == told.keys()
    for key, value in told.items():
        assert found[key] == pytest.approx(value, rel=1e-12, nan_ok=True), key


def scraped(url, key=KEY):
    request = urllib.request.Request(f"{url}/metrics", headers={"authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["content-type"] == CONTENT_TYPE.decode()
        return answer.read()


def ask(url, model, **fields):
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}], **fields}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    with (
        contextlib.suppress(urllib.error.HTTPError),
        urllib.request.urlopen(request, timeout=20) as answer,
    ):
        answer.read()


@needs_prometheus
def test_prometheus_has_what_a_gateway_tells(tmp_path):
    with (
        served(CONFIG, tmp_path / "state") as gateway,
        scraping(gateway.url, tmp_path, KEY) as prometheus,
    ):
        for _ in range(3):
            ask(gateway.url, "fast")
            ask(gateway.url, "fast", stream=True)
            ask(gateway.url, "sick")
            ask(gateway.url, "simulator/nobody's")
        prometheus.wait_for("sum(modelway_requests_total)", 12)
        prometheus.wait_for('sum(modelway_requests_total{outcome="ok"})', 12)
        prometheus.wait_for('modelway_attempt_errors_total{model="sim-500"}', 3)
        prometheus.wait_for('modelway_fallbacks_total{model="sim-demo"}', 3)
        prometheus.wait_for('modelway_attempt_first_token_seconds_count{model="sim-demo"}', 3)
        prometheus.wait_for('up{job="modelway"}', 1)
        same(prometheus, scraped(gateway.url))


@needs_prometheus
def test_prometheus_has_every_measure_of_the_strangest_names_in_openmetrics(tmp_path):
    metrics, chance = Metrics(), random.Random(5)
    metrics.open_requests = lambda: 4
    play(metrics, chance)
    with telling(metrics) as url, scraping(url, tmp_path) as prometheus:
        prometheus.wait_for("modelway_open_requests", 4)
        same(prometheus, exposition([decode(metrics.snapshot())]))
        for name, kind in (
            ("modelway_requests", "counter"),
            ("modelway_attempt_duration_seconds", "histogram"),
            ("modelway_attempt_duration_recent_seconds", "summary"),
            ("modelway_open_requests", "gauge"),
        ):
            (target,) = prometheus.get("/api/v1/targets/metadata", metric=name)
            assert target["type"] == kind
            assert target["help"]


@needs_prometheus
def test_every_query_of_the_dashboards_finds_something(tmp_path):
    metrics, chance = Metrics(), random.Random(5)
    metrics.open_requests = lambda: 4
    play(metrics, chance)
    with telling(metrics) as url, scraping(url, tmp_path) as prometheus:
        prometheus.wait_for("modelway_retries_total{model='small'}", 50)
        play(metrics, chance)
        prometheus.wait_for("modelway_retries_total{model='small'}", 100)
        empty = [
            (title, query)
            for name in dashboards()
            for title, query in queries(name, interval="1m", over="5m")
            if not prometheus.query(query)
        ]
        assert not empty
        (_, told), *_ = prometheus.query(
            "histogram_quantile(0.5, sum by (le) (rate(modelway_attempt_duration_seconds_bucket[1m])))"
        )
        assert math.e**0.5 / 2 < told < math.e**0.5 * 2


@needs_promtool
def test_promtool_has_nothing_to_say():
    metrics = Metrics()
    play(metrics, random.Random(5))
    checked = subprocess.run(
        [PROMTOOL, "check", "metrics"],
        input=exposition([decode(metrics.snapshot())]),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
