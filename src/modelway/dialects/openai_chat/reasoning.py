"""Reasoning: how much is asked for, and how what was thought travels with a message; each way.

OpenAI has ``reasoning_effort`` and shows nothing of what was thought. DeepSeek's ``reasoning_content``
and OpenRouter's ``reasoning_details`` are what others copied.
Source: https://openrouter.ai/docs/use-cases/reasoning-tokens,
https://api-docs.deepseek.com/guides/thinking_mode, https://platform.kimi.ai/docs/api/models-overview
and https://www.alibabacloud.com/help/en/model-studio/deep-thinking, 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from modelway.catalog.rows import Quirks
from modelway.dialects.openai_chat.wire import JSON, ReasoningDetail
from modelway.types import Effort, Reasoning, ReasoningDelta, Thinking

Warn = Callable[[str, str], None]

EFFORTS: frozenset[str] = frozenset(get_args(Effort))


# ---------------------------------------------------------------- how much


def ask(thinking: Thinking, quirks: Quirks, warn: Warn) -> JSON:
    """The body fields for it: ``reasoning_effort``, or the host's own."""
    if quirks.reasoning_switch == "thinking":
        return _ask_beside(thinking, warn)
    if quirks.reasoning_switch == "enable_thinking":
        return _ask_flag(thinking, warn)
    effort = thinking.effort
    if effort == "max":
        warn("thinking.effort", "there is no effort 'max' in this dialect; 'xhigh' is sent")
        effort = "xhigh"
    if quirks.reasoning_field == "reasoning_details":
        return _ask_object(thinking, effort, warn)
    if thinking.budget_tokens is not None:
        warn("thinking.budget_tokens", "this dialect has no cap on reasoning tokens; not sent")
    if effort is None and thinking.mode == "disabled":
        effort = "none"
    if effort is None and thinking.mode is not None:
        warn("thinking.mode", "reasoning is asked for by thinking.effort in this dialect; not sent")
    return {} if effort is None else {"reasoning_effort": effort}


def _is_off(thinking: Thinking) -> bool:
    return thinking.mode == "disabled" or thinking.effort == "none"


def _ask_beside(thinking: Thinking, warn: Warn) -> JSON:
    """A switch, and beside it the effort (DeepSeek, Moonshot), whose levels go up to ``max``."""
    if _is_off(thinking):
        return {"thinking": {"type": "disabled"}}
    if thinking.budget_tokens is not None:
        warn("thinking.budget_tokens", "this provider has no cap on reasoning tokens; not sent")
    asked: JSON = {}
    if thinking.mode is not None or (thinking.budget_tokens and not thinking.effort):
        asked["thinking"] = {"type": "enabled"}
    if thinking.effort is not None:
        asked["reasoning_effort"] = thinking.effort
    return asked


def _ask_flag(thinking: Thinking, warn: Warn) -> JSON:
    """A switch, and beside it a cap on tokens (Qwen)."""
    if _is_off(thinking):
        return {"enable_thinking": False}
    if thinking.effort is not None:
        warn("thinking.effort", "this provider has no levels of effort; reasoning is switched on")
    if thinking == Thinking():
        return {}
    asked: JSON = {"enable_thinking": True}
    if thinking.budget_tokens is not None:
        asked["thinking_budget"] = thinking.budget_tokens
    return asked


def _ask_object(thinking: Thinking, effort: str | None, warn: Warn) -> JSON:
    asked: JSON = {}
    if thinking.mode is not None:
        asked["enabled"] = thinking.mode != "disabled"
    if thinking.budget_tokens is not None:
        asked["max_tokens"] = thinking.budget_tokens
        if effort is not None:
            warn("thinking.effort", "effort and budget exclude each other here; the budget is sent")
    elif effort is not None:
        asked["effort"] = effort
    return {"reasoning": asked} if asked else {}


def asked(effort: str | None, told: JSON | None) -> Thinking | None:
    """What ``reasoning_effort`` and ``reasoning`` ask for, of what we model."""
    mode = budget = None
    if told:
        enabled = told.get("enabled")
        mode = None if not isinstance(enabled, bool) else "enabled" if enabled else "disabled"
        budget = told.get("max_tokens")
        effort = effort or told.get("effort")
    if mode is None and budget is None and effort is None:
        return None
    return Thinking(mode=mode, effort=effort, budget_tokens=budget)  # type: ignore[arg-type]


# ---------------------------------------------------------------- what was thought


def details_out(part: Reasoning | ReasoningDelta, index: int) -> list[JSON]:
    """A block, or a piece of one, as OpenRouter's details; pieces of one block share its index."""
    details: list[JSON] = []
    shared: JSON = {"index": index}
    if part.format is not None:
        shared["format"] = part.format
    if part.id is not None:
        shared["id"] = part.id
    if part.text or part.signature is not None or part.encrypted is None:
        detail: JSON
        if part.format is not None and "-responses-" in part.format:
            detail = {"type": "reasoning.summary", "summary": part.text, **shared}
        else:
            detail = {"type": "reasoning.text", "text": part.text, **shared}
        if part.signature is not None:
            detail["signature"] = part.signature
        details.append(detail)
    if part.encrypted is not None:
        details.append({"type": "reasoning.encrypted", "data": part.encrypted, **shared})
    return details


def details_in(details: list[ReasoningDetail], plain: str) -> list[Reasoning]:
    """Blocks from details, whole or as the pieces that a stream's reader has collected."""
    blocks: dict[int, Reasoning] = {}
    for position, detail in enumerate(details):
        index = detail.index if detail.index is not None else position
        block = blocks.get(index, Reasoning())
        signature = block.signature
        if detail.signature is not None:
            signature = (signature or "") + detail.signature
        blocks[index] = Reasoning(
            text=block.text + (detail.text or detail.summary or ""),
            signature=signature,
            encrypted=detail.data or block.encrypted,
            id=detail.id or block.id,
            format=detail.format or block.format,
        )
    found = [blocks[index] for index in sorted(blocks)]
    if plain and not any(block.text for block in found):
        if len(found) == 1:
            block = found[0]
            return [
                Reasoning(
                    text=plain,
                    signature=block.signature,
                    encrypted=block.encrypted,
                    id=block.id,
                    format=block.format,
                )
            ]
        return [Reasoning(text=plain), *found]
    return found


def send_back(blocks: list[Reasoning], quirks: Quirks, warn: Warn) -> JSON:
    """The assistant message's fields that carry reasoning back, as this host reads them."""
    if not blocks:
        return {}
    if quirks.reasoning_field == "reasoning_details":
        details = [details_out(block, index) for index, block in enumerate(blocks)]
        return {"reasoning_details": [detail for group in details for detail in group]}
    if quirks.reasoning_field == "none":
        warn("messages.reasoning", "this provider takes no reasoning back; left out")
        return {}
    if any(block.signature or block.encrypted for block in blocks):
        warn(
            "messages.reasoning",
            "signatures and encrypted reasoning are left out: no field for them",
        )
    text = "".join([block.text for block in blocks])
    return {quirks.reasoning_field: text} if text else {}


def text_of(*values: Any) -> str:
    """The first that is text and not empty."""
    return next((value for value in values if isinstance(value, str) and value), "")
