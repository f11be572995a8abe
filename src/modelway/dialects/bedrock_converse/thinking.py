"""Reasoning and answer form, both ways: ``outputConfig``, and what each family of models asks for in
``additionalModelRequestFields``.

An effort is the API's own ``outputConfig.effort`` towards Claude; Nova and OpenAI's models have a
field of their own. A budget is Claude's alone.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from modelway.catalog.rows import Quirks
from modelway.dialects.bedrock_converse.families import Family
from modelway.dialects.bedrock_converse.notes import Notes
from modelway.dialects.bedrock_converse.wire import JSON_OBJECT, TextFormat
from modelway.dialects.reading import maybe, read
from modelway.errors import BadRequestError
from modelway.schema import subset
from modelway.types import JSON, Effort, JsonObject, JsonSchema, ResponseFormat, Thinking

MIN_BUDGET_TOKENS = 1024
"""Source: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html,
2026-11-21."""

_DEFAULT_BUDGET_TOKENS = 4096

_Mode = Literal["enabled", "adaptive", "disabled"]
_MODES = get_args(_Mode)
_EFFORTS = get_args(Effort)
_ADDITIONAL = "additionalModelRequestFields"

_raw_object = Decoder(dict[str, Raw])
_format = Decoder(TextFormat)


# ---------------------------------------------------------------- reading


def read_additional(raw: Raw | None, extra: JSON) -> tuple[Thinking | None, int | None]:
    """Reasoning and ``top_k``, by any family's names; what is not modelled goes to ``extra``."""
    if raw is None:
        return None, None
    fields = read(JSON_OBJECT, raw, _ADDITIONAL)
    mode: Any = None
    budget: int | None = None
    effort: Any = None
    for name in ("thinking", "reasoning_config", "reasoningConfig"):
        config = fields.get(name)
        if not isinstance(config, dict) or config.get("type") not in _MODES or mode:
            continue
        mode = config.pop("type")
        if type(config.get("budget_tokens")) is int:
            budget = config.pop("budget_tokens")
        if config.get("maxReasoningEffort") in _EFFORTS:
            effort = config.pop("maxReasoningEffort")
        if not config:
            del fields[name]
    if fields.get("reasoning_effort") in _EFFORTS:
        effort = fields.pop("reasoning_effort")
    effort = _take(fields, ("output_config", "effort"), lambda value: value in _EFFORTS) or effort
    top_k = None
    for path in (("top_k",), ("inferenceConfig", "topK"), ("k",)):
        top_k = top_k or _take(fields, path, lambda value: type(value) is int)
    if fields:
        extra[_ADDITIONAL] = fields
    if mode is None and effort is None:
        return None, top_k
    return Thinking(mode=mode, effort=effort, budget_tokens=budget), top_k


def _take(fields: JSON, path: tuple[str, ...], fits: Any) -> Any:
    """The value at this path, taken out; objects that this leaves empty go too."""
    name, *rest = path
    value = fields.get(name)
    if not rest:
        return fields.pop(name) if value is not None and fits(value) else None
    if not isinstance(value, dict):
        return None
    found = _take(value, tuple(rest), fits)
    if not value:
        del fields[name]
    return found


def read_output(raw: Raw | None, extra: JSON) -> tuple[Effort | None, ResponseFormat | None]:
    """Bedrock holds every answer to its schema: what others call ``strict``."""
    if raw is None:
        return None, None
    fields = read(_raw_object, raw, "outputConfig")
    rest = read(JSON_OBJECT, raw, "outputConfig")
    effort: Any = rest.pop("effort") if rest.get("effort") in _EFFORTS else None
    found: ResponseFormat | None = None
    said = maybe(_format, fields["textFormat"]) if "textFormat" in fields else None
    if said is not None and said.type == "json_schema":
        definition = said.structure.json_schema
        found = JsonSchema(
            schema=_schema(definition.schema),
            name=definition.name,
            description=definition.description,
            strict=True,
        )
        del rest["textFormat"]
    if rest:
        extra["outputConfig"] = rest
    return effort, found


def _schema(text: str) -> JSON:
    try:
        return JSON_OBJECT.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise BadRequestError(
            "the schema is a string that holds a JSON object",
            param="outputConfig.textFormat.structure.jsonSchema.schema",
        ) from None


# ---------------------------------------------------------------- writing


