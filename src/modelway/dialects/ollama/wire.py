"""The parts of Ollama's API that we read; fields that are not here are ignored or kept raw.

Source: https://docs.ollama.com/openapi.yaml (0.1.0), with ids of calls, ``tool_call_id`` and
``prompt_eval_cached_count`` as its server has them (``api/types.go``); 2026-11-21.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from modelway.dialects.reading import UNREADABLE, unreadable
from modelway.types import JSON

NAME = "ollama"
STREAM_TYPE = b"application/x-ndjson"

T = TypeVar("T")


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


def is_null(raw: Raw) -> bool:
    return bytes(memoryview(raw)[:4]) == b"null"


def read_answer(decoder: Decoder[T], data: bytes, what: str) -> T:
    """A provider's value; ResponseError where it does not have the promised form.

    Calls' arguments are kept as bytes, so broken UTF-8 is mended before they are.
    """
    try:
        if not data.isascii():
            data.decode()
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise unreadable(what, error) from None
    except UNREADABLE as error:
        cause = error
    try:
        mended = json.loads(data.decode("utf-8", "replace"))
        return decoder.decode(json.dumps(mended, ensure_ascii=False).encode("utf-8", "replace"))
    except (*UNREADABLE, ValueError):
        raise unreadable(what, cause) from None
