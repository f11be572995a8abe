"""Reads and checks a Responses request as OpenAI does, written from its documentation.

Source: https://platform.openai.com/docs/api-reference/responses/create, 2026-11-21; the wording and
the codes of refusals are those of recorded answers.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from modelway.simulator import tokens
from modelway.simulator.openai_read import check_names, check_numbers, parse
from modelway.simulator.openai_refusals import missing, not_one_of, wrong_type
from modelway.simulator.openai_tools import TOOL_NAME, check_schema
from modelway.simulator.question import Asked, OfferedTool, Question, WireError, refuse
from modelway.simulator.responses_items import check_calls, last_turn, read_items
from modelway.simulator.script import ListedModel

_DOCUMENTED = (
    "background client_metadata context_management conversation include input instructions max_output_tokens "
    "max_tool_calls metadata model moderation parallel_tool_calls previous_response_id prompt "
    "prompt_cache_key prompt_cache_options prompt_cache_retention reasoning safety_identifier "
    "service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p "
    "truncation user"
)
"""``client_metadata`` is what Codex 0.169.0 sends OpenAI with every turn, seen 2026-11-21."""
_FIELDS = frozenset(_DOCUMENTED.split())
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
_HOSTED_NAMES = (
    "file_search web_search web_search_preview web_search_2025_08_26 computer_use_preview mcp "
    "code_interpreter image_generation local_shell shell apply_patch custom tool_search "
    "namespace"
)
_HOSTED = tuple(_HOSTED_NAMES.split())
_INCLUDED = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)


def read(asked: Asked) -> Question:
    """The question in a request's body; WireError for what OpenAI would refuse."""
    fields = parse(asked.body)
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise missing("model")
    if asked.script.only_listed_models and model not in asked.listed:
        raise unknown_model(model)
    check_names(asked, fields, _FIELDS)
    check_numbers(fields)
    for name in ("reasoning", "text", "metadata", "stream_options"):
        if not isinstance(fields.get(name), dict | None):
            raise wrong_type(name, "an object", fields[name])
    included = fields.get("include") or []
    for at, each in enumerate(included if isinstance(included, list) else [included]):
        if each not in _INCLUDED:
            raise not_one_of(f"include[{at}]", each, _INCLUDED)
    if fields.get("input") is None and not fields.get("prompt"):
        raise missing("input")
    items = [*_before(asked, fields), *read_items(fields.get("input") or [], asked.shelf)]
    check_calls(items)
    tools = _tools(fields)
    call, call_name = _tool_choice(fields, tools)
    schema, any_json = _format(fields, items)
    results, text = last_turn(items)
    reasoning = fields.get("reasoning") or {}
    effort = reasoning.get("effort")
    if effort is not None and effort not in _EFFORTS:
        raise not_one_of("reasoning.effort", effort, _EFFORTS)
    question = Question(
        dialect="responses",
        model=model,
        text=text,
        results=results,
        input_tokens=_count(fields, items),
        stream=bool(fields.get("stream")),
        tools=tools,
        call=call,
        call_name=call_name,
        json=any_json,
        schema=schema,
        thinks=effort not in {None, "none"},
        thoughts_hidden=not (reasoning.get("summary") or reasoning.get("generate_summary")),
        max_tokens=fields.get("max_output_tokens"),
        told={**fields, "include": included, "input": items},
    )
    _check_window(question, asked.listed.get(model))
    return question


def unknown_model(model: str) -> WireError:
    """The refusal of a model that is not listed."""
    return refuse(
        f"The requested model '{model}' does not exist.", param="model", code="model_not_found"
    )


