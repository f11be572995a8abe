"""The tables of README.md, from what was measured."""

from __future__ import annotations

import platform
import statistics
from pathlib import Path

from sdk_rows import IMPORTS, TARGETS_US
from workloads import WORKLOADS, Workload

MEMORY_TARGETS = {"start_s": 0.5, "idle_rss_mib": 45.0, "streams_more_rss_mib": 30.0}
FIRST_REQUEST_MS = 250
BEGIN = "<!-- figures: written by run.py --readme -->"
END = "<!-- end of figures -->"


def cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(": ")[2]
    except OSError:
        pass
    return platform.processor()


def middle(result: dict) -> float | None:
    """The median CPU time of a result's rounds."""
    values = [run["cpu_us"] for run in result["runs"] if run["cpu_us"] is not None]
    return statistics.median(values) if values else None


def spread(result: dict) -> str:
    values = [run["cpu_us"] for run in result["runs"] if run["cpu_us"] is not None]
    return f"{number(min(values))} … {number(max(values))}" if values else ""


def number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict(value: float, target: float | None) -> str:
    if target is None:
        return ""
    if value <= target:
        return f"≤ {target:g}: reached"
    return f"≤ {target:g}: missed by {100 * (value / target - 1):.0f} %"


def goal(workload: Workload, cpu: float, base: float | None) -> str:
    """The verdict as measured, and on a machine where nginx takes what it took for the target."""
    said = verdict(cpu, workload.target_us)
    if base is None or workload.nginx_us is None:
        return said
    scaled = cpu * workload.nginx_us / base
    return f"{said}; where nginx takes {workload.nginx_us:g}: {number(scaled)}"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" for _ in head) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def server_rows(measured: dict) -> list[list[str]]:
    rows = []
    for workload in WORKLOADS:
        results = measured.get(workload.name, [])
        base = next(
            (middle(one) for one in results if one["system"] == "nginx" and one["runs"]), None
        )
        for result in results:
            name = result["system"]
            if "error" in result:
                problem = result["error"].splitlines()[0][:120]
                rows.append([workload.name, name, f"failed: {problem}", "", "", "", "", ""])
                continue
            cpu = middle(result)
            rps = statistics.median(run["rps"] for run in result["runs"])
            p50 = statistics.median(run["p50_us"] for run in result["runs"])
            p99 = statistics.median(run["p99_us"] for run in result["runs"])
            whole = not workload.stream
            rows.append(
                [
                    workload.name,
                    name,
                    f"{number(cpu)} µs/{workload.unit}" if cpu is not None else "",
                    spread(result),
                    f"{cpu / base:.1f}" if cpu is not None and base else "",
                    f"{rps:.0f}" if whole else "",
                    f"{p50:.0f} / {p99:.0f}" if whole else "",
                    goal(workload, cpu, base) if name == "modelway" and cpu else "",
                ]
            )
    return rows


def sdk_table(measured: dict) -> list[list[str]]:
    rows = []
    for row, results in measured.items():
        for result in results:
            name = result["system"]
            if "error" in result:
                problem = result["error"].splitlines()[-1][:120]
                rows.append([row, name, f"failed: {problem}", "", ""])
                continue
            cpu = middle(result)
            goal = TARGETS_US[row] if name == "modelway" else None
            unit = "call" if row == "sdk-call" else "event"
            rows.append([row, name, f"{number(cpu)} µs/{unit}", spread(result), verdict(cpu, goal)])
    return rows


def footprint_rows(measured: dict) -> list[list[str]]:
    rows = []
    for name, found in measured.items():
        if "error" in found:
            rows.append(
                [name, f"failed: {found['error'].splitlines()[0][:120]}", "", "", "", "", ""]
            )
            continue
        goals = [
            f"{label} {verdict(found[key], MEMORY_TARGETS[key])}"
            for key, label in (
                ("start_s", "start"),
                ("idle_rss_mib", "idle"),
                ("streams_more_rss_mib", "streams"),
            )
        ]
        failed = found["stream_errors"] + found["request_errors"]
        rows.append(
            [
                name,
                f"{found['start_s']:.2f} s",
                f"{found['idle_rss_mib']} ({found['idle_pss_mib']})",
                f"{found['streams_more_rss_mib']} ({found['streams']} streams)",
                f"{found['rss_after_warm_up_mib']} → {found['rss_after_requests_mib']} ({found['requests']})",
                str(failed),
                "; ".join(goals) if name == "modelway" else "",
            ]
        )
    return rows


def import_rows(measured: dict) -> list[list[str]]:
    rows = []
    for name, found in measured.items():
        if "error" in found:
            rows.append([name, f"failed: {found['error'].splitlines()[-1][:120]}", "", "", ""])
            continue
        target = IMPORTS.get(name.removeprefix("import "))
        if name == "import modelway, first request":
            target = FIRST_REQUEST_MS
        wall = found["wall_ms_median"]
        cells = [wall, found["wall_ms_min"], found["cpu_ms_median"]]
        rows.append([name, *(f"{cell:.1f} ms" for cell in cells), verdict(wall, target)])
    return rows


def markdown(found: dict) -> str:
    machine = found["machine"]
    load = " ".join(f"{value:.2f}" for value in machine["load_average"])
    said = (
        f"`{' '.join(found['command'])}`, {machine['when']}, {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}, load average before {load}; mock upstream and "
        f"load generator in {found['tools']}."
    )
    lines = [said, ""]
    lines += table(
        [
            "row",
            "system",
            "CPU, median",
            "min … max",
            "to nginx",
            "requests/s",
            "p50 / p99 µs",
            "target µs",
        ],
        server_rows(found["rows"]),
    )
    lines += table(
        ["row", "library", "CPU, median", "min … max", "target µs"], sdk_table(found["sdk"])
    )
    lines += table(
        [
            "system",
            "start",
            "idle RSS (PSS) MiB",
            "open streams, MiB more",
            "RSS over requests, MiB",
            "errors",
            "target",
        ],
        footprint_rows(found["footprint"]),
    )
    lines += table(
        ["fresh process", "wall, median", "wall, min", "CPU, median", "target ms"],
        import_rows(found.get("import", {})),
    )
    lines += [
        f"Not measured: {name}: {reason.splitlines()[0]}"
        for name, reason in found["absent"].items()
    ]
    return "\n".join(lines).rstrip() + "\n"


def replace_section(readme: Path, text: str, raw: list[str]) -> None:
    """Put the tables and the raw output between the two markers of the README."""
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    output = "\n".join(raw)
    section = (
        f"{text}\n<details><summary>Raw output</summary>\n\n```\n{output}\n```\n\n</details>\n"
    )
    readme.write_text(f"{before}{BEGIN}\n\n{section}\n{END}{after}")
