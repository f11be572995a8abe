"""Reads and checks a Messages request as Anthropic does, written from its documentation.

Source: https://platform.claude.com/docs/en/api/messages, 2026-11-21; the wording of refusals is
that of recorded answers.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from modelway.simulator import tokens
from modelway.simulator.anthropic_messages import check_messages, last_turn
from modelway.simulator.question import Asked, OfferedTool, Question, WireError, refuse
from modelway.simulator.schemas import schema_fault
from modelway.simulator.script import ListedModel

_DOCUMENTED = (
    "billing_policy cache_control compaction container context_management diagnostics "
    "fallback_credit_token fallbacks inference_geo max_tokens mcp_servers messages metadata model "
    "output_config output_format service_tier speed stop_sequences stream system temperature "
    "thinking thread tool_choice tools top_k top_p user_profile_id workspace_id"
)
_FIELDS = frozenset(_DOCUMENTED.split())
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_MAX_BREAKPOINTS = 4


def read(asked: Asked, *, counting: bool = False) -> Question:
    """The question in a request's body; WireError for what Anthropic would refuse.

    ``counting``: the body of a count_tokens request, which needs no ``max_tokens``.
    """
    fields = parse(asked.body)
    if asked.script.unknown_fields == "refuse":
        for name in fields:
            if name not in _FIELDS:
                raise refuse(f"{name}: Extra inputs are not permitted")
    required = ("model", "messages") if counting else ("model", "max_tokens", "messages")
    for name in required:
        if name not in fields:
            raise refuse(f"{name}: Field required")
    if fields.get("thread") is not None:  # the simulator keeps no conversations
        raise refuse("thread: not for this request", code="thread_unsupported_request")
    _check_values(fields)
    model = fields["model"]
    if asked.script.only_listed_models and model not in asked.listed:
        raise unknown_model(model)
    check_messages(fields)
    _check_breakpoints(fields)
    tools = _tools(fields)
    call, call_name = _tool_choice(fields, tools)
    thinks, hidden = _thinking(fields, call)
    schema = _schema(fields)
    results, text = last_turn(fields["messages"])
    question = Question(
        dialect="anthropic",
        model=model,
        text=text,
        results=results,
        input_tokens=_count(fields),
        stream=bool(fields.get("stream")),
        tools=tools,
        call=call,
        call_name=call_name,
        json=schema is not None,
        schema=schema,
        thinks=thinks,
        thoughts_hidden=hidden,
        max_tokens=fields.get("max_tokens"),
        stop=tuple(fields.get("stop_sequences") or ()),
    )
    if not counting:
        _check_window(question, asked.listed.get(model))
    return question


def unknown_model(model: str) -> WireError:
    """The refusal of a model that is not listed."""
    return refuse(f"model: {model}", status=404)


def parse(body: bytes) -> dict[str, Any]:
    """The body as a JSON object."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refuse(f"The request body is not valid JSON: {error}") from None
    if not isinstance(fields, dict):
        raise refuse("Input should be a valid dictionary")
    return fields


def _check_values(fields: dict[str, Any]) -> None:
    model = fields["model"]
    if not isinstance(model, str):
        raise refuse("model: Input should be a valid string")
    if not model:
        raise refuse("model: String should have at least 1 character")
    most = fields.get("max_tokens", 1)
    if isinstance(most, bool) or not isinstance(most, int):
        raise refuse("max_tokens: Input should be a valid integer")
    if most < 0:
        raise refuse("max_tokens: Input should be greater than or equal to 0")
    for name in ("temperature", "top_p"):
        value = fields.get(name)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise refuse(f"{name}: Input should be a valid number")
            if not 0 <= value <= 1:
                raise refuse(f"{name}: range: 0..1")
    top_k = fields.get("top_k")
    if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int)):
        raise refuse("top_k: Input should be a valid integer")
    if not isinstance(fields.get("stream", False), bool):
        raise refuse("stream: Input should be a valid boolean")
    stops = fields.get("stop_sequences") or []
    if not isinstance(stops, list):
        raise refuse("stop_sequences: Input should be a valid list")
    for at, stop in enumerate(stops):
        if not isinstance(stop, str):
            raise refuse(f"stop_sequences.{at}: Input should be a valid string")
        if not stop.strip():
            raise refuse("stop_sequences: each stop sequence must contain non-whitespace")
    for name in ("metadata", "output_config", "thinking"):
        if not isinstance(fields.get(name), dict | None):
            raise refuse(f"{name}: Input should be a valid dictionary")
    for name in fields.get("metadata") or {}:
        if name != "user_id":
            raise refuse(f"metadata.{name}: Extra inputs are not permitted")


