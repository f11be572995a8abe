"""The benchmark: ``python bench/run.py [--quick] [--rows NAME,…] [--json FILE] [--markdown FILE]``.

Servers are measured in rotation (each round takes every system of a row in turn), by the CPU time that
the kernel booked for their processes. Nothing is asserted; see README.md for the method.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from fnmatch import fnmatch
from pathlib import Path

import render
import sdk_rows
import systems as known
from measure import Bench
from processes import cpus
from tools import Tools
from workloads import FULL, QUICK, TINY, WORKLOADS, Workload, models

OTHER_ROWS = ("footprint", *sdk_rows.NAMES, "import")


def arguments() -> argparse.Namespace:
    names = [workload.name for workload in WORKLOADS] + list(OTHER_ROWS)
    parser = argparse.ArgumentParser(
        prog="bench/run.py",
        description="CPU time and memory of the gateway and the SDK, in rotation with nginx and others.",
        epilog=f"rows: {', '.join(names)}",
    )
    parser.add_argument(
        "--quick", action="store_true", help="one to two minutes instead of about ten"
    )
    parser.add_argument(
        "--tiny", action="store_true", help="does it run at all; the figures mean nothing"
    )
    parser.add_argument("--rows", help="names or patterns, by commas; default: all")
    parser.add_argument("--systems", help="names, by commas; default: all that are installed")
    parser.add_argument("--peers", action="store_true", help="also the peers that are installed")
    parser.add_argument("--rounds", type=int, help="default 5; 3 with --quick")
    parser.add_argument(
        "--python-tools", action="store_true", help="do not compile upstream and load"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write everything measured")
    parser.add_argument(
        "--markdown", type=Path, metavar="OUT", help="write the tables of README.md"
    )
    parser.add_argument(
        "--readme", action="store_true", help="replace the figures in bench/README.md"
    )
    return parser.parse_args()


def wanted(options: argparse.Namespace, name: str) -> bool:
    return not options.rows or any(fnmatch(name, pattern) for pattern in options.rows.split(","))


def choose(options: argparse.Namespace, site: known.Site):
    """(to be run, absent with the reason)."""
    found = [known.direct(site), known.nginx(site), known.bare(site), known.modelway(site)]
    if options.peers:
        found += known.peers(site)
    if options.systems:
        names = options.systems.split(",")
        found = [system for system in found if system.name in names]
    absent = {system.name: system.reason for system in found if isinstance(system, known.Absent)}
    return [system for system in found if isinstance(system, known.System)], absent


def fits(workload: Workload, system: known.System) -> bool:
    return (
        (system.crosses or not workload.crosses)
        and (system.streams or not workload.stream)
        and workload.client in system.dialects
    )


_said: list[str] = []


def say(text: str) -> None:
    """Progress; kept as the raw output of the report."""
    print(text, file=sys.stderr, flush=True)
    _said.append(text.strip())


def measure_row(
    bench: Bench, workload: Workload, running: list[known.System], rounds: int
) -> list[dict]:
    """The row's results, one a system; a system that fails has an ``error`` instead."""
    results = {system.name: {"system": system.name, "runs": []} for system in running}
    lengths = {}
    for turn in range(rounds):
        for system in running:
            result = results[system.name]
            if "error" in result:
                continue
            try:
                if turn == 0:
                    lengths[system.name] = bench.probe(workload, system)
                run = bench.cpu_us(workload, system, lengths[system.name])
            except RuntimeError as error:
                result["error"] = str(error)
                say(f"  {workload.name} {system.name}: {error}")
                continue
            result["runs"].append(run)
            cpu = "" if run["cpu_us"] is None else f"{run['cpu_us']:8.2f} µs/{workload.unit}"
            say(
                f"  {workload.name} {system.name:10} {cpu} {run['rps']:9.0f} rps p50 {run['p50_us']} µs"
            )
    return list(results.values())


def measure_servers(
    bench: Bench, options: argparse.Namespace, running: list[known.System], rounds: int
) -> tuple[dict, dict]:
    rows = [workload for workload in WORKLOADS if wanted(options, workload.name)]
    measured = {}
    with bench.started(running if rows else []) as failed:
        alive = [system for system in running if system.name not in failed]
        for workload in rows:
            able = [system for system in alive if fits(workload, system)]
            if able:
                measured[workload.name] = measure_row(bench, workload, able, rounds)
    return measured, failed


def measure_footprints(
    bench: Bench, options: argparse.Namespace, running: list[known.System]
) -> dict:
    if not wanted(options, "footprint"):
        return {}
    starts, requests, streams = 5, 100_000, 1_000
    if options.quick:
        starts, requests = 3, 10_000
    if options.tiny:
        starts, requests, streams = 1, 50, 10
    measured = {}
    for system in running:
        if not system.command or not system.streams:
            continue
        try:
            found = bench.footprint(system, starts=starts, requests=requests, streams=streams)
        except RuntimeError as error:
            found = {"error": str(error)}
        measured[system.name] = found
        say(f"  footprint {system.name:10} {found}")
    return measured


def machine() -> dict:
    return {
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": render.cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": os.getloadavg(),
    }


def main() -> None:
    options = arguments()
    size = TINY if options.tiny else QUICK if options.quick else FULL
    rounds = options.rounds or (1 if options.tiny else 3 if options.quick else 5)
    under_test, others = cpus()
    tools = Tools(cpu=others, python=options.python_tools)
    found = {"command": ["bench/run.py", *sys.argv[1:]], "machine": machine(), "tools": tools.kind}
    with tempfile.TemporaryDirectory(prefix="modelway-bench-") as name, tools.upstream() as port:
        site = known.Site(
            directory=Path(name), upstream_port=port, models=models(size), cpu=under_test
        )
        running, absent = choose(options, site)
        bench = Bench(tools=tools, size=size, directory=site.directory, cpu=under_test)
        rows, failed = measure_servers(bench, options, running, rounds)
        found["rows"] = rows
        alive = [system for system in running if system.name not in failed]
        found["footprint"] = measure_footprints(bench, options, alive)
        chosen = [row for row in sdk_rows.NAMES if wanted(options, row)]
        found["sdk"] = sdk_rows.measure(
            chosen,
            port=port,
            size=size,
            rounds=rounds,
            cpu=under_test,
            directory=site.directory,
            say=say,
        )
        if wanted(options, "import"):
            found["import"] = sdk_rows.imports(
                port=port,
                rounds=max(3, rounds * 2),
                cpu=under_test,
                directory=site.directory,
                say=say,
            )
        found["absent"] = {**absent, **failed}
    for name, reason in found["absent"].items():
        say(f"not measured: {name}: {reason}")
    found["raw"] = _said
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    text = render.markdown(found)
    if options.markdown:
        options.markdown.write_text(text)
    if options.readme:
        render.replace_section(Path(__file__).parent / "README.md", text, found["raw"])
    print(text)


if __name__ == "__main__":
    main()
