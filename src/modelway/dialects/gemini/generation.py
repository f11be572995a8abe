"""``generationConfig``, both ways.

Source: https://ai.google.dev/api/generate-content#v1beta.GenerationConfig, 2026-11-21.
"""

from __future__ import annotations

import math
from typing import Any

from msgspec import Raw
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects.gemini.openapi import json_schema
from modelway.dialects.gemini.thinking import read_thinking, write_thinking
from modelway.dialects.gemini.wire import (
    ANY,
    FLAG,
    INTEGER,
    JSON_OBJECT,
    NUMBER,
    STRINGS,
    camel,
    read_fields,
)
from modelway.dialects.notes import Notes
from modelway.dialects.reading import read
from modelway.errors import BadRequestError
from modelway.schema import subset
from modelway.types import JSON, ChatRequest, JsonObject, JsonSchema, ResponseFormat

MOST_STOPS = 5
"""Source: https://ai.google.dev/api/generate-content (``stopSequences``), 2026-11-21."""

_AT = "generationConfig"
_JSON_TYPE = "application/json"

_SETTINGS: tuple[tuple[str, str, Decoder[Any]], ...] = (
    # Ours, Gemini's, how it is read.
    ("max_tokens", "maxOutputTokens", INTEGER),
    ("temperature", "temperature", NUMBER),
    ("top_p", "topP", NUMBER),
    ("top_k", "topK", NUMBER),
    ("frequency_penalty", "frequencyPenalty", NUMBER),
    ("presence_penalty", "presencePenalty", NUMBER),
    ("seed", "seed", INTEGER),
    ("n", "candidateCount", INTEGER),
    ("stop", "stopSequences", STRINGS),
    ("logprobs", "responseLogprobs", FLAG),
    ("top_logprobs", "logprobs", INTEGER),
)


def read_config(raw: Raw, extra: JSON) -> dict[str, Any]:
    """The request's settings by our names; what is not modelled goes to ``extra``."""
    fields = read_fields(raw, _AT)
    said: dict[str, Any] = {}
    for ours, theirs, decoder in _SETTINGS:
        if theirs in fields:
            said[ours] = read(decoder, fields.pop(theirs), f"{_AT}.{theirs}")
    if "top_k" in said:
        said["top_k"] = int(said["top_k"])
    if "thinkingConfig" in fields:
        at = f"{_AT}.thinkingConfig"
        whole = read(JSON_OBJECT, fields.pop("thinkingConfig"), at)
        thinking = {camel(name): value for name, value in whole.items() if value is not None}
        said["thinking"] = read_thinking(thinking)
        if thinking:
            extra[_AT] = {"thinkingConfig": thinking}
    said["response_format"] = _read_format(fields)
    rest = {name: read(ANY, value, f"{_AT}.{name}") for name, value in fields.items()}
    if rest:
        extra[_AT] = {**extra.get(_AT, {}), **rest}
    return said


def _read_format(fields: dict[str, Raw]) -> ResponseFormat | None:
    """A media type that is not JSON, and its schema, stay in ``fields``."""
    media_type = read(ANY, fields.get("responseMimeType", Raw(b'"text/plain"')), _AT)
    if media_type == "text/plain":
        fields.pop("responseMimeType", None)
    if media_type != _JSON_TYPE:
        return None
    del fields["responseMimeType"]
    if "responseJsonSchema" in fields:
        at = f"{_AT}.responseJsonSchema"
        fields.pop("responseSchema", None)
        return JsonSchema(schema=read(JSON_OBJECT, fields.pop("responseJsonSchema"), at))
    if "responseSchema" in fields:
        at = f"{_AT}.responseSchema"
        schema = read(JSON_OBJECT, fields.pop("responseSchema"), at)
        return JsonSchema(schema=json_schema(schema, at))
    return JsonObject()


def write_config(request: ChatRequest, target: Target, notes: Notes) -> JSON:
    config: JSON = {}
    for ours, theirs, _ in _SETTINGS:
        value = getattr(request, ours)
        if value is None or value == ():
            continue
        if isinstance(value, float) and not math.isfinite(value):
            raise BadRequestError(f"a number, not {value}", param=ours)
        config[theirs] = _stop(request.stop, target, notes) if ours == "stop" else value
    config |= _write_format(request.response_format, target, notes)
    thinking = write_thinking(request.thinking, notes)
    return config | {"thinkingConfig": thinking} if thinking else config


def _stop(stop: tuple[str, ...], target: Target, notes: Notes) -> list[str]:
    most = MOST_STOPS if target.quirks.max_stop is None else target.quirks.max_stop
    if len(stop) > most:
        notes.warn("stop", f"Gemini takes {most} stop sequences: the first {most} are sent")
    return list(stop[:most])


def _write_format(format: ResponseFormat | None, target: Target, notes: Notes) -> JSON:
    if format is None:
        return {}
    written: JSON = {"responseMimeType": _JSON_TYPE}
    if isinstance(format, JsonObject):
        return written
    if not target.quirks.json_schema:
        notes.warn("response_format", "this host takes no JSON schema: sent as JSON mode")
        return written
    for name, said in (("name", format.name), ("description", format.description)):
        if said is not None:
            notes.warn(f"response_format.{name}", "Gemini has no such field: left out")
    if format.strict is False:
        notes.warn("response_format.strict", "a schema is always enforced: left out")
    schema = notes.fitted(format.schema, subset("gemini"), "response_format")
    return written | {"responseJsonSchema": schema}
