"""Settings of a request, both ways: ``options``, ``think`` and ``format``.

Source: https://docs.ollama.com/openapi.yaml (ModelOptions, ChatRequest), 2026-11-21.
"""

from __future__ import annotations

import math
from typing import Any

from msgspec import Raw

from modelway.catalog.rows import Quirks
from modelway.dialects.notes import Notes
from modelway.dialects.ollama.wire import ANY, JSON_OBJECT
from modelway.dialects.reading import read
from modelway.errors import BadRequestError, UnsupportedError
from modelway.schema import fitted, subset
from modelway.types import (
    JSON,
    ChatRequest,
    JsonObject,
    JsonSchema,
    ResponseFormat,
    Thinking,
)

_NUMBERS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "num_predict": "max_tokens",
}
"""Name in ``options`` → ours."""

_WHOLE = ("top_k", "seed", "num_predict")
_LEVELS = ("low", "medium", "high", "max")
_NEAREST = {"minimal": "low", "xhigh": "max"}


# ---------------------------------------------------------------- options


def read_options(raw: Raw, extra: JSON) -> dict[str, Any]:
    """What we model by our names; the rest goes to ``extra``, whole."""
    found: dict[str, Any] = {}
    rest: JSON = {}
    for name, value in read(JSON_OBJECT, raw, "options").items():
        if name == "stop" and value is not None:
            found["stop"] = _stop(value)
        elif name not in _NUMBERS or (name == "num_predict" and _is_negative(value)):
            rest[name] = value  # -1 and -2 are "without end" and "fill the window"
        elif value is not None:
            found[_NUMBERS[name]] = _number(name, value)
    if rest:
        extra["options"] = rest
    return found


def _is_negative(value: Any) -> bool:
    return isinstance(value, int | float) and value < 0


def _number(name: str, value: Any) -> int | float:
    if isinstance(value, float) and value.is_integer() and name in _WHOLE:
        value = int(value)
    kinds = int if name in _WHOLE else int | float
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise BadRequestError("a number", param=f"options.{name}")
    if name == "num_predict" and value < 1:
        raise BadRequestError("a whole number from 1, or -1 or -2", param="options.num_predict")
    return value


def _stop(value: Any) -> tuple[str, ...]:
    said = [value] if isinstance(value, str) else value
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise BadRequestError("a text or an array of texts", param="options.stop")
    return tuple(said)


def write_options(request: ChatRequest, quirks: Quirks, notes: Notes) -> JSON:
    options: JSON = {}
    for wire, ours in _NUMBERS.items():
        value = getattr(request, ours)
        if value is None:
            continue
        if not math.isfinite(value) or (wire in _WHOLE and type(value) is not int):
            raise BadRequestError(f"{ours} cannot be {value!r}", param=ours)
        if wire == "num_predict" and value < 1:
            raise BadRequestError(f"max_tokens is a whole number from 1, not {value}", param=ours)
        options[wire] = value
    stop = list(request.stop)
    if quirks.max_stop is not None and len(stop) > quirks.max_stop:
        notes.warn("stop", f"this host takes {quirks.max_stop}: the first are sent")
        stop = stop[: quirks.max_stop]
    if stop:
        options["stop"] = stop
    return options


# ---------------------------------------------------------------- thinking


def read_think(raw: Raw, extra: JSON) -> Thinking | None:
    match read(ANY, raw, "think"):
        case None | "":
            return None
        case True:
            return Thinking(mode="enabled")
        case False:
            return Thinking(mode="disabled")
        case str(level) if level in _LEVELS:
            return Thinking(effort=level)  # type: ignore[arg-type]
        case other:
            extra["think"] = other
            return None


def write_think(thinking: Thinking | None, notes: Notes) -> bool | str | None:
    """A level means yes to models that have none.

    Source: https://docs.ollama.com/capabilities/thinking, 2026-11-21.
    """
    if thinking is None:
        return None
    if thinking.budget_tokens is not None:
        notes.warn("thinking.budget_tokens", "Ollama has no cap on reasoning tokens: left out")
    effort = thinking.effort
    if thinking.mode == "disabled" or effort == "none":
        return False
    if effort is not None:
        level = _NEAREST.get(effort, effort)
        if level != effort:
            notes.warn("thinking.effort", f"Ollama has no level {effort!r}: {level!r} is sent")
        return level
    if thinking.mode == "adaptive":
        notes.warn("thinking.mode", "Ollama has no adaptive mode: reasoning is switched on")
    return True if thinking.mode or thinking.budget_tokens is not None else None


# ---------------------------------------------------------------- format


def read_format(raw: Raw, extra: JSON) -> ResponseFormat | None:
    match read(ANY, raw, "format"):
        case None | "":
            return None
        case "json":
            return JsonObject()
        case dict(schema):
            return JsonSchema(schema=schema)
        case other:
            extra["format"] = other
            return None


def write_format(wanted: ResponseFormat | None, quirks: Quirks, notes: Notes) -> Any:
    """A schema holds by a grammar that is made from it, so it is always strict."""
    match wanted:
        case None:
            return None
        case JsonObject():
            return "json"
        case JsonSchema(schema=schema):
            if not quirks.json_schema:
                notes.warn("response_format", "this host takes no schema: some JSON is asked for")
                return "json"
            for name in ("name", "description"):
                if getattr(wanted, name) is not None:
                    notes.warn(f"response_format.{name}", "Ollama has no place for it: left out")
            if wanted.strict is False:
                notes.warn("response_format.strict", "Ollama always keeps to a schema")
            fit = fitted(schema, subset(quirks.schema_subset or "llamacpp"), "response_format")
            for warning in fit.warnings:
                notes.warn(warning.setting, warning.message)
            return fit.schema


def refuse_or_warn(request: ChatRequest, notes: Notes) -> None:
    """What this API has no words for."""
    if request.n is not None and request.n != 1:
        raise UnsupportedError(
            f"{notes.model} gives one answer a request over Ollama's API, not {request.n}; "
            f"ask {request.n} times",
            model=notes.model,
            param="n",
        )
    for name, asked in (
        ("parallel_tool_calls", request.parallel_tool_calls),
        ("user", request.user),
        ("metadata", request.metadata or None),
    ):
        if asked is not None:
            notes.warn(name, "Ollama's API has no such setting: left out")
