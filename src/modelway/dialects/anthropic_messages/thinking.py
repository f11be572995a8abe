"""Reasoning and answer form, both ways: Anthropic's ``thinking`` and ``output_config``.

An effort goes to ``output_config.effort``, word for word, and never becomes a token budget: the
models that refuse budgets are the newer ones, and a budget guessed from a word cannot come back.
Source: https://platform.claude.com/docs/en/build-with-claude/effort and …/thinking, 2026-11-21.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from msgspec import Raw
from msgspec.json import Decoder

from modelway.catalog.rows import Quirks
from modelway.dialects.anthropic_messages.wire import (
    JSON_OBJECT,
    SUBSET,
    OutputConfig,
    OutputFormat,
    ThinkingConfig,
)
from modelway.dialects.notes import Notes
from modelway.dialects.reading import read
from modelway.errors import BadRequestError
from modelway.schema import subset
from modelway.types import JSON, Effort, JsonObject, JsonSchema, ResponseFormat, Thinking

MIN_BUDGET_TOKENS = 1024
"""Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking, 2026-11-21."""

_Mode = Literal["enabled", "adaptive", "disabled"]
_EFFORTS = get_args(Effort)
_MODES = get_args(_Mode)

_thinking = Decoder(ThinkingConfig)
_output = Decoder(OutputConfig)
_format = Decoder(OutputFormat)


def read_thinking(thinking: Raw | None, output: Raw | None, extra: JSON) -> Thinking | None:
    """What ``thinking`` and ``output_config.effort`` say; what is not modelled goes to ``extra``."""
    mode: _Mode | None = None
    budget: int | None = None
    if thinking is not None:
        config = read(_thinking, thinking, "thinking")
        rest = read(JSON_OBJECT, thinking, "thinking")
        if config.type in _MODES:
            mode, budget = config.type, config.budget_tokens  # type: ignore[assignment]
            rest = {name: rest[name] for name in rest if name not in ("type", "budget_tokens")}
        if rest:
            extra["thinking"] = rest
    effort: Effort | None = None
    if output is not None:
        said = read(_output, output, "output_config").effort
        if said in _EFFORTS:
            effort = said  # type: ignore[assignment]
    if mode is None and effort is None:
        return None
    return Thinking(mode=mode, effort=effort, budget_tokens=budget)


def read_format(output: Raw | None, beta: Raw | None, extra: JSON) -> ResponseFormat | None:
    """``output_config.format``, or ``output_format``, its name while it was a beta.

    Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs, 2026-11-21.
    """
    found: JsonSchema | None = None
    if output is not None:
        config = read(_output, output, "output_config")
        rest = read(JSON_OBJECT, output, "output_config")
        found = _schema_of(config.format, rest.get("format"))
        if found is not None or rest.get("format", True) is None:
            del rest["format"]
        if rest.get("effort") is None or rest["effort"] in _EFFORTS:
            rest.pop("effort", None)
        if rest:
            extra["output_config"] = rest
    if beta is not None:
        older = _schema_of(
            read(_format, beta, "output_format"), whole := read(JSON_OBJECT, beta, "output_format")
        )
        if older is None:
            extra["output_format"] = whole
        found = found or older
    return found


def _schema_of(format: OutputFormat | None, whole: Any) -> JsonSchema | None:
    if format is None or format.type != "json_schema" or format.schema is None:
        return None
    return JsonSchema(schema=format.schema) if whole.keys() == {"type", "schema"} else None


def write_thinking(
    thinking: Thinking | None, max_tokens: int, calling: bool, notes: Notes
) -> JSON | None:
    """The ``thinking`` field; a budget is required with mode ``enabled``, and lies below ``max_tokens``,
    but where there are tools and thoughts between the calls: then it is that of all of them.
    """
    if thinking is None:
        return None
    mode, budget = thinking.mode, thinking.budget_tokens
    if mode is None:
        if budget is not None:
            mode = "enabled"
        elif thinking.effort == "none":
            mode = "disabled"
        else:
            return None
    if mode != "enabled":
        if budget is not None:
            notes.warn("thinking.budget_tokens", f"has no meaning with thinking {mode}: left out")
        return {"type": mode}
    if budget is None:
        budget = max_tokens // 2
        if budget < MIN_BUDGET_TOKENS:
            notes.warn(
                "thinking",
                f"left out: it needs {MIN_BUDGET_TOKENS} tokens of its own below max_tokens "
                f"({max_tokens})",
            )
            return None
        notes.warn("thinking.budget_tokens", f"required, and not said: sent as {budget}")
    if budget < MIN_BUDGET_TOKENS or (budget >= max_tokens and not calling):
        raise BadRequestError(
            f"from {MIN_BUDGET_TOKENS} to below max_tokens ({max_tokens}) for {notes.model}, "
            f"not {budget}",
            param="thinking.budget_tokens",
        )
    return {"type": "enabled", "budget_tokens": budget}


def write_output_config(
    thinking: Thinking | None,
    format: ResponseFormat | None,
    quirks: Quirks,
    notes: Notes,
) -> JSON:
    config: JSON = {}
    effort = thinking.effort if thinking is not None else None
    match effort:
        case None:
            pass
        case "none":
            if thinking is not None and thinking.mode not in (None, "disabled"):
                notes.warn("thinking.effort", f"none contradicts mode {thinking.mode}: left out")
        case "minimal":
            notes.warn("thinking.effort", "Anthropic's least effort is low: sent as low")
            config["effort"] = "low"
        case _:
            config["effort"] = effort
    match format:
        case None:
            pass
        case JsonObject():
            notes.warn("response_format", "Anthropic has no JSON mode without a schema: left out")
        case JsonSchema():
            if not quirks.json_schema:
                notes.warn("response_format", "this host takes no JSON schema: left out")
                return config
            for name, said in (("name", format.name), ("description", format.description)):
                if said is not None:
                    notes.warn(f"response_format.{name}", "Anthropic has no such field: left out")
            if format.strict is False:
                notes.warn("response_format.strict", "a schema is always enforced: left out")
            row = subset(quirks.schema_subset or SUBSET)
            schema = notes.fitted(format.schema, row, "response_format")
            config["format"] = {"type": "json_schema", "schema": schema}
    return config
