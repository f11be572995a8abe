"""Usage, from the many ways in which hosts of OpenAI's APIs write it."""

from __future__ import annotations

from modelway.types import JSON, Usage

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