def _check_breakpoints(fields: dict[str, Any]) -> None:
    found = _breakpoints([fields.get("system"), fields["messages"], fields.get("tools")])
    if found > _MAX_BREAKPOINTS:
        raise refuse(
            f"A maximum of {_MAX_BREAKPOINTS} blocks with cache_control may be provided. "
            f"Found {found}."
        )


def _breakpoints(value: Any) -> int:
    if isinstance(value, list):
        return sum([_breakpoints(each) for each in value])
    if not isinstance(value, dict):
        return 0
    content = value.get("content")
    inside = _breakpoints(content) if isinstance(content, list) else 0
    return inside + (1 if value.get("cache_control") else 0)


def _tools(fields: dict[str, Any]) -> tuple[OfferedTool, ...]:
    tools: list[OfferedTool] = []
    names: set[str] = set()
    given = fields.get("tools") or []
    if not isinstance(given, list):
        raise refuse("tools: Input should be a valid list")
    for at, tool in enumerate(given):
        if not isinstance(tool, dict):
            raise refuse(f"tools.{at}: Input should be a valid dictionary")
        if tool.get("type", "custom") != "custom":
            continue  # run by the provider: never asked of the client
        where = f"tools.{at}.custom"
        name = tool.get("name")
        if not isinstance(name, str):
            raise refuse(f"{where}.name: Field required")
        if not _TOOL_NAME.fullmatch(name):
            raise refuse(f"{where}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        schema = tool.get("input_schema")
        if not isinstance(schema, dict):
            raise refuse(f"{where}.input_schema: Field required")
        if "type" not in schema:
            raise refuse(f"{where}.input_schema.type: Field required")
        if schema["type"] != "object":
            raise refuse(f"{where}.input_schema.type: Input should be 'object'")
        if schema_fault(schema) is not None:
            raise refuse(
                f"{where}.input_schema: JSON schema is invalid. It must match JSON Schema draft "
                f"2020-12 ({schema_fault(schema)})"
            )
        description = tool.get("description") or ""
        if not isinstance(description, str):
            raise refuse(f"{where}.description: Input should be a valid string")
        if name in names:
            raise refuse("tools: Tool names must be unique.")
        names.add(name)
        tools.append(OfferedTool(name=name, description=description, schema=schema))
    return tuple(tools)


def _tool_choice(
    fields: dict[str, Any], tools: tuple[OfferedTool, ...]
) -> tuple[Literal["may", "must", "never"], str | None]:
    choice = fields.get("tool_choice")
    if choice is not None and not fields.get("tools"):
        raise refuse("tool_choice: tool_choice may only be specified while providing tools.")
    match choice:
        case None:
            return ("may" if tools else "never"), None
        case {"type": "auto"}:
            return "may", None
        case {"type": "none"}:
            return "never", None
        case {"type": "any"}:
            return "must", None
        case {"type": "tool", "name": str(name)}:
            if name not in {tool.name for tool in tools}:
                raise refuse(f"Tool '{name}' not found in provided tools")
            return "must", name
        case {"type": "tool"}:
            raise refuse("tool_choice.tool.name: Field required")
        case dict():
            raise refuse(
                f"tool_choice: Input tag '{choice.get('type')}' found using 'type' does not match "
                "any of the expected tags: 'auto', 'any', 'tool', 'none'"
            )
        case _:
            raise refuse("tool_choice: Input should be a valid dictionary")


def _thinking(fields: dict[str, Any], call: str) -> tuple[bool, bool]:
    """Whether thinking is on, and whether its text is to be left out.

    Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking, 2026-11-21.
    """
    thinking = fields.get("thinking")
    if thinking is None:
        return False, False
    kind = str(thinking.get("type"))
    if kind == "disabled":
        return False, False
    if kind not in {"enabled", "adaptive", "between_tools"}:
        raise refuse(
            f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected "
            "tags: 'adaptive', 'between_tools', 'disabled', 'enabled'"
        )
    if kind == "enabled":
        budget = thinking.get("budget_tokens")
        if budget is None:
            raise refuse("thinking.enabled.budget_tokens: Field required")
        if not isinstance(budget, int) or budget < 1024:
            raise refuse(
                "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
            )
        if fields.get("max_tokens") is not None and fields["max_tokens"] <= budget:
            raise refuse("`max_tokens` must be greater than `thinking.budget_tokens`.")
        _check_thought_before_calls(fields["messages"])
    if call == "must" and "max_tokens" in fields:  # counting forgives it
        raise refuse("Thinking may not be enabled when tool_choice forces tool use.")
    if fields.get("temperature") not in {None, 1}:
        raise refuse("`temperature` may only be set to 1 when thinking is enabled.")
    if fields.get("top_k") is not None:
        raise refuse("`top_k` must be unset when thinking is enabled.")
    return True, thinking.get("display") == "omitted"


def _check_thought_before_calls(messages: list[dict[str, Any]]) -> None:
    """In a tool loop the turn that called must begin with the thinking that led to the call."""
    if not last_turn(messages)[0]:
        return
    at = max([i for i, message in enumerate(messages) if message["role"] == "assistant"])
    content = messages[at]["content"]
    first = content[0]["type"] if isinstance(content, list) else "text"
    if first not in {"thinking", "redacted_thinking"}:
        raise refuse(
            f"messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
            f"`{first}`. When `thinking` is enabled, a final `assistant` message must start with a "
            "thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
        )


def _schema(fields: dict[str, Any]) -> dict[str, Any] | None:
    config = fields.get("output_config") or {}
    where, form = "output_config.format", config.get("format")
    if form is None:
        where, form = "output_format", fields.get("output_format")
    if form is None:
        return None
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        raise refuse(f"{where}.type: Input should be 'json_schema'")
    schema = form.get("schema")
    if not isinstance(schema, dict):
        raise refuse(f"{where}.schema: Field required")
    fault = schema_fault(schema)
    if fault is not None:
        raise refuse(f"{where}.schema: {fault}")
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        raise refuse(
            f"{where}.schema: For 'object' type, 'additionalProperties' must be explicitly set to "
            "false"
        )
    return schema


def _count(fields: dict[str, Any]) -> int:
    messages = fields["messages"]
    said = tokens.count_value(messages) + tokens.count_value(fields.get("system"))
    tools = tokens.count_json(fields["tools"]) if fields.get("tools") else 0
    form = (fields.get("output_config") or {}).get("format")
    return 3 + 3 * len(messages) + said + tools + (tokens.count_json(form) if form else 0)


def _check_window(question: Question, listed: ListedModel | None) -> None:
    if listed is None:
        return
    cap, window = listed.max_output_tokens, listed.context_tokens
    asked, sent = question.max_tokens or 0, question.input_tokens
    if cap is not None and asked > cap:
        raise refuse(
            f"max_tokens: {asked} > {cap}, which is the maximum allowed number of output tokens for "
            f"{question.model}"
        )
    if window is not None and sent > window:
        raise refuse(f"prompt is too long: {sent} tokens > {window} maximum")
    if window is not None and sent + asked > window:
        raise refuse(
            f"input length and `max_tokens` exceed context limit: {sent} + {asked} > {window}, "
            "decrease input length or `max_tokens` and try again"
        )
