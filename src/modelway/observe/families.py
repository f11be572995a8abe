"""The table of what is measured: each metric's name, labels, and what it says."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Family(NamedTuple):
    """A counter, or how a value is spread: then a histogram with a bucket for each power of two from
    ``least`` to ``most``, and a summary of late.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: Literal["count", "usd", "spread", "gauge"] = "count"
    unit: str = ""
    """What a spread's name ends with."""
    least: int = 0
    most: int = 0


_MODEL = ("provider", "model")
_ATTEMPT = ("provider", "model", "operation")

FAMILIES = (
    Family(
        "modelway_requests_total",
        "Requests that have ended, by the model that answered and what became of them: ok, or the "
        "error's class; cached: exact or semantic, where an answer was kept.",
        ("operation", "model", "outcome", "cached"),
    ),
    Family(
        "modelway_request_duration",
        "From a request's arrival to its answer's end, of those that were answered.",
        ("operation", "model", "stream"),
        "spread",
        "seconds",
        -6,
        9,
    ),
    Family(
        "modelway_request_overhead",
        "What modelway itself added to an answered request: neither waiting for a limit nor for a "
        "provider.",
        ("operation",),
        "spread",
        "seconds",
        -14,
        -1,
    ),
    Family(
        "modelway_request_queue",
        "How long limits held back requests, of those that they held back.",
        ("operation",),
        "spread",
        "seconds",
        -8,
        7,
    ),
    Family("modelway_open_requests", "Requests that are being answered now.", (), "gauge"),
    Family(
        "modelway_refusals_total",
        "Calls that a limit or budget of ours held back or refused, by what it counts and its name.",
        ("kind", "name"),
    ),
    Family(
        "modelway_attempts_total",
        "Times that a provider was asked.",
        _ATTEMPT,
    ),
    Family(
        "modelway_attempt_errors_total",
        "Times that a provider was asked in vain, by the error's class.",
        (*_ATTEMPT, "error"),
    ),
    Family(
        "modelway_attempt_duration",
        "How long a provider took for its whole answer, of those that answered.",
        _ATTEMPT,
        "spread",
        "seconds",
        -6,
        9,
    ),
    Family(
        "modelway_attempt_first_token",
        "How long a provider took to its stream's first event.",
        _ATTEMPT,
        "spread",
        "seconds",
        -6,
        7,
    ),
    Family(
        "modelway_attempt_output_rate",
        "Output tokens a second, over a whole attempt.",
        _ATTEMPT,
        "spread",
        "tokens_per_second",
        0,
        12,
    ),
    Family("modelway_input_tokens_total", "Tokens read, as providers reported them.", _ATTEMPT),
    Family(
        "modelway_cached_tokens_total",
        "Of the input tokens, those that came from a provider's prompt cache.",
        _ATTEMPT,
    ),
    Family(
        "modelway_cache_write_tokens_total",
        "Of the input tokens, those that were written to a provider's prompt cache.",
        _ATTEMPT,
    ),
    Family("modelway_output_tokens_total", "Tokens written, as providers reported them.", _ATTEMPT),
    Family(
        "modelway_reasoning_tokens_total", "Of the output tokens, those of reasoning.", _ATTEMPT
    ),
    Family(
        "modelway_cost_usd_total",
        "What attempts cost; estimated: where the provider did not say what was used.",
        (*_ATTEMPT, "estimated"),
        "usd",
    ),
    Family(
        "modelway_unpriced_attempts_total",
        "Answered attempts whose cost is not known: they are in no sum.",
        _ATTEMPT,
    ),
    Family("modelway_retries_total", "Times that the same deployment was asked again.", _MODEL),
    Family(
        "modelway_fallbacks_total", "Times that this one was asked after another failed.", _MODEL
    ),
    Family(
        "modelway_hedges_total", "Times that this one was asked because another was slow.", _MODEL
    ),
    Family("modelway_breaker_openings_total", "Times that its circuit opened.", _MODEL),
)
