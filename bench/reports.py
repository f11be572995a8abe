"""How long reports of many ledger rows take, as commands: from their start to their end.

    python bench/reports.py [ROWS]

A million rows of 30 days in SQLite, unless another number is given. Each command is a process of its
own, so that its start is in its time; of several runs the median.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ledger import BEGAN, DAYS, World
from msgspec.structs import replace

from modelway.ledger.store import open_ledger_store
from modelway.ledger.values import LedgerRow, Where

MODELS = (
    *("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "o3"),
    *("claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1"),
)
BATCH = 2000
ROUNDS = 3
MONTH = ("--since", "2026-10-01", "--until", "2026-10-31")
COMMANDS = (
    ("cost", "--help"),
    ("cost", *MONTH),
    ("cost", "--by", "day,model", *MONTH),
    ("cost", "--by", "team,user", *MONTH),
    ("cost", "--by", "tag", "--team", "team-3"),
    ("cost", "--by", "day", "--time-zone", "Europe/Berlin"),
    ("report", *MONTH),
    ("report", "--since", "2026-10-24", "--until", "2026-10-31"),
)
SLOW = (
    ("cost", "rerate", "--dry-run"),
    ("cost", "hints", "--rows", "5"),
    ("cost", "export"),
    ("cost", "export", "--format", "jsonl"),
)


def row(world: World, moment: float) -> LedgerRow:
    """One of the ledger's bench, of a model that prices are known of."""
    intent, settlement = world.row(moment)
    model = MODELS[world.number % len(MODELS)]
    provider = "anthropic" if model.startswith("claude") else "openai"
    named = replace(
        intent,
        provider=provider,
        model=model,
        deployment=f"{provider}/{model}",
        same=world.few(100_000) + 1,
    )
    return LedgerRow(intent=named, settlement=settlement)


async def fill(path: Path, many: int) -> None:
    world = World()
    store = await open_ledger_store(None, default=path)
    for start in range(0, many, BATCH):
        moments = [BEGAN + number * DAYS * 86_400 / many for number in range(start, start + BATCH)]
        await store.add([row(world, moment) for moment in moments])
    for by in (("model",), ("model", "day"), ("provider", "model", "error", "basis")):
        wall, cpu = time.perf_counter(), time.process_time()
        found = await store.groups(by, Where(since=BEGAN, until=BEGAN + DAYS * 86_400))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"groups by {', '.join(by):<40} {wall:6.2f} {cpu:8.2f} {len(found):>8} groups")
    await store.aclose()


def run(arguments: tuple[str, ...], state: Path) -> tuple[float, float, float, int]:
    """Wall and CPU seconds, MiB at the most, and MiB that it wrote."""
    code = "from modelway.cli import main; main()"
    environment = {**os.environ, "MODELWAY_STATE": str(state), "PYTHONDONTWRITEBYTECODE": "1"}
    wall = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdout=out,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=state,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, arguments
        took = time.perf_counter() - wall
        return took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.tell() >> 20


def main(many: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory)
        asyncio.run(fill(state / "ledger.db", many))
        print(f"\n{f'{many:,} rows: modelway …':<46}   wall s    CPU s      MiB", flush=True)
        for arguments in (*COMMANDS, *SLOW):
            rounds = ROUNDS if arguments in COMMANDS else 1
            runs = [run(arguments, state) for _ in range(rounds)]
            wall, cpu, most, wrote = (statistics.median(one) for one in zip(*runs, strict=True))
            said = " ".join([one for one in arguments if not one.startswith("2026")])
            print(f"{said:<46} {wall:8.2f} {cpu:8.2f} {most:8.0f}", end="")
            print(f"   wrote {wrote:,.0f} MiB" if wrote else "", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
