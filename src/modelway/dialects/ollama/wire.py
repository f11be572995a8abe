"""The parts of Ollama's API that we read; fields that are not here are ignored or kept raw.

Source: https://docs.ollama.com/openapi.yaml (0.1.0), with ids of calls, ``tool_call_id`` and
``prompt_eval_cached_count`` as its server has them (``api/types.go``); 2026-11-21.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from modelway.errors import BadRequestError, ResponseError
from modelway.types import JSON

NAME = "ollama"
STREAM_TYPE = b"application/x-ndjson"

T = TypeVar("T")
Buffer: TypeAlias = bytes | Raw


# ---------------------------------------------------------------- the request


class Function(Struct, frozen=True):
    name: str
    arguments: Raw = Raw(b"{}")


class Call(Struct, frozen=True):
    function: Function
    id: str = ""


class InputMessage(Struct, frozen=True):
    role: str
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[Call] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class ToolFunction(Struct, frozen=True, forbid_unknown_fields=True):
    """Unknown fields are refused, so that a tool which says more is kept whole."""

    name: str
    description: str | None = None
    parameters: JSON | None = None


class InputTool(Struct, frozen=True, forbid_unknown_fields=True):
    function: ToolFunction
    type: str | None = None


# ---------------------------------------------------------------- the answer, whole or one line of it


class Candidate(Struct, frozen=True):
    token: str
    logprob: float
    bytes: list[int] | None = None


class Logprob(Candidate, frozen=True):
    top_logprobs: list[Candidate] | None = None


class Said(Struct, frozen=True):
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[Call] | None = None


class Answer(Struct, frozen=True):
    """A chat's answer has a ``message``; a completion's has ``response`` and ``thinking`` instead."""

    model: str = ""
    created_at: str = ""
    message: Said | None = None
    response: str | None = None
    thinking: str | None = None
    logprobs: list[Logprob] | None = None
    done: bool = False
    done_reason: str | None = None
    error: Any = None
    status: Any = None

    @property
    def said(self) -> Said | None:
        """What it says, in whichever form; None where it is no answer."""
        if self.message is not None:
            return self.message
        if self.response is None and self.thinking is None:
            return None
        return Said(content=self.response, thinking=self.thinking)


# ---------------------------------------------------------------- reading

ANY = Decoder()
BOOLEAN = Decoder(bool | None)
JSON_OBJECT = Decoder(JSON)
RAW_OBJECT = Decoder(dict[str, Raw])
STRING = Decoder(str)
STRINGS = Decoder(list[str])

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding may raise. Strings are decoded late, so bad UTF-8 is found late."""

_AT = re.compile(r" - at `\$(.*)`$")
_INDEX = re.compile(r"\[(\d+|\.\.\.)\]")


def is_null(raw: Raw) -> bool:
    return bytes(memoryview(raw)[:4]) == b"null"


def read(decoder: Decoder[T], raw: Buffer, at: str) -> T:
    """A client's value; BadRequestError names the path of the fault, which begins with ``at``."""
    try:
        return decoder.decode(raw)
    except RecursionError:
        raise BadRequestError("the value is nested too deeply", param=at) from None
    except UNREADABLE as error:
        message, path = _split(str(error))
        raise BadRequestError(message, param=(at + path).lstrip(".")) from None


def maybe(decoder: Decoder[T], raw: Buffer) -> T | None:
    """The value where it has this form."""
    try:
        return decoder.decode(raw)
    except UNREADABLE:
        return None


def read_answer(decoder: Decoder[T], data: bytes, what: str) -> T:
    """A provider's value; ResponseError where it does not have the promised form.

    Calls' arguments are kept as bytes, so broken UTF-8 is mended before they are.
    """
    try:
        if not data.isascii():
            data.decode()
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _unreadable(what, error) from None
    except UNREADABLE as error:
        cause = error
    try:
        mended = json.loads(data.decode("utf-8", "replace"))
        return decoder.decode(json.dumps(mended, ensure_ascii=False).encode("utf-8", "replace"))
    except (*UNREADABLE, ValueError):
        raise _unreadable(what, cause) from None


def _unreadable(what: str, error: Exception) -> ResponseError:
    message, path = _split(str(error))
    where = f" at {path.lstrip('.')}" if path else ""
    return ResponseError(f"{what} of the provider cannot be read: {message}{where}")


def _split(text: str) -> tuple[str, str]:
    """A message of msgspec, ``… - at `$.a[0]` ``, → its text and ``.a.0``."""
    match = _AT.search(text)
    if match is None:
        return text, ""
    return text[: match.start()], _INDEX.sub(r".\1", match[1])
