"""Checks the messages of a Converse request: turns, blocks, signatures, and calls with results.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html, 2026-11-21.
"""

from __future__ import annotations

import msgspec

from modelway.simulator.answer import SIGNATURE_PREFIX, sign
from modelway.simulator.bedrock_shapes import Block, Converse, Message, ToolResult
from modelway.simulator.question import refuse

_ROLES = ("user", "assistant")


def check_messages(request: Converse) -> None:
    """Refuse messages that Bedrock would refuse."""
    messages = request.messages
    if not messages or messages[0].role == "assistant":
        raise refuse(
            "A conversation must start with a user message. Try again with a conversation that "
            "starts with a user message."
        )
    waiting: list[str] = []
    for at, message in enumerate(messages):
        if message.role not in _ROLES:
            raise refuse(
                f"1 validation error detected: Value '{message.role}' at 'messages.{at + 1}.member."
                "role' failed to satisfy constraint: Member must satisfy enum value set: "
                "[user, assistant]"
            )
        if at and messages[at - 1].role == message.role:
            raise refuse(
                "A conversation must alternate between user and assistant roles. Make sure the "
                "conversation alternates between user and assistant roles and try again."
            )
        if not message.content:
            raise refuse(
                f"The content field in the Message object at messages.{at} is empty. Add a "
                "ContentBlock object to the content field and try again."
            )
        for number, block in enumerate(message.content):
            _check_block(block, f"messages.{at}.content.{number}")
        _check_results(message, waiting, at)
        waiting = [
            block.tool_use.tool_use_id
            for block in message.content
            if block.tool_use is not None and block.tool_use.type != "server_tool_use"
        ]
    if waiting:
        _check_results(Message(role="user", content=[]), waiting, len(messages))
    used = any(block.tool_use or block.tool_result for each in messages for block in each.content)
    if used and request.tool_config is None:
        raise refuse(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )


def last_turn(messages: list[Message]) -> tuple[tuple[str, ...], str]:
    """The tool results in the last message, and the last text that the user said."""
    last = [block.tool_result for block in messages[-1].content]
    results = tuple([_result(each) for each in last if each is not None])
    for message in reversed(messages):
        text = "\n".join([block.text for block in message.content if block.text])
        if message.role == "user" and text:
            return results, text
    return results, ""


def _result(result: ToolResult) -> str:
    said = [
        block.text if block.text is not None else msgspec.json.encode(block.json).decode()
        for block in result.content
    ]
    return "\n".join(said)


def _check_block(block: Block, where: str) -> None:
    given = [name for name in block.__struct_fields__ if getattr(block, name) is not None]
    if len(given) != 1:
        raise refuse(
            f"The ContentBlock object at {where} must set one of the following keys: text, image, "
            "toolUse, toolResult, document, video, cachePoint, reasoningContent."
        )
    if block.text is not None and not block.text.strip():
        raise refuse(
            f"The text field in the ContentBlock object at {where} is blank. Add text to the text "
            "field, and try again."
        )
    if block.tool_use is not None and not isinstance(block.tool_use.input, dict):
        raise refuse(
            f"The format of the value at {where}.toolUse.input is invalid. Provide a json object for "
            "the field and try again."
        )
    reasoning = None if block.reasoning_content is None else block.reasoning_content.reasoning_text
    if reasoning is not None:
        signature = reasoning.signature or ""
        ours = signature.startswith(SIGNATURE_PREFIX)
        if not signature or (ours and reasoning.text and signature != sign(reasoning.text)):
            raise refuse(
                "The model returned the following errors: "
                f"{where}: Invalid `signature` in `thinking` block"
            )


def _check_results(message: Message, waiting: list[str], at: int) -> None:
    results = [block.tool_result for block in message.content if message.role == "user"]
    given = [result.tool_use_id for result in results if result is not None]
    missing = [call_id for call_id in waiting if call_id not in given]
    if missing:
        raise refuse(
            f"Expected toolResult blocks at messages.{at}.content for the following Ids: "
            f"{', '.join(missing)}"
        )
    if len(given) > len(waiting):
        raise refuse(
            f"The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse "
            "blocks of previous turn."
        )
