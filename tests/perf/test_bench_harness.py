"""The benchmark runs at all: tiny counts, the figures mean nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "bench" / "run.py"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU time is read from /proc")


def measured(tmp_path: Path, *options: str) -> dict:
    out = tmp_path / "out.json"
    command = [sys.executable, str(RUN), "--tiny", "--json", str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


@pytest.mark.parametrize("tools", ["compiled", "python"])
def test_direct_access_is_measured_with_either_kind_of_tools(tmp_path, tools):
    if tools == "compiled" and shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    options = ["--python-tools"] if tools == "python" else []
    rows = "whole-1k-c1,whole-anthropic,paced,burst"
    found = measured(tmp_path, "--systems", "direct", "--rows", rows, *options)["rows"]
    assert set(found) == set(rows.split(","))
    runs = {name: results[0]["runs"][0] for name, results in found.items()}
    assert all(run["errors"] == run["unfinished"] == 0 for run in runs.values())
    assert runs["whole-1k-c1"]["requests"] == 40
    assert runs["whole-1k-c1"]["body_bytes"] == 40 * 766
    # 3 and 20 text events a stream, and the first, the finish and [DONE]
    assert runs["paced"]["events"] == 60 * (3 + 3)
    assert runs["burst"]["events"] == 2 * (20 + 3)


def test_cpu_time_of_another_process_is_measured(tmp_path):
    found = measured(tmp_path, "--systems", "uvicorn", "--rows", "whole-1k-c32")
    run = found["rows"]["whole-1k-c32"][0]["runs"][0]
    assert 1 < run["cpu_us"] < 100_000


def test_a_system_that_is_absent_is_named_with_its_reason(tmp_path):
    found = measured(
        tmp_path, "--peers", "--systems", "no-such-peer,tensorzero", "--rows", "whole-1k-c1"
    )
    assert "tensorzero" in found["absent"] or "tensorzero" in str(found["rows"])
