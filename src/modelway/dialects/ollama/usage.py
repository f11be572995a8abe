"""Usage, finish reasons and times, both ways.

``prompt_eval_count`` is the whole prompt, ``prompt_eval_cached_count`` the part of it that was in the
cache; older servers leave the first out where all of it was.
Source: https://github.com/ollama/ollama/pull/17943 and /issues/2068, 2026-11-21.
"""

from __future__ import annotations

from datetime import UTC, datetime

from modelway.dialects.ollama.wire import ANY, RAW_OBJECT
from modelway.dialects.reading import UNREADABLE
from modelway.types import JSON, FinishReason, Usage

_UNIFIED: dict[str | None, FinishReason] = {
    None: "stop",  # servers before 0.1.45 say only that they are done
    "": "stop",
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}
"""``load`` and ``unload``, which answer an empty question, are none of these. The last three are ours."""

_WIRE: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "stop",
    "content_filter": "content_filter",
    "pause": "stop",
    "error": "error",
    "other": "stop",
}

_COUNTS = ("_count", "_duration")


def finish_reason(done_reason: str | None, called: bool) -> FinishReason:
    """Ollama ends a call for tools with ``stop``."""
    reason = _UNIFIED.get(done_reason, "other")
    return "tool_calls" if called and reason == "stop" else reason


def done_reason(reason: FinishReason, raw: str | None) -> str:
    """The nearest word; a reason that no dialect shares stays as its provider has it."""
    return raw if raw and reason == "other" and raw not in _UNIFIED else _WIRE[reason]


def read_usage(data: bytes) -> Usage | None:
    """The usage in a whole answer or a last line. Durations, in nanoseconds, are in ``raw``."""
    try:
        fields = RAW_OBJECT.decode(data)
        raw = {n: ANY.decode(value) for n, value in fields.items() if n.endswith(_COUNTS)}
    except UNREADABLE:
        return None
    if not raw:
        return None
    return Usage(
        input_tokens=_count(raw, "prompt_eval_count"),
        output_tokens=_count(raw, "eval_count"),
        cached_tokens=_count(raw, "prompt_eval_cached_count"),
        cache_write_tokens=_count(raw, "prompt_eval_cache_write_count"),
        cache_write_1h_tokens=_count(raw, "prompt_eval_cache_write_1h_count"),
        reasoning_tokens=_count(raw, "eval_thinking_count"),
        raw=raw,
    )


def _count(counts: JSON, name: str) -> int | None:
    value = counts.get(name)
    return value if type(value) is int and value >= 0 else None


def write_usage(usage: Usage | None, latency_s: float | None = None) -> JSON:
    """The names with ``write`` and ``thinking`` are ours: what others bill and Ollama has no field for."""
    if usage is None:
        usage = Usage()
    counts = {
        "total_duration": None if latency_s is None else round(latency_s * 1e9),
        "prompt_eval_count": usage.input_tokens,
        "prompt_eval_cached_count": usage.cached_tokens,
        "prompt_eval_cache_write_count": usage.cache_write_tokens,
        "prompt_eval_cache_write_1h_count": usage.cache_write_1h_tokens,
        "eval_count": usage.output_tokens,
        "eval_thinking_count": usage.reasoning_tokens,
    }
    return {name: count for name, count in counts.items() if count is not None}


# ---------------------------------------------------------------- times


def read_time(text: str) -> int | None:
    """RFC 3339 → Unix time in seconds."""
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError, OSError):
        return None


def write_time(unix_s: int | None) -> str:
    """Clients need one: without any, the beginning of Unix time."""
    try:
        return datetime.fromtimestamp(unix_s or 0, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return "1970-01-01T00:00:00Z"
