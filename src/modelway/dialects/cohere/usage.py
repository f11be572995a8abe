"""Usage and finish reasons, both ways.

What is billed is ``billed_units``; ``tokens`` also counts the prompt that Cohere itself puts around
a question. ``cached_tokens`` are of the latter: where the two inputs differ, it is not said how many
of the billed tokens they are, and only ``raw`` holds them.
Source: https://docs.cohere.com/v2/docs/how-does-cohere-pricing-work and recorded answers, 2026-11-21.
"""

from __future__ import annotations

from modelway.types import JSON, FinishReason, Usage

_UNIFIED: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "length",
    "ERROR": "error",
    "TIMEOUT": "error",
}
"""``ERROR_TOXIC`` and ``ERROR_LIMIT`` are words of version 1.

Source: https://docs.cohere.com/v2/reference/chat and …/v1/reference/chat, 2026-11-21.
"""

_WIRE: dict[FinishReason, str] = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",
    "pause": "COMPLETE",
    "error": "ERROR",
    "other": "COMPLETE",
}


def finish_reason(word: str | None) -> FinishReason:
    return _UNIFIED.get(word or "", "other")


def finish_word(reason: FinishReason, raw: str | None, stop_sequence: str | None) -> str:
    """The provider's own word where it is one of Cohere's, else the nearest."""
    if raw is not None and _UNIFIED.get(raw) == reason:
        return raw
    if reason == "stop" and stop_sequence is not None:
        return "STOP_SEQUENCE"
    return _WIRE[reason]


def read_usage(raw: JSON | None) -> Usage | None:
    """The ``usage`` of a chat, or the ``meta`` of embeddings and rankings."""
    if not raw:
        return None
    billed, whole = _object(raw, "billed_units"), _object(raw, "tokens")
    inputs, outputs = _input(billed), _count(billed, "output_tokens")
    if inputs is None:
        inputs = _input(whole)
    if outputs is None:
        outputs = _count(whole, "output_tokens")
    cached = _count(raw, "cached_tokens")
    if whole and _input(whole) != inputs:
        cached = None
    return Usage(
        input_tokens=inputs,
        output_tokens=outputs,
        cached_tokens=cached,
        cache_write_tokens=_count(raw, "cache_write_tokens"),
        cache_write_1h_tokens=_count(raw, "cache_write_1h_tokens"),
        reasoning_tokens=_count(whole, "reasoning_tokens"),
        input_audio_tokens=_count(whole, "input_audio_tokens"),
        output_audio_tokens=_count(whole, "output_audio_tokens"),
        search_units=_count(billed, "search_units"),
        raw=raw,
    )


def _input(counts: JSON) -> int | None:
    """Embeddings bill the tokens of images apart."""
    text, images = _count(counts, "input_tokens"), _count(counts, "image_tokens")
    if images is None or "output_tokens" in counts:  # a chat's input holds its images
        return text
    return (text or 0) + images


def _object(raw: JSON, name: str) -> JSON:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def _count(counts: JSON, name: str) -> int | None:
    """Whole numbers, which the API's description has as floats."""
    value = counts.get(name)
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def write_usage(usage: Usage | None) -> JSON:
    """All is billed, here. The counts that Cohere has no field for have the names of ours."""
    if usage is None:
        usage = Usage()
    units = _said({"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens})
    tokens = units | _said(
        {
            "reasoning_tokens": usage.reasoning_tokens,
            "input_audio_tokens": usage.input_audio_tokens,
            "output_audio_tokens": usage.output_audio_tokens,
        }
    )
    written: JSON = {
        "billed_units": units | _said({"search_units": usage.search_units}),
        "tokens": tokens,
    }
    return written | _said(
        {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "cache_write_1h_tokens": usage.cache_write_1h_tokens,
        }
    )


def _said(counts: dict[str, int | None]) -> JSON:
    return {name: count for name, count in counts.items() if count is not None}
