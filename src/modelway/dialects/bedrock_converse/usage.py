"""Usage and stop reasons, both ways.

Converse's ``inputTokens`` leaves out what was read from and written to the prompt cache; ours is the
whole input. ``totalTokens`` holds all four.
Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

from modelway.types import JSON, FinishReason, Usage

_UNIFIED: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
"""Source: ``StopReason`` of the service model, 2026-11-21."""

_WIRE: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
    "pause": "end_turn",
    "error": "malformed_model_output",
    "other": "end_turn",
}


def finish_reason(stop_reason: str | None) -> FinishReason:
    return _UNIFIED.get(stop_reason or "", "other")


def stop_reason(reason: FinishReason, raw: str | None, stop_sequence: str | None) -> str:
    """The provider's own word where it is one of Bedrock's, else the nearest."""
    if raw is not None and _UNIFIED.get(raw) == reason:
        return raw
    if reason == "stop" and stop_sequence is not None:
        return "stop_sequence"
    return _WIRE[reason]


def read_stop_sequence(fields: Any) -> str | None:
    """Which sequence it was, where a caller asked for ``/stop_sequence`` among the response fields."""
    value = fields.get("stop_sequence") if isinstance(fields, dict) else None
    return value if isinstance(value, str) else None


def read_usage(raw: JSON | None) -> Usage | None:
    if not raw:
        return None
    fresh = _count(raw, "inputTokens")
    cached = _count(raw, "cacheReadInputTokens")
    written = _count(raw, "cacheWriteInputTokens")
    return Usage(
        input_tokens=None if fresh is None else fresh + (cached or 0) + (written or 0),
        output_tokens=_count(raw, "outputTokens"),
        cached_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=_of_an_hour(raw.get("cacheDetails")),
        raw=raw,
    )


def _of_an_hour(details: Any) -> int | None:
    if not isinstance(details, list):
        return None
    counts = [
        _count(one, "inputTokens")
        for one in details
        if isinstance(one, dict) and one.get("ttl") == "1h"
    ]
    return sum([count or 0 for count in counts]) if counts else None


def _count(counts: JSON, name: str) -> int | None:
    value = counts.get(name)
    return value if type(value) is int else None


def write_usage(usage: Usage | None) -> JSON:
    """Clients of this dialect need numbers for all tokens: what was not said is 0 there only."""
    if usage is None:
        usage = Usage()
    cached, written = usage.cached_tokens, usage.cache_write_tokens
    input_tokens, output_tokens = usage.input_tokens or 0, usage.output_tokens or 0
    counts: JSON = {
        "inputTokens": max(input_tokens - (cached or 0) - (written or 0), 0),
        "outputTokens": output_tokens,
        "totalTokens": input_tokens + output_tokens,
    }
    if cached is not None:
        counts["cacheReadInputTokens"] = cached
    if written is not None:
        counts["cacheWriteInputTokens"] = written
    hour = usage.cache_write_1h_tokens
    if hour is not None:
        details = [{"ttl": "1h", "inputTokens": hour}]
        if (written or 0) > hour:
            details.append({"ttl": "5m", "inputTokens": (written or 0) - hour})
        counts["cacheDetails"] = details
    return counts
