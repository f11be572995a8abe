"""Parley's refusals ↔ the error tree: by code, then by status; never by the words of a message."""

from __future__ import annotations

import time

import msgspec

from modelway import errors
from modelway.dialects.refusals import by_status, request_id, retry_after_s, scrub
from modelway.dialects.told import for_caller
from modelway.ports import Headers
from parley.wire import UNREADABLE, Fault

_CLASSES: dict[str, type[errors.LLMError]] = {
    "too_long": errors.ContextLengthError,
    "unsafe": errors.ContentFilterError,
    "key": errors.AuthenticationError,
    "forbidden": errors.PermissionDeniedError,
    "unknown": errors.NotFoundError,
    "busy": errors.RateLimitError,
    "invalid": errors.BadRequestError,
    "down": errors.OverloadedError,
}
_TOLD: tuple[tuple[type[errors.LLMError], str, int], ...] = (
    (errors.ContextLengthError, "too_long", 400),
    (errors.ContentFilterError, "unsafe", 400),
    (errors.AuthenticationError, "key", 401),
    (errors.PermissionDeniedError, "forbidden", 403),
    (errors.RefusedError, "forbidden", 403),
    (errors.NotFoundError, "unknown", 404),
    (errors.RateLimitError, "busy", 429),
    (errors.RequestError, "invalid", 400),
    (errors.ConfigError, "invalid", 400),
    (errors.LLMError, "down", 503),
)
"""What a client is told: the first that fits."""


def error(status: int, headers: Headers, body: bytes) -> errors.LLMError:
    try:
        fault = msgspec.json.decode(body, type=Fault)
    except UNREADABLE:
        fault = Fault(code="", message=f"Parley refused, with status {status}")
    return _CLASSES.get(fault.code, by_status(status))(
        scrub(fault.message),
        status=status,
        code=fault.code or None,
        request_id=request_id(headers),
        retry_after_s=retry_after_s(headers, time.time),
    )


def in_stream(fault: Fault) -> errors.LLMError:
    return _CLASSES.get(fault.code, errors.OverloadedError)(scrub(fault.message), code=fault.code)


def told(error: errors.LLMError) -> tuple[int, Fault]:
    code, status = next((code, status) for kind, code, status in _TOLD if isinstance(error, kind))
    return status, Fault(code=code, message=for_caller(error))


def refuse(error: errors.LLMError) -> tuple[int, bytes]:
    status, fault = told(error)
    return status, msgspec.json.encode(fault)
