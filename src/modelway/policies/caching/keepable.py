"""Which calls may be answered from what is kept: those of which the answer is all that is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from modelway.call import Call
from modelway.types import ChatRequest, HostedTool

OPERATIONS = frozenset(("chat", "complete", "embed", "rerank"))
_ELSEWHERE = frozenset(
    (
        "store",
        "previous_response_id",
        "conversation",
        "background",
        "container",
        "mcp_servers",
        "connectors",
        "plugins",
        "web_search_options",
        "search_parameters",
    )
)
"""Fields that go on from what a provider keeps, have it keep something, or look and act elsewhere."""
_UNSAID = (b"null", b"false", b"[]", b"{}")
_FUNCTIONS = ("function", "custom")
_DESCRIBED = frozenset(("function", "input_schema"))
_DECLARED = frozenset(("functionDeclarations", "function_declarations", "toolSpec", "cachePoint"))
"""What functions are below, where a dialect's tools have no type."""

_tools = msgspec.json.Decoder(list[dict[str, Any]] | None).decode


class _Config(msgspec.Struct):
    tools: list[dict[str, Any]] | None = None


_config = msgspec.json.Decoder(_Config).decode


def keepable(call: Call) -> bool:
    """Whether an answer to this may be kept, and given again, if it is a whole one.

    Not where it acts, or depends on more than what is said: hosted tools, stored conversations.
    """
    if call.operation not in OPERATIONS or call.passing is not None:
        return False
    return _in_bytes(call) and _in_value(call)


def _in_bytes(call: Call) -> bool:
    if call.body is None:
        return True
    fields = call.body.fields
    for name in _ELSEWHERE.intersection(fields):
        if bytes(fields[name]) not in _UNSAID:
            return False
    if call.operation != "chat":
        return True
    if "prompt" in fields and bytes(fields["prompt"]) not in _UNSAID:
        return False  # one that the provider keeps, and that its owner may change
    try:
        if "tools" in fields and not _functions_only(_tools(fields["tools"]) or ()):
            return False
        if "toolConfig" in fields:
            return _functions_only(_config(fields["toolConfig"]).tools or ())
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _in_value(call: Call) -> bool:
    request = call.request
    if request is None:
        return True
    for name in _ELSEWHERE.intersection(request.extra):
        if _written(request.extra[name]) not in _UNSAID:
            return False
    if not isinstance(request, ChatRequest):
        return True
    hosted = [tool.definition for tool in request.tools if isinstance(tool, HostedTool)]
    return "prompt" not in request.extra and _functions_only(hosted)


def _written(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _functions_only(tools: Iterable[Mapping[str, Any]]) -> bool:
    """Whether each of these is run by who asks, so that offering it does nothing by itself."""
    for tool in tools:
        if "type" in tool:
            if tool["type"] not in _FUNCTIONS:
                return False
        elif not (_DESCRIBED.intersection(tool) or _DECLARED.issuperset(tool)):
            return False
    return True
