"""Errors, both ways: a provider's refusal → the tree, the tree → a client's error.

Anthropic has no code for a prompt that does not fit the window (400 ``invalid_request_error``), and
messages are never read for meaning, so such a refusal is a BadRequestError. llama.cpp does have one.
Source: https://platform.claude.com/docs/en/api/errors; llama.cpp tools/server/README.md; 2026-11-21.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec

from modelway.dialects import refusals
from modelway.errors import (
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    CircuitOpenError,
    ConfigError,
    ContextLengthError,
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
    UnauthorizedError,
    UnknownModelError,
    UnsupportedError,
)
from modelway.ports import Headers

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
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        answer = None
    if isinstance(answer, list) and answer:
        answer = answer[0]  # Google's gateways wrap errors in a list
    found = answer.get("error", answer) if isinstance(answer, dict) else None
    kind, code, message = _facts(found)
    request_id = refusals.request_id(headers)
    if request_id is None and isinstance(answer, dict):
        request_id = _text(answer.get("request_id"))
    error_class = _CLASSES.get(kind or "") or refusals.by_status(status)
    return error_class(
        refusals.scrub(message) if message else _unexplained(status, body),
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
    code = _text(details.get("error_code")) if isinstance(details, dict) else None
    message = _text(found.get("message")) or _text(found.get("detail"))
    return _text(found.get("type")), code or _text(found.get("code")), message


def _text(value: Any) -> str | None:
    return value[: refusals.MAX_MESSAGE_CHARS] if isinstance(value, str) and value else None


def _unexplained(status: int, body: bytes) -> str:
    if not body.strip():
        return f"the provider answered status {status} with an empty body"
    if body.lstrip().startswith(b"<"):
        return f"the provider answered status {status} with a page of HTML, not with JSON"
    text = refusals.scrub(body[: refusals.MAX_MESSAGE_CHARS].decode("utf-8", "replace"))
    return f"the provider answered status {status}: {text}"


# ---------------------------------------------------------------- to a client

_REFUSALS: dict[type[LLMError], tuple[int, str]] = {
    BadRequestError: (400, "invalid_request_error"),
    PayloadTooLargeError: (413, "request_too_large"),
    NotFoundError: (404, "not_found_error"),
    RequestError: (400, "invalid_request_error"),
    UnknownModelError: (404, "not_found_error"),
    UnsupportedError: (400, "invalid_request_error"),
    ConfigError: (500, "api_error"),
    UnauthorizedError: (401, "authentication_error"),
    ForbiddenError: (403, "permission_error"),
    BudgetExceededError: (402, "billing_error"),
    LimitExceededError: (429, "rate_limit_error"),
    CircuitOpenError: (529, "overloaded_error"),
    RefusedError: (400, "invalid_request_error"),
    AuthenticationError: (401, "authentication_error"),
    PermissionDeniedError: (403, "permission_error"),
    RateLimitError: (429, "rate_limit_error"),
    OverloadedError: (529, "overloaded_error"),
    APITimeoutError: (504, "timeout_error"),
    LLMError: (500, "api_error"),
}
"""The nearest class above an error speaks for it."""


def refuse(error: LLMError) -> tuple[int, bytes]:
    """An error as Anthropic would answer it."""
    for error_class in type(error).__mro__:
        found = _REFUSALS.get(error_class)
        if found is not None:
            break
    else:
        found = _REFUSALS[LLMError]
    status, kind = found
    message = f"{error.param}: {error.message}" if error.param else error.message
    body = {
        "type": "error",
        "error": {"type": kind, "message": refusals.scrub(message)},
        "request_id": error.request_id,
    }
    return status, msgspec.json.encode(body)
