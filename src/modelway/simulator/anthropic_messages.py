"""Checks the messages of a Messages request: roles, blocks, signatures, and calls with results.

Source: https://platform.claude.com/docs/en/api/messages and
https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use, 2026-11-21.
"""

from __future__ import annotations

from typing import Any

from modelway.simulator.answer import SIGNATURE_PREFIX, sign
from modelway.simulator.question import refuse

_FIELDS: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "image": ("source",),
    "document": ("source",),
    "search_result": ("source", "title", "content"),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
    "tool_use": ("id", "name", "input"),
    "tool_result": ("tool_use_id",),
    "server_tool_use": ("id", "name", "input"),
    "web_search_tool_result": ("tool_use_id", "content"),
    "web_fetch_tool_result": ("tool_use_id", "content"),
    "code_execution_tool_result": ("tool_use_id", "content"),
    "bash_code_execution_tool_result": ("tool_use_id", "content"),
    "text_editor_code_execution_tool_result": ("tool_use_id", "content"),
    "tool_search_tool_result": ("tool_use_id", "content"),
    "container_upload": ("file_id",),
}
"""Block type → the fields it must have."""
_ONLY_OF = {
    "tool_use": "assistant",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "tool_result": "user",
    "image": "user",
    "document": "user",
}
_SOURCES = {
    "base64": ("media_type", "data"),
    "url": ("url",),
    "text": ("media_type", "data"),
    "content": ("content",),
    "file": ("file_id",),
}


def check_messages(fields: dict[str, Any]) -> None:
    """Refuse messages that Anthropic would refuse."""
    _check_system(fields.get("system"))
    messages = fields["messages"]
    if not isinstance(messages, list):
        raise refuse("messages: Input should be a valid list")
    if not messages:
        raise refuse("messages: at least one message is required")
    waiting: list[str] = []
    """Ids of calls whose results must be in the next message."""
    for at, message in enumerate(messages):
        role = _role(message, at)
        blocks = _blocks(message, role, at, last=at == len(messages) - 1)
        given = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        for number, call_id in enumerate(given):
            if call_id not in waiting:
                raise refuse(
                    f"messages.{at}.content.{number}: unexpected `tool_use_id` found in "
                    f"`tool_result` blocks: {call_id}. Each `tool_result` block must have a "
                    "corresponding `tool_use` block in the previous message."
                )
            if call_id in given[:number]:
                raise refuse(
                    f"messages.{at}.content.{number}: each tool_use must have a single result. Found "
                    f"multiple `tool_result` blocks with id: {call_id}"
                )
        _check_answered(waiting, given, at)
        waiting = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if len(set(waiting)) != len(waiting):
            raise refuse(f"messages.{at}: `tool_use` ids must be unique")
    _check_answered(waiting, [], len(messages))


def last_turn(messages: list[dict[str, Any]]) -> tuple[tuple[str, ...], str]:
    """The tool results in the last message, if there are, and the last user turn's text."""
    results: tuple[str, ...] = ()
    content = messages[-1]["content"]
    if isinstance(content, list):
        found = [block for block in content if block["type"] == "tool_result"]
        results = tuple([_text(block.get("content")) for block in found])
    for message in reversed(messages):
        if message["role"] == "user":
            text = _text(message["content"])
            if text:
                return results, text
    return results, ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join([block["text"] for block in blocks if block.get("type") == "text"])


def _check_system(system: Any) -> None:
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        raise refuse("system: Input should be a valid string or list")
    for at, block in enumerate(system):
        kind = block.get("type") if isinstance(block, dict) else None
        if kind != "text":
            raise refuse(f"system.{at}.type: Input should be 'text'")
        if not isinstance(block.get("text"), str):
            raise refuse(f"system.{at}.text: Field required")
        if not block["text"].strip():
            raise refuse("system: text content blocks must contain non-whitespace text")


def _check_answered(waiting: list[str], given: list[str], at: int) -> None:
    missing = [call_id for call_id in waiting if call_id not in given]
    if missing:
        raise refuse(
            f"messages.{at - 1}: `tool_use` ids were found without `tool_result` blocks immediately "
            f"after: {', '.join(missing)}. Each `tool_use` block must have a corresponding "
            "`tool_result` block in the next message."
        )


