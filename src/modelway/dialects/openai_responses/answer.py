"""The response object: the head that a client's request gives it, and an answer written whole."""

from __future__ import annotations

from typing import Any, get_args

from modelway.dialects.openai_responses.output import Output
from modelway.dialects.openai_wire.body import encode_json
from modelway.fold import unfold
from modelway.framing.fields import Fields
from modelway.types import JSON, ChatResponse, FinishReason, Usage

_ECHOED: dict[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""What a response repeats of its request. Source: OpenAPI 2.3.0, Response, 2026-11-21."""

_STATUS: dict[FinishReason, tuple[str, str | None]] = {
    "stop": ("completed", None),
    "length": ("incomplete", "max_output_tokens"),
    "tool_calls": ("completed", None),
    "content_filter": ("incomplete", "content_filter"),
    "pause": ("completed", None),
    "error": ("failed", None),
    "other": ("completed", None),
}
"""Status, and why it is incomplete."""

assert set(_STATUS) == set(get_args(FinishReason))  # noqa: S101 - a literal added later must be added here


def head(fields: Fields | None, answer_id: str, model: str, created: int | None) -> JSON:
    """A response that has begun."""
    asked = fields or {}
    return {
        "id": answer_id,
        "object": "response",
        "created_at": created or 0,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "usage": None,
        **{name: asked.get(name, default) for name, default in _ECHOED.items()},
    }


def ended(begun: JSON, items: list[JSON], reason: FinishReason, usage: Usage) -> JSON:
    """The same response, ended."""
    status, why = _STATUS[reason]
    failed = {"code": "server_error", "message": "the model's provider failed to answer"}
    return {
        **begun,
        "status": status,
        "error": failed if status == "failed" else None,
        "incomplete_details": None if why is None else {"reason": why},
        "output": items,
        "usage": usage_out(usage),
    }


def encode(response: ChatResponse, fields: Fields | None = None) -> bytes:
    """The answer as this API writes it, to the request in ``fields``; of several choices, the first."""
    output = Output()
    output.begin(response.id)
    for event in unfold(response):
        output.add(event)
    reason = response.finish_reason
    output.end(incomplete=_STATUS[reason][0] == "incomplete")
    begun = head(fields, response.id, response.model, response.created)
    return encode_json(ended(begun, output.items, reason, response.usage))


def usage_out(usage: Usage) -> JSON | None:
    """``None`` when nothing is known; of the details, those that clients require are 0 where not said.

    Codex 0.169.0 takes an answer without them for one that broke off, seen 2026-11-21.
    """
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    asked, made = usage.input_tokens or 0, usage.output_tokens or 0
    written: JSON = {
        "input_tokens": asked,
        "input_tokens_details": _said(
            cached_tokens=usage.cached_tokens or 0,
            cache_write_tokens=usage.cache_write_tokens or 0,
            audio_tokens=usage.input_audio_tokens,
        ),
        "output_tokens": made,
        "output_tokens_details": _said(
            reasoning_tokens=usage.reasoning_tokens or 0, audio_tokens=usage.output_audio_tokens
        ),
        "total_tokens": asked + made,
    }
    if usage.reported_cost_usd is not None:
        written["cost"] = usage.reported_cost_usd
    return written


def _said(**counts: int | None) -> JSON:
    return {name: count for name, count in counts.items() if count is not None}