def _before(asked: Asked, fields: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of the response that this one continues, and of those before it."""
    name = fields.get("previous_response_id")
    if name is None:
        return []
    kept = asked.shelf.get(f"response {name}")
    if kept is None:
        raise refuse(
            f"Previous response with id '{name}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    items: list[dict[str, Any]] = kept["items"]
    return items


def _tools(fields: dict[str, Any]) -> tuple[OfferedTool, ...]:
    tools: list[OfferedTool] = []
    given = fields.get("tools") or []
    if not isinstance(given, list):
        raise wrong_type("tools", "an array of objects", given)
    for at, tool in enumerate(given):
        where = f"tools[{at}]"
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind is None:
            raise missing(f"{where}.type")
        if kind in _HOSTED:
            continue  # run by the provider, or of free form: never called
        if kind != "function":
            raise not_one_of(f"{where}.type", kind, ("function", *_HOSTED))
        name, description = tool.get("name"), tool.get("description") or ""
        if not isinstance(name, str):
            raise missing(f"{where}.name")
        if not isinstance(description, str):
            raise wrong_type(f"{where}.description", "a string", description)
        if not TOOL_NAME.fullmatch(name):
            raise refuse(
                f"Invalid '{where}.name': string does not match pattern. Expected a string that "
                "matches the pattern '^[a-zA-Z0-9_-]+$'.",
                param=f"{where}.name",
                code="invalid_value",
            )
        schema = tool.get("parameters") or {"type": "object", "properties": {}}
        strict = tool.get("strict") is True
        check_schema(schema, f"function '{name}'", f"{where}.parameters", strict=strict)
        tools.append(OfferedTool(name=name, description=description, schema=schema))
    return tuple(tools)


def _tool_choice(
    fields: dict[str, Any], tools: tuple[OfferedTool, ...]
) -> tuple[Literal["may", "must", "never"], str | None]:
    choice = fields.get("tool_choice")
    match choice:
        case None | "auto" | {"type": "allowed_tools", "mode": "auto"}:
            return ("may" if tools else "never"), None
        case "none":
            return "never", None
        case "required" | {"type": "allowed_tools", "mode": "required"}:
            return "must", None
        case {"type": "function", "name": str(name)}:
            if name not in {tool.name for tool in tools}:
                raise refuse(
                    f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice"
                )
            return "must", name
        case {"type": "function"}:
            raise missing("tool_choice.name")
        case {"type": str(kind)} if kind in _HOSTED:
            return "may", None
        case _:
            raise not_one_of("tool_choice", choice, ("none", "auto", "required"))


def _format(
    fields: dict[str, Any], items: list[dict[str, Any]]
) -> tuple[dict[str, Any] | None, bool]:
    """The schema of the answer where there is one, and whether it is JSON at all."""
    given = (fields.get("text") or {}).get("format")
    match given:
        case None | {"type": "text"}:
            return None, False
        case {"type": "json_object"}:
            if b"json" not in msgspec.json.encode(items).lower():
                raise refuse(
                    "Response input messages must contain the word 'json' in some form to use "
                    "'text.format' of type 'json_object'.",
                    param="input",
                )
            return None, True
        case {"type": "json_schema"}:
            for name in ("name", "schema"):
                if name not in given:
                    raise missing(f"text.format.{name}")
            what = f"response_format '{given['name']}'"
            strict = given.get("strict") is True
            check_schema(given["schema"], what, "text.format.schema", strict=strict)
            return given["schema"], True
        case _:
            kind = given.get("type") if isinstance(given, dict) else given
            raise not_one_of("text.format.type", kind, ("json_object", "json_schema", "text"))


def _count(fields: dict[str, Any], items: list[dict[str, Any]]) -> int:
    said = tokens.count_value(items) + tokens.count_value(fields.get("instructions"))
    extra = [fields[name] for name in ("tools", "text") if fields.get(name)]
    return 3 + 3 * len(items) + said + sum(map(tokens.count_json, extra))


def _check_window(question: Question, listed: ListedModel | None) -> None:
    window = None if listed is None else listed.context_tokens
    if window is not None and question.input_tokens + (question.max_tokens or 0) > window:
        raise refuse(
            "Your input exceeds the context window of this model. Please adjust your input and try "
            "again.",
            param="input",
            code="context_length_exceeded",
        )