def _role(message: Any, at: int) -> str:
    if not isinstance(message, dict):
        raise refuse(f"messages.{at}: Input should be a valid dictionary")
    role = str(message.get("role"))
    if role == "system" and at == 0:
        raise refuse(
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` '
            'parameter, not "system" as an input message role.'
        )
    if role not in {"user", "assistant", "system"}:
        raise refuse(f"messages.{at}.role: Input should be 'user', 'assistant' or 'system'")
    if "content" not in message:
        raise refuse(f"messages.{at}.content: Field required")
    for name in message:
        if name not in {"role", "content"}:
            raise refuse(f"messages.{at}.{name}: Extra inputs are not permitted")
    return role


def _blocks(message: dict[str, Any], role: str, at: int, *, last: bool) -> list[dict[str, Any]]:
    content = message["content"]
    if not content and not (last and role == "assistant"):
        raise refuse(
            f"messages.{at}: all messages must have non-empty content except for the optional final "
            "assistant message"
        )
    if isinstance(content, str):
        blocks = [{"type": "text", "text": content}] if content else []
    elif isinstance(content, list):
        blocks = content
        for number, block in enumerate(blocks):
            _check_block(block, role, f"messages.{at}.content.{number}")
    else:
        raise refuse(f"messages.{at}.content: Input should be a valid string or list")
    if last and role == "assistant" and blocks:
        text = blocks[-1].get("text")
        if isinstance(text, str) and text != text.rstrip():
            raise refuse("messages: final assistant content cannot end with trailing whitespace")
    return blocks


def _check_block(block: Any, role: str, where: str) -> None:
    if not isinstance(block, dict) or "type" not in block:
        raise refuse(f"{where}.type: Field required")
    kind = str(block["type"])
    if kind not in _FIELDS:
        tags = ", ".join([f"'{each}'" for each in sorted(_FIELDS)])
        raise refuse(
            f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected "
            f"tags: {tags}"
        )
    for name in _FIELDS[kind]:
        if name not in block:
            raise refuse(f"{where}.{kind}.{name}: Field required")
    if _ONLY_OF.get(kind, role) != role:
        raise refuse(f"{where}: `{kind}` blocks can only be in `{_ONLY_OF[kind]}` messages")
    match kind:
        case "text":
            if not isinstance(block["text"], str):
                raise refuse(f"{where}.text.text: Input should be a valid string")
            if not block["text"]:
                raise refuse("messages: text content blocks must be non-empty")
        case "tool_use":
            if not isinstance(block["id"], str) or not isinstance(block["name"], str):
                raise refuse(f"{where}.tool_use.id: Input should be a valid string")
            if not isinstance(block["input"], dict):
                raise refuse(f"{where}.tool_use.input: Input should be a valid dictionary")
        case "thinking":
            _check_thinking(block, where)
        case "image" | "document":
            _check_source(block["source"], f"{where}.{kind}.source")
        case "tool_result":
            if not isinstance(block["tool_use_id"], str):
                raise refuse(f"{where}.tool_result.tool_use_id: Input should be a valid string")
            _check_result(block.get("content"), where)
        case _:
            pass  # the rest is made by the provider and only passed back


def _check_thinking(block: dict[str, Any], where: str) -> None:
    """A signature must be one that was given, and for this text where the text was shown."""
    text, signature = block["thinking"], block["signature"]
    if not isinstance(text, str):
        raise refuse(f"{where}.thinking.thinking: Input should be a valid string")
    ours = isinstance(signature, str) and signature.startswith(SIGNATURE_PREFIX)
    if not signature or (ours and text and signature != sign(text)):
        raise refuse(f"{where}: Invalid `signature` in `thinking` block")


def _check_source(source: Any, where: str) -> None:
    kind = str(source.get("type") if isinstance(source, dict) else None)
    if kind not in _SOURCES:
        raise refuse(
            f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected "
            "tags: 'base64', 'url', 'file'"
        )
    for name in _SOURCES[kind]:
        if name not in source:
            raise refuse(f"{where}.{kind}.{name}: Field required")
    if kind == "base64" and str(source["data"]).startswith("data:"):
        raise refuse(f"{where}.base64.data: Input should be base64 without a `data:` prefix")


def _check_result(content: Any, where: str) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise refuse(f"{where}.tool_result.content: Input should be a valid string or list")
    for at, block in enumerate(content):
        kind = str(block.get("type") if isinstance(block, dict) else None)
        if kind not in {"text", "image", "document", "search_result", "tool_reference"}:
            raise refuse(
                f"{where}.tool_result.content.{at}: Input tag '{kind}' found using 'type' does not "
                "match any of the expected tags: 'document', 'image', 'search_result', 'text', "
                "'tool_reference'"
            )
        if kind == "text" and not isinstance(block.get("text"), str):
            raise refuse(f"{where}.tool_result.content.{at}.text.text: Field required")
        if kind == "text" and not block["text"]:
            raise refuse(f"{where}.tool_result: text content blocks must be non-empty")
