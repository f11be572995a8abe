"""Checks the input of a Responses request: its items, and calls with their outputs.

Source: https://platform.openai.com/docs/api-reference/responses/create, 2026-11-21; the wording of
refusals is that of recorded answers.
"""

from __future__ import annotations

import base64
from typing import Any

from modelway.simulator.answer import SIGNATURE_PREFIX, sign
from modelway.simulator.openai_refusals import missing, not_one_of, wrong_type
from modelway.simulator.question import refuse
from modelway.simulator.shelf import Shelf

_REQUIRED: dict[str, tuple[str, ...]] = {
    "message": ("role", "content"),
    "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("call_id", "output"),
    "reasoning": ("summary",),
    "item_reference": ("id",),
}
_HOSTED_NAMES = (
    "file_search_call computer_call computer_call_output web_search_call image_generation_call "
    "code_interpreter_call local_shell_call local_shell_call_output shell_call "
    "shell_call_output apply_patch_call apply_patch_call_output mcp_list_tools "
    "mcp_approval_request mcp_approval_response mcp_call custom_tool_call "
    "custom_tool_call_output compaction"
)
_HOSTED = tuple(_HOSTED_NAMES.split())
_TYPES = (*_REQUIRED, *_HOSTED)
_ROLES = ("assistant", "system", "developer", "user")
_PARTS = {
    "input_text": ("text",),
    "input_image": (),
    "input_file": (),
    "output_text": ("text",),
    "refusal": ("refusal",),
}


def read_items(given: Any, shelf: Shelf) -> list[dict[str, Any]]:
    """The input as items, checked, references resolved."""
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    if not isinstance(given, list):
        raise wrong_type("input", "one of a string or array of objects", given)
    return [_item(item, f"input[{at}]", shelf) for at, item in enumerate(given)]


def check_calls(items: list[dict[str, Any]]) -> None:
    """Refuse an output without its call, and a call without its output."""
    called = [item["call_id"] for item in items if item["type"] == "function_call"]
    given = [item["call_id"] for item in items if item["type"] == "function_call_output"]
    for call_id in given:
        if call_id not in called:
            raise refuse(
                f"No tool call found for function call output with call_id {call_id}.",
                param="input",
            )
    for call_id in called:
        if call_id not in given:
            raise refuse(f"No tool output found for function call {call_id}.", param="input")


def last_turn(items: list[dict[str, Any]]) -> tuple[tuple[str, ...], str]:
    """The tool outputs at the end, if that is how it ends, and the last user message's text."""
    results: list[str] = []
    for item in reversed(items):
        if item["type"] != "function_call_output":
            break
        results.insert(0, _text(item["output"]))
    for item in reversed(items):
        if item["type"] == "message" and item["role"] == "user":
            return tuple(results), _text(item["content"])
    return tuple(results), ""


def encrypted(thought: str) -> str:
    """A thought as state to be passed back, which only we can read."""
    return sign(thought) + base64.urlsafe_b64encode(thought.encode()).decode()


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join([part["text"] for part in parts if isinstance(part.get("text"), str)])


def _item(item: Any, where: str, shelf: Shelf) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise wrong_type(where, "an object", item)
    kind = item.get("type") or ("message" if "role" in item else None)
    if kind is None:
        raise missing(f"{where}.type")
    if kind not in _TYPES:
        raise not_one_of(where, kind, _TYPES)
    for name in _REQUIRED.get(kind, ()):
        if name not in item:
            raise missing(f"{where}.{name}")
    match kind:
        case "item_reference":
            return _referred(item["id"], shelf)
        case "message":
            _check_message(item, where)
        case "function_call":
            for name in ("call_id", "name", "arguments"):
                if not isinstance(item[name], str):
                    raise wrong_type(f"{where}.{name}", "a string", item[name])
        case "function_call_output":
            if not isinstance(item["call_id"], str):
                raise wrong_type(f"{where}.call_id", "a string", item["call_id"])
            _check_parts(item["output"], f"{where}.output")
        case "reasoning":
            _check_reasoning(item, where, shelf)
        case _:
            pass  # the rest is made by the provider and only passed back
    return {**item, "type": kind}


def _referred(name: Any, shelf: Shelf) -> dict[str, Any]:
    found: dict[str, Any] | None = shelf.get(f"item {name}")
    if found is None:
        raise refuse(f"Item with id '{name}' not found.", status=404, param="input")
    return found


def _check_message(item: dict[str, Any], where: str) -> None:
    if item["role"] not in _ROLES:
        raise not_one_of(f"{where}.role", item["role"], _ROLES)
    _check_parts(item["content"], f"{where}.content")
    if isinstance(item["content"], list):
        of_model = item["role"] == "assistant"
        allowed = [name for name in _PARTS if name.startswith("input") is not of_model]
        for at, part in enumerate(item["content"]):
            if part["type"] not in allowed:
                raise not_one_of(f"{where}.content[{at}]", part["type"], allowed)


def _check_parts(content: Any, where: str) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise wrong_type(where, "one of an array of objects or string", content)
    for at, part in enumerate(content):
        if not isinstance(part, dict) or "type" not in part:
            raise missing(f"{where}[{at}].type")
        kind = part["type"]
        if kind not in tuple(_PARTS):  # it may be a list, which no dict can be asked for
            raise not_one_of(f"{where}[{at}].type", kind, tuple(_PARTS))
        for name in _PARTS[kind]:
            if not isinstance(part.get(name), str):
                raise missing(f"{where}[{at}].{name}")
        if kind == "input_image" and not (part.get("image_url") or part.get("file_id")):
            raise missing(f"{where}[{at}].image_url")
        if kind == "input_image" and not isinstance(part.get("image_url"), str | None):
            raise wrong_type(f"{where}[{at}].image_url", "a string", part["image_url"])


def _check_reasoning(item: dict[str, Any], where: str, shelf: Shelf) -> None:
    """State that is ours must come back whole; without it the item must be one that we keep."""
    if not isinstance(item["summary"], list):
        raise wrong_type(f"{where}.summary", "an array of objects", item["summary"])
    state, name = item.get("encrypted_content"), item.get("id")
    if state is None:
        if isinstance(name, str) and shelf.get(f"item {name}") is None:
            raise refuse(
                f"Item with id '{name}' not found. Items are not persisted when `store` is set to "
                "false. Try again with `store` set to true, or remove this item from your input.",
                status=404,
                param="input",
            )
        return
    if not isinstance(state, str):
        raise wrong_type(f"{where}.encrypted_content", "a string", state)
    if not state.startswith(SIGNATURE_PREFIX):
        return
    try:
        thought = base64.urlsafe_b64decode(state[len(SIGNATURE_PREFIX) + 8 :]).decode()
    except ValueError:
        thought = None
    if thought is None or encrypted(thought) != state:
        raise refuse(
            f"The encrypted content for item {name} could not be verified. Reason: Encrypted content "
            "could not be decrypted or parsed.",
            code="invalid_encrypted_content",
        )
