"""What measuring costs: CPU time of one attempt and one request, and of telling it all.

``python bench/metrics.py``. CPU is this process's own, the best of several rounds.
"""

from __future__ import annotations

import argparse
import random
import time

from modelway.observe.metrics import Metrics
from modelway.observe.prometheus import exposition
from modelway.observe.settings import MetricsSettings
from modelway.observe.snapshot import decode
from modelway.types import Usage

USAGE = Usage(input_tokens=812, output_tokens=164, cached_tokens=512, reasoning_tokens=64)


def attempt_us(times: list[float]) -> float:
    metrics = Metrics()
    attempt = metrics.attempt
    before = time.process_time()
    for took_s in times:
        attempt(
            "openai",
            "gpt-4o-mini",
            "chat",
            took_s=took_s,
            first_s=took_s / 4,
            usage=USAGE,
            cost_pico_usd=123_456_789,
        )
    return (time.process_time() - before) / len(times) * 1e6


def request_us(times: list[float]) -> float:
    metrics = Metrics()
    request = metrics.request
    before = time.process_time()
    for took_s in times:
        request(
            "chat",
            "gpt-4o-mini",
            took_s=took_s,
            upstream_s=took_s * 0.99,
            waited_s=0.0,
            stream=True,
        )
    return (time.process_time() - before) / len(times) * 1e6


def loop_us(times: list[float]) -> float:
    before = time.process_time()
    for took_s in times:
        took_s * 0.99
    return (time.process_time() - before) / len(times) * 1e6


def told_ms(deployments: int, times: list[float]) -> tuple[float, float, int]:
    """Of a snapshot, of the text, and how long that is."""
    metrics = Metrics(MetricsSettings(most_series=100_000))
    for number, took_s in enumerate(times):
        model = f"model-{number % deployments}"
        metrics.attempt("openai", model, "chat", took_s=took_s, first_s=took_s / 4, usage=USAGE)
        metrics.request("chat", model, took_s=took_s, upstream_s=took_s * 0.99, waited_s=0.0)
    before = time.process_time()
    data = metrics.snapshot()
    between = time.process_time()
    text = exposition([decode(data)])
    after = time.process_time()
    return (between - before) * 1e3, (after - between) * 1e3, len(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    chance = random.Random(5)
    times = [chance.lognormvariate(0.5, 0.8) for _ in range(arguments.requests)]
    idle = min([loop_us(times) for _ in range(arguments.rounds)])
    print("| what | CPU µs |\n|---|---|")
    for name, measured in (("attempt", attempt_us), ("request", request_us)):
        best = min([measured(times) for _ in range(arguments.rounds)]) - idle
        print(f"| {name} | {best:.2f} |", flush=True)
    print("\n| deployments | snapshot, CPU ms | text, CPU ms | text, KiB |\n|---|---|---|---|")
    for deployments in (10, 100, 1000):
        rounds = [told_ms(deployments, times) for _ in range(3)]
        snapshot_ms, text_ms, size = min(rounds)
        print(f"| {deployments:,} | {snapshot_ms:.1f} | {text_ms:.1f} | {size / 1024:,.0f} |")


if __name__ == "__main__":
    main()
