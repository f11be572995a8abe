"""Anthropic's Messages API through Bedrock's InvokeModel: its body, and its events in AWS's frames.

Model and streaming stand in the path; what Anthropic has in headers, its version and betas, stands
in the body. Each frame of a stream holds one event of Anthropic's, which leaves here as a
server-sent event. Tokens are not counted: InvokeModel has no such call, and Converse's takes another
body.
Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
and anthropic-sdk-python, ``lib/bedrock``, 2026-11-21.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from modelway.call import Operation, Target
from modelway.dialects.bedrock_converse import faults
from modelway.errors import (
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    LLMError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
)
from modelway.framing import sse
from modelway.framing.eventstream import Frame, Frames
from modelway.framing.fields import join, split
from modelway.hosting.steps import step
from modelway.ports import Headers, Hosting

VERSION = "bedrock-2023-05-31"

_IN_THE_PATH = frozenset({"model", "stream"})

_ERROR_TYPES: tuple[tuple[type[LLMError], str], ...] = (
    (RateLimitError, "rate_limit_error"),
    (APITimeoutError, "timeout_error"),
    (BadRequestError, "invalid_request_error"),
    (AuthenticationError, "authentication_error"),
    (PermissionDeniedError, "permission_error"),
    (NotFoundError, "not_found_error"),
    (LLMError, "overloaded_error"),
)
"""Anthropic's words for what AWS says in a stream."""


class _Chunk(Struct, frozen=True, rename={"event": "bytes"}):
    event: bytes
    """Base64 on the wire."""


class _Event(Struct, frozen=True):
    type: str


_chunk = Decoder(_Chunk)
_event = Decoder(_Event)


def path(path: str, operation: Operation, target: Target, stream: bool) -> str:  # noqa: ARG001
    return f"/model/{step(target.model)}/invoke{'-with-response-stream' if stream else ''}"


def body(
    body: bytes,
    operation: Operation,  # noqa: ARG001 - the port's signature
    target: Target,  # noqa: ARG001
    stream: bool,  # noqa: ARG001
    headers: Headers,
) -> bytes:
    fields: dict[str, bytes | Raw] = {
        name: raw for name, raw in split(body).items() if name not in _IN_THE_PATH
    }
    fields.setdefault("anthropic_version", msgspec.json.encode(VERSION))
    betas = [
        beta.strip()
        for name, value in headers
        if name == b"anthropic-beta"
        for beta in value.decode("latin-1").split(",")
    ]
    if betas:
        fields.setdefault("anthropic_beta", msgspec.json.encode(betas))
    return join(fields)


def has(operation: Operation, target: Target) -> bool:
    """Other makers' models, and ids that do not tell, are asked by Converse."""
    return operation == "chat" and "anthropic." in target.model


class Unframer:
    """Frames → server-sent events. See ``ports.Unframer``."""

    def __init__(self) -> None:
        self._frames = Frames()

    def feed(self, data: bytes) -> bytes:
        events = b"".join([_unframed(frame) for frame in self._frames.feed(data)])
        if not events and self._frames.error is not None:
            raise self._frames.error
        return events

    def close(self) -> bytes:
        return b""


def _unframed(frame: Frame) -> bytes:
    if frame.headers.get(":message-type", "event") != "event":
        error = faults.stream_error(frame.headers, frame.payload)
        kind = next(name for kind, name in _ERROR_TYPES if isinstance(error, kind))
        said = {"type": "error", "error": {"type": kind, "message": error.message}}
        return sse.frame(msgspec.json.encode(said), "error")
    if frame.headers.get(":event-type") != "chunk":
        return b""
    try:
        data = _chunk.decode(frame.payload).event
        name = _event.decode(data).type
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ResponseError("a frame of Bedrock's stream holds no event of Anthropic's") from None
    return sse.frame(data, name)


HOSTING = Hosting(
    path,
    body,
    Unframer,
    stream_types=(b"application/vnd.amazon.eventstream",),
    error=faults.error,
    has=has,
)
