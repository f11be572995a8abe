"""Client libraries in process, one fresh process a measurement, in rotation; and what imports cost."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from processes import running, spawn
from workloads import Size

HERE = Path(__file__).parent
TARGETS_US = {"sdk-call": 120, "sdk-paced": 60, "sdk-burst": 10}
NAMES = tuple(TARGETS_US)
IMPORTS = {"modelway": 60, "openai": None, "anthropic": None}
"""Module → target in milliseconds."""


def libraries() -> dict[str, str]:
    """Library → the Python that has it."""
    found = dict.fromkeys(("transport", "modelway", "openai"), sys.executable)
    peers = Path(os.environ.get("BENCH_PEERS", HERE / "build" / "peers"))
    for name in ("any-llm", "litellm"):
        python = peers / name / "bin" / "python"
        if python.exists():
            found[name] = str(python)
    return found


def run(command: list[str], cpu: int | None, log: Path) -> dict:
    """The last line that a process prints, as JSON; RuntimeError with the end of what it said."""
    log.write_bytes(b"")
    with running(spawn(command, cpu=cpu, log=log)) as process:
        status = process.wait(180)
    said = log.read_text(errors="replace").strip()
    if status:
        raise RuntimeError(
            said.splitlines()[-1][-400:] if said else f"it ended with status {status}"
        )
    return json.loads(said.splitlines()[-1])


def settings(row: str, size: Size) -> list[str]:
    if row == "sdk-paced":
        streams = "60" if size.requests > 100 else "4"
        model = f"paced-{size.paced_events}-10"
        return ["--model", model, "--count", streams, "--concurrency", streams]
    if row == "sdk-burst":
        model = f"burst-{size.burst_events}"
        return ["--model", model, "--count", str(size.bursts), "--concurrency", "4"]
    return ["--count", str(size.requests // 5), "--concurrency", "8"]


def measure(
    rows: list[str],
    *,
    port: int,
    size: Size,
    rounds: int,
    cpu: int | None,
    directory: Path,
    say: Callable[[str], None],
) -> dict:
    """Row → results, one a library and event loop."""
    measured = {}
    for row in rows:
        results = {name: {"system": name, "runs": []} for name in libraries()}
        results["modelway, uvloop"] = {"system": "modelway, uvloop", "runs": []}
        for _ in range(rounds):
            for name, result in results.items():
                if "error" in result:
                    continue
                library, _, loop = name.partition(", ")
                command = [libraries()[library], str(HERE / "sdk.py"), "--library", library]
                command += ["--port", str(port), *settings(row, size)]
                try:
                    found = run(
                        [*command, *(["--uvloop"] if loop else [])], cpu, directory / "sdk.log"
                    )
                except RuntimeError as error:
                    result["error"] = str(error)
                    say(f"  {row} {name}: {error}")
                    continue
                result["runs"].append(found)
                say(f"  {row} {name:16} {found['cpu_us']:8.2f} µs")
        measured[row] = list(results.values())
    return measured


_TIMED = """
import time
cpu, wall = time.process_time_ns(), time.perf_counter_ns()
import {module}
print('{{"cpu_ms": %f, "wall_ms": %f}}' % (
    (time.process_time_ns() - cpu) / 1e6, (time.perf_counter_ns() - wall) / 1e6))
"""


def imports(
    *, port: int, rounds: int, cpu: int | None, directory: Path, say: Callable[[str], None]
) -> dict:
    """Medians of fresh processes: import alone, and import with a first request."""
    commands = {
        f"import {module}": [sys.executable, "-c", _TIMED.format(module=module)]
        for module in IMPORTS
    }
    for library in ("modelway", "openai"):
        command = [sys.executable, str(HERE / "sdk.py"), "--library", library, "--port", str(port)]
        commands[f"import {library}, first request"] = [*command, "--first"]
    runs: dict[str, list[dict]] = {name: [] for name in commands}
    failed = {}
    for _ in range(rounds):
        for name, command in commands.items():
            if name in failed:
                continue
            try:
                runs[name].append(run(command, cpu, directory / "import.log"))
            except RuntimeError as error:
                failed[name] = str(error)
                say(f"  {name}: {error}")
    measured: dict[str, dict] = {name: {"error": error} for name, error in failed.items()}
    for name, found in runs.items():
        if found and name not in failed:
            measured[name] = {
                f"{kind}_{statistic.__name__}": round(statistic([one[kind] for one in found]), 1)
                for kind in ("wall_ms", "cpu_ms")
                for statistic in (statistics.median, min)
            }
            say(f"  {name:32} {measured[name]}")
    return measured
