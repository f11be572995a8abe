"""Checks the messages of a Chat Completions request: roles, parts, and calls with their results.

Source: https://platform.openai.com/docs/api-reference/chat/create, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

from modelway.simulator.openai_refusals import missing, not_one_of, wrong_type
from modelway.simulator.question import WireError, refuse

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_PARTS = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
    "tool": ("text",),
    "system": ("text",),
    "developer": ("text",),
    "function": ("text",),
}


def check_messages(fields: dict[str, Any]) -> None:
    """Refuse messages that OpenAI would refuse."""
    messages = fields.get("messages")
    if messages is None:
        raise missing("messages")
    if not isinstance(messages, list):
        raise wrong_type("messages", "an array of objects", messages)
    if not messages:
        raise refuse(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            param="messages",
            code="empty_array",
        )
    waiting: list[str] = []
    """Ids of calls whose results must come next."""
    after_calls = False
    for at, message in enumerate(messages):
        where = f"messages[{at}]"
        if not isinstance(message, dict) or "role" not in message:
            raise missing(f"{where}.role")
        role = message["role"]
        if role not in _ROLES:
            raise not_one_of(f"{where}.role", role, _ROLES)
        if role == "tool":
            call_id = _call_id(message, where)
            if not after_calls:
                raise refuse(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
                    "message with 'tool_calls'.",
                    param=f"messages.[{at}].role",
                )
            if call_id in waiting:
                waiting.remove(call_id)
        elif waiting:
            raise _unanswered(waiting)
        else:
            waiting = _calls(message, where) if role == "assistant" else []
            after_calls = bool(waiting)
        _check_content(message, role, at)
    if waiting:
        raise _unanswered(waiting)


def last_turn(messages: list[dict[str, Any]]) -> tuple[tuple[str, ...], str]:
    """The tool results at the end, if that is how it ends, and the last user turn's text."""
    results: list[str] = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        results.insert(0, _text(message.get("content")))
    for message in reversed(messages):
        if message["role"] == "user":
            return tuple(results), _text(message.get("content"))
    return tuple(results), _text(messages[-1].get("content"))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join([part["text"] for part in parts if part.get("type") == "text"])


def _call_id(message: dict[str, Any], where: str) -> str:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str):
        raise missing(f"{where}.tool_call_id")
    return call_id


def _calls(message: dict[str, Any], where: str) -> list[str]:
    ids: list[str] = []
    given = message.get("tool_calls") or []
    if not isinstance(given, list):
        raise wrong_type(f"{where}.tool_calls", "an array of objects", given)
    for at, call in enumerate(given):
        path = f"{where}.tool_calls[{at}]"
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise missing(f"{path}.function")
        for holder, name, said in ((call, "id", "id"), (call, "type", "type")):
            if not isinstance(holder.get(name), str):
                raise missing(f"{path}.{said}")
        for name in ("name", "arguments"):
            if name not in function:
                raise missing(f"{path}.function.{name}")
            if not isinstance(function[name], str):
                raise wrong_type(f"{path}.function.{name}", "a string", function[name])
        ids.append(call["id"])
    return ids


def _check_content(message: dict[str, Any], role: str, at: int) -> None:
    content = message.get("content")
    where = f"messages[{at}]"
    if content is None:
        spoke = message.get("tool_calls") or message.get("refusal") or message.get("audio")
        if role == "assistant" and spoke:
            return
        raise refuse(
            "Invalid value for 'content': expected a string, got null.",
            param=f"messages.[{at}].content",
        )
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise wrong_type(f"{where}.content", "one of a string or array of objects", content)
    for number, part in enumerate(content):
        path = f"{where}.content[{number}]"
        if not isinstance(part, dict) or "type" not in part:
            raise missing(f"{path}.type")
        kind = part["type"]
        if kind not in _PARTS[role]:
            raise not_one_of(f"{path}.type", kind, _PARTS[role])
        _check_part(part, kind, path)


def _check_part(part: dict[str, Any], kind: str, path: str) -> None:
    if kind not in part:
        raise missing(f"{path}.{kind}")
    inner = part[kind]
    if kind in {"text", "refusal"}:
        if not isinstance(inner, str):
            raise wrong_type(f"{path}.{kind}", "a string", inner)
        return
    if not isinstance(inner, dict):
        raise missing(f"{path}.{kind}")
    if kind == "image_url":
        url = inner.get("url")
        if not isinstance(url, str) or not url.startswith(("http://", "https://", "data:image/")):
            raise refuse(
                f"Invalid '{path}.image_url.url'. Expected a valid URL, but got a value with an "
                "invalid format.",
                param=f"{path}.image_url.url",
                code="invalid_value",
            )
    if kind == "input_audio":
        for name in ("data", "format"):
            if not isinstance(inner.get(name), str):
                raise missing(f"{path}.input_audio.{name}")


def _unanswered(waiting: list[str]) -> WireError:
    return refuse(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        "'tool_call_id'. The following tool_call_ids did not have response messages: "
        + ", ".join(waiting),
        param="messages",
    )
