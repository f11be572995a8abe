"""Checks the contents of Gemini's requests: roles, parts, signatures, and calls with responses.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures,
https://ai.google.dev/gemini-api/docs/function-calling, 2026-11-21.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from modelway.simulator.answer import SIGNATURE_PREFIX, sign
from modelway.simulator.gemini_shapes import Content, FunctionCall, Part
from modelway.simulator.question import refuse

_UNSIGNED = ("gemini-1", "gemini-2", "gemini-pro", "gemini-flash", "gemma")
"""Models that do not insist on signatures."""
_DATA = (
    "text inline_data file_data function_call function_response executable_code "
    "code_execution_result tool_call tool_response"
)


def parts_of(content: Content) -> list[Part]:
    """A content's parts, which may be given as one."""
    return [content.parts] if isinstance(content.parts, Part) else content.parts


def signed(call: str, arguments: Any) -> str:
    """The signature of a call, which must come back with it."""
    return sign(f"{call} {msgspec.json.encode(arguments or {}, order='sorted').decode()}")


def check_contents(contents: list[Content], model: str) -> None:
    """Refuse contents that Google would refuse."""
    if not contents:
        raise refuse("* GenerateContentRequest.contents: contents is not specified\n")
    for at, content in enumerate(contents):
        if content.role not in {None, "user", "model", "function"}:
            raise refuse("Please use a valid role: user, model.")
        parts = parts_of(content)
        if not parts:
            raise refuse(
                f"* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty.\n"
            )
        for number, part in enumerate(parts):
            _check_part(part, f"contents[{at}].parts[{number}]")
        calls = [part for part in parts if part.function_call is not None]
        if calls and at + 1 < len(contents):
            _check_responses(len(calls), contents[at + 1 :])
    if not model.startswith(_UNSIGNED):
        _check_signed(contents)


def last_turn(contents: list[Content]) -> tuple[tuple[str, ...], str]:
    """The function responses in the last content, and the last text that the user said."""
    results = tuple(
        [
            _result(part.function_response.response or {})
            for part in parts_of(contents[-1])
            if part.function_response is not None
        ]
    )
    for content in reversed(contents):
        text = "\n".join([part.text for part in parts_of(content) if part.text])
        if content.role != "model" and text:
            return results, text
    return results, ""


def _result(response: dict[str, Any]) -> str:
    said = response.get("result", response.get("output"))
    return said if isinstance(said, str) else msgspec.json.encode(response).decode()


def _check_part(part: Part, where: str) -> None:
    given = [name for name in _DATA.split() if getattr(part, name) is not None]
    if not given and part.thought_signature is None:
        raise refuse(
            f"* GenerateContentRequest.{where}.data: required oneof field 'data' must have one "
            "initialized field\n"
        )
    if len(given) > 1:
        raise refuse(
            f"Invalid value at '{where}' (oneof), oneof field 'data' is already set. Cannot set "
            f"'{given[1]}'"
        )
    if part.inline_data is not None:
        _check_base64(part.inline_data.data, f"{where}.inline_data.data")
    signature = part.thought_signature
    if signature is None:
        return
    _check_base64(signature, f"{where}.thought_signature")
    call = part.function_call
    ours = signature.startswith(SIGNATURE_PREFIX)
    if ours and call is not None and signature != signed(call.name, call.args):
        raise refuse("Corrupted thought signature.")


def _check_base64(text: str, where: str) -> None:
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        raise refuse(
            f"Invalid value at '{where}' (TYPE_BYTES), Base64 decoding failed for \"{text[:40]}\""
        ) from None


def _check_responses(calls: int, following: list[Content]) -> None:
    """Calls that are responded to at all must all be, before the model speaks again."""
    given = 0
    for content in following:
        if content.role == "model":
            break
        given += len([part for part in parts_of(content) if part.function_response is not None])
    if given not in {0, calls}:
        raise refuse(
            "Please ensure that the number of function response parts is equal to the number of "
            "function call parts of the function call turn."
        )


def _check_signed(contents: list[Content]) -> None:
    """In the current turn the first call of each step must bring its signature."""
    begins = 0
    for at, content in enumerate(contents):
        said = [part for part in parts_of(content) if part.function_response is None]
        if content.role != "model" and said:
            begins = at
    for at, content in enumerate(contents[begins:], begins):
        calls = [
            (number, part)
            for number, part in enumerate(parts_of(content))
            if part.function_call is not None
        ]
        if calls and calls[0][1].thought_signature is None:
            call = calls[0][1].function_call or FunctionCall(name="")
            raise refuse(
                "Function call is missing a thought_signature in functionCall parts. This is "
                "required for tools to work correctly, and missing thought_signature may lead to "
                "degraded model performance. Additional data, function call "
                f"`default_api:{call.name}` , position {at + 1}. Please refer to "
                "https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
            )
