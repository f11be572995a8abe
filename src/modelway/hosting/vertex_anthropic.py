"""Anthropic's Messages API on Vertex AI: the model in the path, the version in the body.

Streams are Anthropic's own, and so are the betas in their header.
Source: https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai and
anthropic-sdk-python, ``lib/vertex``, 2026-11-21.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from modelway.call import Operation, Target
from modelway.framing.fields import join, split
from modelway.hosting.steps import place, step
from modelway.ports import Headers, Hosting

VERSION = "vertex-2023-10-16"


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


HOSTING = Hosting(path, body, has=has)
