"""Usage and finish reasons, both ways.

Gemini's ``promptTokenCount`` leaves out what hosted tools put into the prompt, and its
``candidatesTokenCount`` the thoughts; ours are the whole input and output.
Source: https://ai.google.dev/api/generate-content#UsageMetadata, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

from modelway.types import JSON, FinishReason, Usage

_UNIFIED: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MALFORMED_FUNCTION_CALL": "error",
    "MALFORMED_RESPONSE": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
}
"""The rest (``OTHER``, ``NO_IMAGE``, ``IMAGE_OTHER`` …) are ``other``.

Source: https://ai.google.dev/api/generate-content#FinishReason and Vertex AI's, 2026-11-21.
"""

_NUMBERED = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
"""Clients of the gRPC API write enums as numbers; those that Gemini and Vertex AI share."""

_WIRE: dict[FinishReason, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
    "pause": "OTHER",
    "error": "OTHER",
    "other": "OTHER",
}


def reason_name(said: str | int) -> str:
    if isinstance(said, str):
        return said
    return _NUMBERED[said] if 0 <= said < len(_NUMBERED) else str(said)


def finish_reason(name: str | None, calls: bool) -> FinishReason:
    """Gemini has no word for calls: it stops, and its parts tell."""
    reason = _UNIFIED.get(name or "", "other")
    return "tool_calls" if calls and reason == "stop" else reason


def wire_reason(reason: FinishReason, raw: str | None) -> str:
    """The provider's own word where it is one of Gemini's, else the nearest."""
    if raw is not None and _UNIFIED.get(raw) == reason:
        return raw
    return _WIRE[reason]


def merge_usage(earlier: JSON, later: JSON | None) -> JSON:
    """A stream's counts are cumulative: what is said later wins, what is no longer said stays."""
    return {**earlier, **later} if later else earlier


def read_usage(raw: JSON) -> Usage | None:
    """Counts of 0 are left out by Google; where the total is there, they can be told."""
    if not raw:
        return None
    prompt, hosted = _count(raw, "promptTokenCount"), _count(raw, "toolUsePromptTokenCount")
    said, thoughts = _count(raw, "candidatesTokenCount"), _count(raw, "thoughtsTokenCount")
    total = _count(raw, "totalTokenCount")
    inputs, outputs = _sum(prompt, hosted), _sum(said, thoughts)
    if inputs is None and total is not None:
        inputs = max(total - (outputs or 0), 0)
    if outputs is None and total is not None:
        outputs = max(total - (inputs or 0), 0)
    return Usage(
        input_tokens=inputs,
        output_tokens=outputs,
        cached_tokens=_count(raw, "cachedContentTokenCount"),
        cache_write_tokens=_count(raw, "cacheWriteTokenCount"),
        cache_write_1h_tokens=_count(raw, "cacheWrite1hTokenCount"),
        reasoning_tokens=thoughts,
        input_audio_tokens=_sum(
            _audio(raw, "promptTokensDetails"), _audio(raw, "toolUsePromptTokensDetails")
        ),
        output_audio_tokens=_audio(raw, "candidatesTokensDetails"),
        raw=raw,
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def _count(counts: JSON, name: str) -> int | None:
    value = counts.get(name)
    return value if type(value) is int else None


def _audio(counts: JSON, name: str) -> int | None:
    details: Any = counts.get(name)
    for each in details if isinstance(details, list) else ():
        if isinstance(each, dict) and each.get("modality") == "AUDIO":
            return _count(each, "tokenCount") or 0
    return None


def write_usage(usage: Usage) -> JSON:
    """``cacheWrite…`` are ours: other providers bill what Gemini has no field for."""
    inputs, outputs = usage.input_tokens, usage.output_tokens
    reasoning = usage.reasoning_tokens
    if reasoning is not None and outputs is not None:
        reasoning = min(reasoning, outputs)  # some hosts report more thoughts than output
    said = None if outputs is None else outputs - (reasoning or 0)
    known = inputs is not None and said is not None
    counts: dict[str, int | None] = {
        "promptTokenCount": inputs,
        "cachedContentTokenCount": usage.cached_tokens,
        "candidatesTokenCount": said,
        "thoughtsTokenCount": reasoning,
        "totalTokenCount": _sum(inputs, _sum(said, reasoning)) if known else None,
        "cacheWriteTokenCount": usage.cache_write_tokens,
        "cacheWrite1hTokenCount": usage.cache_write_1h_tokens,
    }
    written: JSON = {name: count for name, count in counts.items() if count is not None}
    for name, sound, all_tokens in (
        ("promptTokensDetails", usage.input_audio_tokens, inputs),
        ("candidatesTokensDetails", usage.output_audio_tokens, said),
    ):
        if sound is not None:
            text = {"modality": "TEXT", "tokenCount": max((all_tokens or 0) - sound, 0)}
            written[name] = [text, {"modality": "AUDIO", "tokenCount": sound}]
    return written
