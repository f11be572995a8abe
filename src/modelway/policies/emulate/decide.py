"""Whether a form can be asked for as it is, and if not, what is asked for instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from modelway.catalog.rows import Quirks
from modelway.errors import UnsupportedError
from modelway.policies.emulate.read import Reader, TextReader, ToolReader
from modelway.ports import Dialect
from modelway.schema import fitted, object_schema, subset
from modelway.types import (
    CallWarning,
    ChatRequest,
    JsonObject,
    JsonSchema,
    Message,
    ResponseFormat,
    Text,
    Tool,
)

TOOL_NAME = "answer"
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_MOST_OF_A_NAME = 64


class Emulation(NamedTuple):
    """What to ask instead, how to read the answer, and what the caller is told."""

    request: ChatRequest
    reader: Callable[[], Reader]
    warning: CallWarning


def decide(request: ChatRequest, quirks: Quirks, spoken: Dialect) -> Emulation | None:
    """The emulation of the request's form on such a host; ``None``: it is asked for as it is."""
    form = request.response_format
    if form is None:
        return None
    why = _obstacle(form, quirks, spoken)
    if why is None:
        return None
    if isinstance(form, JsonSchema):
        tool = _tool(form, request, quirks, spoken)
        if tool is not None:
            return Emulation(
                replace(request, response_format=None, tools=(tool,), tool_choice="required"),
                ToolReader,
                _told(f"emulated by a forced tool call: {why}"),
            )
    return _prompted(request, form, quirks, spoken, why)


def _obstacle(form: ResponseFormat, quirks: Quirks, spoken: Dialect) -> str | None:
    """Why this cannot be asked for as it is."""
    if "response_format" in quirks.drop:
        return "this host has no response_format"
    if isinstance(form, JsonObject):
        return None if spoken.json_mode else "this dialect has no JSON mode"
    ignored = spoken.name in quirks.schema_ignored_in
    if spoken.schema_subset is None or not quirks.json_schema or ignored:
        return "this host or model takes no JSON schema"
    row = subset(quirks.schema_subset or spoken.schema_subset)
    if row.only_strict:
        return None  # without strict any schema is taken
    try:
        fitted(form.schema, row)
    except UnsupportedError as error:
        return error.message
    return None


def _tool(form: JsonSchema, request: ChatRequest, quirks: Quirks, spoken: Dialect) -> Tool | None:
    """The tool whose arguments are the answer; ``None`` where none can be forced.

    A model that may call the caller's own tools cannot be held to this one, and one that reasons may
    not be forced at all. Source:
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking#extended-thinking-with-tool-use,
    2026-11-21.
    """
    schema = object_schema(form.schema)
    thinking = request.thinking
    thinks = thinking is not None and thinking.mode != "disabled" and thinking.effort != "none"
    refused = {"tools", "tool_choice"} & {*quirks.drop}
    if schema is None or request.tools or thinks or refused or not spoken.tools:
        return None
    name = _NOT_IN_NAMES.sub("_", form.name or "")[:_MOST_OF_A_NAME] or TOOL_NAME
    said = form.description or "Give the answer. Call this once, with the whole of it."
    return Tool(name=name, description=said, parameters=schema)


def _prompted(
    request: ChatRequest, form: ResponseFormat, quirks: Quirks, spoken: Dialect, why: str
) -> Emulation:
    """Ask in words, and for some JSON object where that much can be enforced."""
    is_object = isinstance(form, JsonObject) or object_schema(form.schema) is not None
    kind = "object" if is_object else "value"
    words = f"Answer with one JSON {kind} and nothing else: no explanation and no code fence."
    if isinstance(form, JsonSchema):
        schema = msgspec.json.encode(form.schema).decode()
        words += f" It must be valid under this JSON Schema:\n{schema}"
    enforced = is_object and spoken.json_mode and "response_format" not in quirks.drop
    asked = replace(
        request,
        messages=_instructed(request.messages, words),
        response_format=JsonObject() if enforced else None,
    )
    return Emulation(
        asked,
        lambda: TextReader("{" if is_object else "{["),
        _told(f"emulated by an instruction: {why}"),
    )


def _instructed(messages: tuple[Message, ...], words: str) -> tuple[Message, ...]:
    """The instruction after the caller's own, so that the beginning stays what it was, for caches."""
    own = 0
    while own < len(messages) and messages[own].role in ("system", "developer"):
        own += 1
    said = Message(role="system", parts=(Text(text=words),))
    return (*messages[:own], said, *messages[own:])


def _told(message: str) -> CallWarning:
    return CallWarning(setting="response_format", message=message)