def write_additional(
    thinking: Thinking | None,
    top_k: int | None,
    max_tokens: int | None,
    family: Family,
    notes: Notes,
) -> JSON:
    fields: JSON = {}
    if top_k is not None:
        if not family.top_k:
            notes.warn("top_k", f"{notes.model} has no such setting on Bedrock: left out")
        else:
            *outer, name = family.top_k
            value: JSON = {name: top_k}
            for step in reversed(outer):
                value = {step: value}
            fields |= value
    if thinking is None:
        return fields
    if thinking.budget_tokens is not None and family.reasons != "thinking":
        notes.warn("thinking.budget_tokens", f"{notes.model} takes no budget: left out")
    match family.reasons:
        case "thinking":
            config = _claude(thinking, max_tokens, notes)
            if config is not None:
                fields["thinking"] = config
        case "reasoning_config":
            fields["reasoningConfig"] = _nova(thinking, notes)
        case "reasoning_effort":
            effort = _nearest(thinking.effort, notes)
            if effort is not None:
                fields["reasoning_effort"] = effort
            if thinking.mode is not None:
                notes.warn("thinking.mode", f"{notes.model} has an effort alone: left out")
        case "unasked":
            notes.warn("thinking", f"{notes.model} has no such setting on Bedrock: left out")
    return fields


def _claude(thinking: Thinking, max_tokens: int | None, notes: Notes) -> JSON | None:
    """A budget is required with mode ``enabled``, and lies below ``maxTokens``."""
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
        budget = _DEFAULT_BUDGET_TOKENS if max_tokens is None else max_tokens // 2
        if budget < MIN_BUDGET_TOKENS:
            notes.warn(
                "thinking",
                f"left out: it needs {MIN_BUDGET_TOKENS} tokens of its own below max_tokens "
                f"({max_tokens})",
            )
            return None
        notes.warn("thinking.budget_tokens", f"required, and not said: sent as {budget}")
    if budget < MIN_BUDGET_TOKENS:
        raise BadRequestError(
            f"from {MIN_BUDGET_TOKENS} for {notes.model}, not {budget}",
            param="thinking.budget_tokens",
        )
    return {"type": "enabled", "budget_tokens": budget}


def _nova(thinking: Thinking, notes: Notes) -> JSON:
    """Source: https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html,
    2026-11-21.
    """
    if thinking.mode == "disabled" or (thinking.mode is None and thinking.effort == "none"):
        return {"type": "disabled"}
    if thinking.mode == "adaptive":
        notes.warn("thinking.mode", "Nova has no mode adaptive: sent as enabled")
    effort = _nearest(thinking.effort, notes)
    if effort is None:
        effort = "medium"
        notes.warn("thinking.effort", "required by Nova, and not said: sent as medium")
    return {"type": "enabled", "maxReasoningEffort": effort}


def _nearest(effort: Effort | None, notes: Notes) -> str | None:
    """The effort as low, medium or high."""
    match effort:
        case None | "low" | "medium" | "high":
            return effort
        case "none" | "minimal":
            near = "low"
        case _:
            near = "high"
    notes.warn("thinking.effort", f"{notes.model} has no effort {effort}: sent as {near}")
    return near


def write_output(
    thinking: Thinking | None,
    format: ResponseFormat | None,
    family: Family,
    quirks: Quirks,
    notes: Notes,
) -> JSON:
    config: JSON = {}
    if thinking is not None and family.reasons == "thinking":
        match thinking.effort:
            case None:
                pass
            case "none":
                if thinking.mode not in (None, "disabled"):
                    notes.warn("thinking.effort", f"none contradicts {thinking.mode}: left out")
            case "minimal":
                notes.warn("thinking.effort", "Bedrock's least effort is low: sent as low")
                config["effort"] = "low"
            case effort:
                config["effort"] = effort
    match format:
        case None:
            pass
        case JsonObject():
            notes.warn("response_format", "Bedrock has no JSON mode without a schema: left out")
        case JsonSchema():
            if not quirks.json_schema:
                notes.warn("response_format", "this host takes no JSON schema: left out")
                return config
            if format.strict is False:
                notes.warn("response_format.strict", "a schema is always enforced: left out")
            row = subset(quirks.schema_subset or "bedrock")
            schema = notes.fitted(format.schema, row, "response_format")
            definition: JSON = {"schema": _text(schema)}
            if format.name is not None:
                definition["name"] = format.name
            if format.description is not None:
                definition["description"] = format.description
            config["textFormat"] = {
                "type": "json_schema",
                "structure": {"jsonSchema": definition},
            }
    return config


def _text(schema: JSON) -> str:
    try:
        return msgspec.json.encode(schema).decode()
    except (TypeError, UnicodeEncodeError) as error:
        raise BadRequestError(
            f"the schema holds a value that is not JSON: {error}", param="response_format"
        ) from None
