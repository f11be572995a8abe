"""Errors, both ways: a provider's refusal → the tree, the tree → a client's error.

Anthropic has no code for a prompt that does not fit the window (400 ``invalid_request_error``), and
messages are never read for meaning, so such a refusal is a BadRequestError. llama.cpp does have one.
Source: https://platform.claude.com/docs/en/api/errors; llama.cpp tools/server/README.md; 2026-11-21.
"""

from __future__ import annotations

import re
import time
from typing import Any

import msgspec

from modelway.dialects import refusals
from modelway.dialects.reading import UNREADABLE
from modelway.dialects.told import for_caller
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    CircuitOpenError,
    ConfigError,
    ContextLengthError,
    CredentialError,
    ForbiddenError,
    LimitExceededError,
    LLMError,
    NotFoundError,
    OverloadedError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    RefusedError,
    RequestError,
    ResponseError,
    StoreDownError,
    StreamInterruptedError,
    UnauthorizedError,
    UnavailableError,
    UnknownModelError,
    UnsupportedError,
)
from modelway.ports import Headers

_WORD = re.compile(r"[\w.\-]{1,100}")
"""What a type, a code or a request id looks like; anything else is not one."""

_CLASSES: dict[str, type[LLMError]] = {
    "authentication_error": AuthenticationError,
    "billing_error": PermissionDeniedError,
    "permission_error": PermissionDeniedError,
    "not_found_error": NotFoundError,
    "request_too_large": PayloadTooLargeError,
    "rate_limit_error": RateLimitError,
    "timeout_error": APITimeoutError,
    "api_error": OverloadedError,
    "overloaded_error": OverloadedError,
    "exceed_context_size_error": ContextLengthError,
    "unavailable_error": OverloadedError,
    "server_error": OverloadedError,
    "not_supported_error": BadRequestError,
}
"""``invalid_request_error`` also stands for other 4xx statuses, so there the status decides."""


def error(status: int, headers: Headers, body: bytes) -> LLMError:
    """A provider's refusal, by its error type, then by its status."""
    try:
        answer = msgspec.json.decode(body.decode("utf-8", "replace"))
    except UNREADABLE:
        answer = None
    if isinstance(answer, list) and answer:
        answer = answer[0]  # Google's gateways wrap errors in a list
    found = answer.get("error", answer) if isinstance(answer, dict) else None
    kind, code, message = _facts(found)
    request_id = refusals.request_id(headers)
    if request_id is None and isinstance(answer, dict):
        request_id = _word(answer.get("request_id"))
    error_class = _CLASSES.get(kind or "") or refusals.by_status(status)
    return error_class(
        refusals.scrub(message) if message else refusals.unexplained(status, body),
        status=status,
        code=code or kind,
        request_id=request_id,
        retry_after_s=refusals.retry_after_s(
            headers, time.time, limited=error_class is RateLimitError
        ),
    )


def stream_error(found: Any) -> LLMError:
    """The ``error`` object of a stream's event, which has no status of its own."""
    kind, code, message = _facts(found)
    if kind == "invalid_request_error":
        error_class: type[LLMError] = BadRequestError
    else:
        error_class = _CLASSES.get(kind or "", OverloadedError)
    return error_class(
        refusals.scrub(message) if message else "the provider ended the stream with an error",
        code=code or kind,
    )


def _facts(found: Any) -> tuple[str | None, str | None, str | None]:
    """Type, finer code and message of an error object; hosts of this dialect vary in its form."""
    if isinstance(found, str):
        return None, None, found
    if not isinstance(found, dict):
        return None, None, None
    details = found.get("details")
    code = _word(details.get("error_code")) if isinstance(details, dict) else None
    message = _text(found.get("message")) or _text(found.get("detail"))
    return _word(found.get("type")), code or _word(found.get("code")), message


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


# ---------------------------------------------------------------- to a client

_REFUSALS: tuple[tuple[type[LLMError], int, str], ...] = (
    # The first that an error is an instance of: status, type.
    (UnknownModelError, 404, "not_found_error"),
    (UnsupportedError, 400, "invalid_request_error"),
    (ConfigError, 500, "api_error"),
    (PayloadTooLargeError, 413, "request_too_large"),
    (NotFoundError, 404, "not_found_error"),
    (RequestError, 400, "invalid_request_error"),
    (AuthenticationError, 401, "authentication_error"),
    (CredentialError, 403, "permission_error"),
    (RateLimitError, 429, "rate_limit_error"),
    (APITimeoutError, 504, "timeout_error"),
    (APIConnectionError, 502, "api_error"),
    (StreamInterruptedError, 502, "api_error"),
    (UnavailableError, 529, "overloaded_error"),
    (UnauthorizedError, 401, "authentication_error"),
    (ForbiddenError, 403, "permission_error"),
    (BudgetExceededError, 402, "billing_error"),
    (LimitExceededError, 429, "rate_limit_error"),
    (CircuitOpenError, 529, "overloaded_error"),
    (StoreDownError, 529, "overloaded_error"),
    (RefusedError, 400, "invalid_request_error"),
    (ResponseError, 502, "api_error"),
    (LLMError, 500, "api_error"),
)
_TYPES = frozenset({*_CLASSES, *[kind for _, _, kind in _REFUSALS]})
"""A code that is one of them says nothing that the type does not."""


def refuse(error: LLMError) -> tuple[int, bytes]:
    """An error as Anthropic would answer it."""
    status, kind = next(row[1:] for row in _REFUSALS if isinstance(error, row[0]))
    # this dialect has no field for the path
    path = f"{error.param}: " if error.param and error.param not in error.message else ""
    told: dict[str, Any] = {"type": kind, "message": for_caller(error, prefix=path)}
    if error.code is not None and error.code not in _TYPES:
        told["details"] = {"error_code": error.code}
    body = {"type": "error", "error": told, "request_id": error.request_id}
    return status, msgspec.json.encode(body)
