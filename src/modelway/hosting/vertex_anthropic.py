"""Anthropic's Messages API on Vertex AI: the model in the path, the version in the body.

Streams are Anthropic's own, and so are the betas in their header.
Source: https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai and
anthropic-sdk-python, ``lib/vertex``, 2026-11-21.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from modelway.call import Operation, Target
from modelway.dialects.anthropic_messages import faults as anthropic
from modelway.dialects.gemini import faults as google
from modelway.errors import LLMError
from modelway.framing.fields import join, split
from modelway.hosting.steps import place, step
from modelway.ports import Headers, Hosting

VERSION = "vertex-2023-10-16"


class _Status(Struct):
    status: str


class _Refusal(Struct):
    """What only Google's refusals have."""

    error: _Status


_refusal = msgspec.json.Decoder(_Refusal | list[_Refusal])


def path(path: str, operation: Operation, target: Target, stream: bool) -> str:  # noqa: ARG001
    where = f"/projects/{place(target, 'project')}/locations/{place(target, 'location')}"
    if operation == "count_tokens":
        call = "count-tokens:rawPredict"
    else:
        verb = "streamRawPredict" if stream else "rawPredict"
        call = f"{step(target.model, keep='@')}:{verb}"
    return f"{where}/publishers/anthropic/models/{call}"


def body(
    body: bytes,
    operation: Operation,
    target: Target,  # noqa: ARG001 - the port's signature
    stream: bool,  # noqa: ARG001
    headers: Headers,  # noqa: ARG001
) -> bytes:
    """Only counting has the model in its body: its path names none."""
    fields: dict[str, bytes | Raw] = {**split(body)}
    if operation != "count_tokens":
        fields.pop("model", None)
    fields.setdefault("anthropic_version", msgspec.json.encode(VERSION))
    return join(fields)


def has(operation: Operation, target: Target) -> bool:  # noqa: ARG001
    return operation in ("chat", "count_tokens")


def error(status: int, headers: Headers, body: bytes) -> LLMError:
    """Google refuses in its own words what does not get as far as Anthropic's model."""
    try:
        _refusal.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return anthropic.error(status, headers, body)
    return google.error(status, headers, body)


HOSTING = Hosting(path, body, error=error, has=has)
