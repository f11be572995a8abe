"""Usage as Chat Completions writes it: the most common form read quickly, and ours written."""

from __future__ import annotations

from modelway.dialects.openai_chat.wire import JSON, PlainUsage
from modelway.types import Usage


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
