"""What several workers cost: memory, CPU and time until all are ready, and until a dead one is replaced.

``python bench/workers.py``. Memory is the proportional set size: what processes share is divided among
them. Linux only.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = (sys.executable, "-c", "from modelway.cli import main; main()")


def pss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(pid)


def cpu_s(pid: int) -> float:
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def measured(workers: int, home: Path) -> tuple[float, float, float, float, float]:
    """Seconds and CPU seconds to be ready, MiB of all, MiB of a worker, seconds to replace one."""
    began = time.monotonic()
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--workers", str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
    )
    try:
        while not process.stdout.readline().startswith(b"modelway serves"):
            pass
        ready_s = time.monotonic() - began
        time.sleep(1.5)
        there = children(process.pid)
        spent = sum([cpu_s(pid) for pid in (process.pid, *there)])
        each = [pss_mib(pid) for pid in there]
        total = pss_mib(process.pid) + sum(each)
        replaced_s = 0.0
        if there:
            began = time.monotonic()
            os.kill(there[0], signal.SIGKILL)
            while len(set(children(process.pid)) - {there[0]}) < workers:
                time.sleep(0.001)
            replaced_s = time.monotonic() - began
        return ready_s, spent, total, sum(each) / max(len(each), 1), replaced_s
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print("| workers | ready, s | CPU s until then | all, MiB | a worker, MiB | replaced, ms |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        for workers in (1, 2, 4, 8):
            rounds = [measured(workers, Path(home)) for _ in range(arguments.rounds)]
            ready_s, spent, total, each, replaced_s = [
                min(values) for values in zip(*rounds, strict=True)
            ]
            more = f"{each:.0f} | {replaced_s * 1e3:.0f}" if workers > 1 else "- | -"
            print(f"| {workers} | {ready_s:.2f} | {spent:.2f} | {total:.0f} | {more} |", flush=True)


if __name__ == "__main__":
    main()
