"""Usage, from the many ways in which hosts write it, and back to OpenAI's."""

from __future__ import annotations

from modelway.dialects.openai_chat.wire import JSON, PlainUsage
from modelway.types import Usage

_NOTHING: JSON = {}
_ASKED = ("input_tokens",)
_ANSWERED = ("output_tokens",)
_REASONING = ("reasoning_tokens",)
_AUDIO = ("audio_prompt_tokens",)  # xAI
_CACHED = (
    "prompt_cache_hit_tokens",  # DeepSeek
    "cached_tokens",  # Moonshot, Together
    "num_cached_tokens",  # Mistral
)
_CACHE_WRITE = ("cache_creation_input_tokens",)  # Vercel

_TICKS_PER_USD = 1e10
"""Source: https://docs.x.ai/developers/cost-tracking, 2026-11-21."""


def read(raw: JSON | None) -> Usage | None:
    """The usage object of an answer; ``None`` where there is none."""
    if not raw:
        return None
    given = raw.get("prompt_tokens_details") or raw.get("input_tokens_details")
    made = raw.get("completion_tokens_details") or raw.get("output_tokens_details")
    given = given if isinstance(given, dict) else _NOTHING
    made = made if isinstance(made, dict) else _NOTHING
    reasoning = _count(made, "reasoning_tokens", raw, _REASONING)
    audio = _count(given, "audio_tokens", raw, _AUDIO)
    asked = _count(raw, "prompt_tokens", raw, _ASKED)
    answered = _count(raw, "completion_tokens", raw, _ANSWERED)
    if reasoning or audio:
        left_over = _count(raw, "total_tokens", raw) or 0
        left_over -= (asked or 0) + (answered or 0)
        # xAI counts reasoning beside the output, Mistral sound beside the input; the total shows it.
        if answered is not None and reasoning and left_over == reasoning:
            answered += reasoning
        elif asked is not None and audio and left_over == audio:
            asked += audio
    return Usage(
        input_tokens=asked,
        output_tokens=answered,
        cached_tokens=_count(given, "cached_tokens", raw, _CACHED),
        cache_write_tokens=_count(given, "cache_write_tokens", raw, _CACHE_WRITE),
        reasoning_tokens=reasoning,
        input_audio_tokens=audio,
        output_audio_tokens=_count(made, "audio_tokens", made),
        reported_cost_usd=_cost_usd(raw),
        raw=raw,
    )


def plain(said: PlainUsage) -> Usage:
    """The same as ``read`` for the most common form, but without ``raw``."""
    given = said.prompt_tokens_details
    made = said.completion_tokens_details
    return Usage(
        input_tokens=said.prompt_tokens,
        output_tokens=said.completion_tokens,
        cached_tokens=given.cached_tokens if given is not None else None,
        cache_write_tokens=given.cache_write_tokens if given is not None else None,
        input_audio_tokens=given.audio_tokens if given is not None else None,
        reasoning_tokens=made.reasoning_tokens if made is not None else None,
        output_audio_tokens=made.audio_tokens if made is not None else None,
    )


def write(usage: Usage) -> JSON | None:
    """OpenAI's usage object; ``None`` when nothing is known. What is not known is left out."""
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    given = usage.input_tokens or 0
    made = usage.output_tokens or 0
    written: JSON = {
        "prompt_tokens": given,
        "completion_tokens": made,
        "total_tokens": given + made,
    }
    details = {
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "audio_tokens": usage.input_audio_tokens,
    }
    _put(written, "prompt_tokens_details", details)
    details = {
        "reasoning_tokens": usage.reasoning_tokens,
        "audio_tokens": usage.output_audio_tokens,
    }
    _put(written, "completion_tokens_details", details)
    if usage.reported_cost_usd is not None:
        written["cost"] = usage.reported_cost_usd
    return written


def _put(written: JSON, name: str, details: dict[str, int | None]) -> None:
    said = {key: value for key, value in details.items() if value is not None}
    if said:
        written[name] = said


def _count(place: JSON, name: str, elsewhere: JSON, names: tuple[str, ...] = ()) -> int | None:
    """The count by this name, or by the first of the names that some hosts use elsewhere."""
    value = place.get(name)
    if type(value) is int and value >= 0:
        return value
    for other in names:
        if value is not None:
            break
        value = elsewhere.get(other)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        return None
    return int(value)


def _cost_usd(raw: JSON) -> float | None:
    """OpenRouter: a number. Perplexity: an object with a total. xAI: ticks of 10⁻¹⁰ USD."""
    cost = raw.get("cost")
    if isinstance(cost, dict):
        cost = cost.get("total_cost")
    if isinstance(cost, (int, float)) and not isinstance(cost, bool):
        return float(cost)
    ticks = raw.get("cost_in_usd_ticks")
    return ticks / _TICKS_PER_USD if isinstance(ticks, int) else None
