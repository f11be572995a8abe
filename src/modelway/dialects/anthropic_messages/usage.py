"""Usage and stop reasons, both ways.

Anthropic's ``input_tokens`` leaves out what was read from and written to the prompt cache; ours is
the whole input.
Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching, 2026-11-21.
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
    "pause_turn": "pause",
    "refusal": "content_filter",
}
"""Source: https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons, 2026-11-21."""

_WIRE: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "pause": "pause_turn",
    "error": "end_turn",
    "other": "end_turn",
}


def finish_reason(stop_reason: str | None) -> FinishReason:
    return _UNIFIED.get(stop_reason or "", "other")


def stop_reason(reason: FinishReason, raw: str | None, stop_sequence: str | None) -> str:
    """The provider's own word where it is one of Anthropic's, else the nearest."""
    if raw is not None and _UNIFIED.get(raw) == reason:
        return raw
    if reason == "stop" and stop_sequence is not None:
        return "stop_sequence"
    return _WIRE[reason]


def read_usage(raw: JSON | None) -> Usage | None:
    if not raw:
        return None
    fresh = _count(raw, "input_tokens")
    cached = _count(raw, "cache_read_input_tokens")
    written = _count(raw, "cache_creation_input_tokens")
    return Usage(
        input_tokens=None if fresh is None else fresh + (cached or 0) + (written or 0),
        output_tokens=_count(raw, "output_tokens"),
        cached_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=_count(raw.get("cache_creation"), "ephemeral_1h_input_tokens"),
        reasoning_tokens=_count(raw.get("output_tokens_details"), "thinking_tokens"),
        raw=raw,
    )


def _count(counts: Any, name: str) -> int | None:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if type(value) is int else None


def merge_usage(earlier: JSON, later: JSON | None) -> JSON:
    """A stream's counts are cumulative: what is said later wins, what is no longer said stays."""
    if not later:
        return earlier
    return {**earlier, **{name: count for name, count in later.items() if count is not None}}


def write_usage(usage: Usage | None) -> JSON:
    """Clients of this dialect need numbers for input and output: what was not said is 0 there only."""
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    cached, written = usage.cached_tokens, usage.cache_write_tokens
    fresh = (usage.input_tokens or 0) - (cached or 0) - (written or 0)
    counts: JSON = {"input_tokens": max(fresh, 0)}
    if written is not None:
        counts["cache_creation_input_tokens"] = written
    if cached is not None:
        counts["cache_read_input_tokens"] = cached
    if usage.cache_write_1h_tokens is not None:
        counts["cache_creation"] = {
            "ephemeral_5m_input_tokens": max((written or 0) - usage.cache_write_1h_tokens, 0),
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        }
    counts["output_tokens"] = usage.output_tokens or 0
    if usage.reasoning_tokens is not None:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return counts
