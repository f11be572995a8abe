"""What was counted, by the names that it has in ``families``."""

from __future__ import annotations

from decimal import Decimal

from modelway.observe.metrics import Attempts, Metrics
from modelway.observe.sketch import Sketch
from modelway.observe.snapshot import Labels, Snapshot, Spread


def tell(metrics: Metrics) -> Snapshot:
    """It shares its sketches with what goes on counting."""
    seen = Snapshot(
        counts={name: dict(counts) for name, counts in metrics.happened.items()},
        open_requests=metrics.open_requests(),
    )
    for (provider, model, operation), attempts in metrics.attempts.items():
        _tell_attempts(seen, (provider, model, operation), attempts)
    for (operation, model, stream), requests in metrics.requests.items():
        counts = seen.counts.setdefault("modelway_requests_total", {})
        for (outcome, cached), count in requests.outcomes.items():
            labels = (operation, model, outcome, cached)
            counts[labels] = counts.get(labels, 0) + count  # streamed or not
        way = (operation, model, "true" if stream else "false")
        _tell_spread(seen, "modelway_request_duration", way, requests.duration)
    for operation, own in metrics.own.items():
        _tell_spread(seen, "modelway_request_overhead", (operation,), own.overhead)
        _tell_spread(seen, "modelway_request_queue", (operation,), own.queue)
    return seen


def _tell_spread(seen: Snapshot, name: str, labels: Labels, sketch: Sketch) -> None:
    if sketch.recent or sketch.before or sketch.octaves:
        seen.spreads.setdefault(name, {})[labels] = Spread(
            sum=sketch.sum, octaves=sketch.octaves, before=sketch.before, recent=sketch.recent
        )


def _tell_attempts(seen: Snapshot, labels: Labels, cell: Attempts) -> None:
    for name, count in (
        ("modelway_attempts_total", cell.count),
        ("modelway_input_tokens_total", cell.input),
        ("modelway_cached_tokens_total", cell.cached),
        ("modelway_cache_write_tokens_total", cell.cache_write),
        ("modelway_output_tokens_total", cell.output),
        ("modelway_reasoning_tokens_total", cell.reasoning),
        ("modelway_unpriced_attempts_total", cell.unpriced),
    ):
        seen.counts.setdefault(name, {})[labels] = count
    errors = seen.counts.setdefault("modelway_attempt_errors_total", {})
    for error, count in cell.errors.items():
        errors[*labels, error] = count
    cost = seen.usd.setdefault("modelway_cost_usd_total", {})
    cost[*labels, "false"] = Decimal(cell.pico_usd).scaleb(-12)
    cost[*labels, "true"] = Decimal(cell.estimated_pico_usd).scaleb(-12)
    _tell_spread(seen, "modelway_attempt_duration", labels, cell.duration)
    _tell_spread(seen, "modelway_attempt_first_token", labels, cell.first_token)
    _tell_spread(seen, "modelway_attempt_output_rate", labels, cell.rate)
