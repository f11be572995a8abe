"""Debian's Prometheus on a port of its own, scraping one place each second."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.ports import free_port

PROMETHEUS = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")
needs_prometheus = pytest.mark.skipif(
    PROMETHEUS is None, reason="no prometheus on this machine: apt-get install prometheus"
)
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="no promtool on this machine: apt-get install prometheus"
)


class Prometheus:
    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **query: str) -> Any:
        said = urllib.parse.urlencode(query)
        with urllib.request.urlopen(f"{self.url}{path}?{said}", timeout=10) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an instant vector; HTTPError for what is no PromQL."""
        found = self.get("/api/v1/query", query=expression)
        assert found["resultType"] == "vector", found
        return [(one["metric"], float(one["value"][1])) for one in found["result"]]

    def wait_for(self, expression: str, value: float) -> None:
        """Wait until this is the one value."""
        end = time.monotonic() + 20
        while (found := [one for _, one in self.query(expression)]) != [value]:
            assert time.monotonic() < end, (expression, found, value)
            time.sleep(0.1)


@contextlib.contextmanager
def scraping(target: str, directory: Path, key: str = "") -> Iterator[Prometheus]:
    """Prometheus for the length of the block, with ``target``'s /metrics as its only job."""
    config = directory / "prometheus.yml"
    job: dict[str, Any] = {
        "job_name": "modelway",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "static_configs": [{"targets": [urlsplit(target).netloc]}],
    }
    if key:
        job["authorization"] = {"credentials": key}
    config.write_text(json.dumps({"scrape_configs": [job]}))
    port = free_port()
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(PROMETHEUS),
                f"--config.file={config}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
        )
    try:
        running = Prometheus(f"http://127.0.0.1:{port}")
        _until_ready(running, process, directory)
        yield running
    finally:
        process.terminate()
        process.wait(20)


def _until_ready(running: Prometheus, process: subprocess.Popen[bytes], directory: Path) -> None:
    end = time.monotonic() + 20
    while True:
        assert process.poll() is None, (directory / "prometheus.log").read_text()
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{running.url}/-/ready", timeout=2),
        ):
            return
        assert time.monotonic() < end, "prometheus did not start"
        time.sleep(0.05)
