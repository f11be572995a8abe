"""Reasoning, both ways: ``generationConfig.thinkingConfig``.

A mode asks to see the thoughts (``includeThoughts``); an effort or a budget alone does not.
Source: https://ai.google.dev/gemini-api/docs/thinking, 2026-11-21.
"""

from __future__ import annotations

from typing import get_args

from modelway.dialects.gemini.families import (
    BUDGETS,
    LEAST_BUDGET,
    LEVELS,
    budget_range,
    is_pro,
    takes_levels,
)
from modelway.dialects.notes import Notes
from modelway.errors import BadRequestError
from modelway.types import JSON, Effort, Thinking

_DYNAMIC = -1
_EFFORTS = get_args(Effort)


def read_thinking(config: JSON) -> Thinking | None:
    """What it says, taken out of ``config``; what is not modelled is left in it."""
    budget, level = config.get("thinkingBudget"), config.get("thinkingLevel")
    shown = config.get("includeThoughts") is True
    effort: Effort | None = None
    if isinstance(level, str) and level.lower() in LEVELS:
        effort = level.lower()  # type: ignore[assignment]
        del config["thinkingLevel"]
    if budget == 0 and not shown:
        config.pop("includeThoughts", None)
        del config["thinkingBudget"]
        return Thinking(mode="disabled", effort=effort)
    if budget == _DYNAMIC and shown:
        del config["thinkingBudget"], config["includeThoughts"]
        return Thinking(mode="adaptive", effort=effort)
    tokens = budget if type(budget) is int and budget > 0 else None
    if tokens is not None:
        del config["thinkingBudget"]
    if shown:
        del config["includeThoughts"]
        return Thinking(mode="enabled", effort=effort, budget_tokens=tokens)
    if tokens is None and effort is None:
        return None
    return Thinking(effort=effort, budget_tokens=tokens)


def write_thinking(thinking: Thinking | None, notes: Notes) -> JSON:
    if thinking is None:
        return {}
    mode, effort, budget = thinking.mode, thinking.effort, thinking.budget_tokens
    if mode == "disabled" or (mode is None and effort == "none" and budget is None):
        if budget is not None:
            notes.warn("thinking.budget_tokens", "has no meaning with thinking disabled: left out")
        return _disabled(notes)
    config: JSON = {}
    if mode is not None:
        config["includeThoughts"] = True
    if budget is not None:
        if effort is not None:
            notes.warn("thinking.effort", "Gemini takes an effort or a budget: the budget is sent")
        least, most = budget_range(notes.model) or (1, budget)
        if not least <= budget <= most:
            raise BadRequestError(
                f"{least} to {most} for {notes.model}, not {budget}",
                param="thinking.budget_tokens",
            )
        config["thinkingBudget"] = budget
    elif effort is not None and effort != "none":
        config |= _effort(effort, notes)
    elif mode == "adaptive":
        config["thinkingBudget"] = _DYNAMIC
    if effort == "none":
        notes.warn("thinking.effort", f"none contradicts mode {mode}: left out")
    return config


def _disabled(notes: Notes) -> JSON:
    """Newer models, and Pro models, cannot be kept from thinking."""
    if takes_levels(notes.model):
        level = "low" if is_pro(notes.model) else "minimal"
        notes.warn("thinking", f"{notes.model} always thinks: sent as level {level}")
        return {"thinkingLevel": level}
    if is_pro(notes.model):
        notes.warn("thinking", f"{notes.model} always thinks: sent as {LEAST_BUDGET} tokens")
        return {"thinkingBudget": LEAST_BUDGET}
    return {"thinkingBudget": 0}


def _effort(effort: Effort, notes: Notes) -> JSON:
    if not takes_levels(notes.model):
        budget = BUDGETS[effort]
        notes.warn("thinking.effort", f"{notes.model} takes a budget: sent as {budget} tokens")
        return {"thinkingBudget": budget}
    level = LEVELS[effort]
    if level == "minimal" and is_pro(notes.model):
        level = "low"
    if level != effort:
        notes.warn("thinking.effort", f"{notes.model} has no such level: sent as {level}")
    return {"thinkingLevel": level}
