"""Errors, both ways: a provider's refusal → the tree, the tree → a client's error.

Errors are ``google.rpc.Status``; they are classified by reason, then status word, then HTTP status.
Gemini has no code for a prompt that does not fit the window (``INVALID_ARGUMENT``), and messages
are never read for meaning, so such a refusal is a BadRequestError.
Source: https://ai.google.dev/gemini-api/docs/troubleshooting, https://cloud.google.com/apis/design/errors
and google/rpc/error_details.proto; 2026-11-21.
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
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")

_REASONS: dict[str, type[LLMError]] = {
    "API_KEY_INVALID": AuthenticationError,
    "API_KEY_EXPIRED": AuthenticationError,
    "API_KEY_SERVICE_BLOCKED": PermissionDeniedError,
    "API_KEY_HTTP_REFERRER_BLOCKED": PermissionDeniedError,
    "API_KEY_IP_ADDRESS_BLOCKED": PermissionDeniedError,
    "ACCESS_TOKEN_EXPIRED": AuthenticationError,
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": AuthenticationError,
    "CREDENTIALS_MISSING": AuthenticationError,
    "SERVICE_DISABLED": PermissionDeniedError,
    "BILLING_DISABLED": PermissionDeniedError,
    "CONSUMER_SUSPENDED": PermissionDeniedError,
    "CONSUMER_INVALID": PermissionDeniedError,
    "RATE_LIMIT_EXCEEDED": RateLimitError,
}
"""``ErrorInfo.reason``, which is finer than the status: an invalid key is an ``INVALID_ARGUMENT``.

Source: google/api/error_reason.proto, 2026-11-21.
"""

_STATUSES: dict[str, type[LLMError]] = {
    "UNAUTHENTICATED": AuthenticationError,
    "PERMISSION_DENIED": PermissionDeniedError,
    "FAILED_PRECONDITION": PermissionDeniedError,  # the country, or billing that is not enabled
    "NOT_FOUND": NotFoundError,
    "RESOURCE_EXHAUSTED": RateLimitError,
    "DEADLINE_EXCEEDED": APITimeoutError,
    "CANCELLED": UnavailableError,
    "ABORTED": UnavailableError,
    "UNAVAILABLE": OverloadedError,
    "INTERNAL": OverloadedError,
    "UNKNOWN": OverloadedError,
    "DATA_LOSS": OverloadedError,
    "UNIMPLEMENTED": BadRequestError,
    "OUT_OF_RANGE": BadRequestError,
}
"""``INVALID_ARGUMENT`` also stands for other 4xx statuses, so there the HTTP status decides."""


def error(status: int, headers: Headers, body: bytes) -> LLMError:
    """A provider's refusal."""
    try:
        answer = msgspec.json.decode(body.decode("utf-8", "replace"))
    except UNREADABLE:
        answer = None
    if isinstance(answer, list) and answer:
        answer = answer[0]  # streams that fail at once are an array of one error
    found = answer.get("error") if isinstance(answer, dict) else None
    return _error(found, status, headers, body)


def stream_error(found: Any) -> LLMError:
    """The ``error`` object of a stream's event, or behind a status of success."""
    code = found.get("code") if isinstance(found, dict) else None
    status = code if type(code) is int and 400 <= code < 600 else 500
    return _error(found, status, (), b"")


def _error(found: Any, status: int, headers: Headers, body: bytes) -> LLMError:
    facts: dict[str, Any] = found if isinstance(found, dict) else {}
    word, message = _word(facts.get("status")), facts.get("message")
    if isinstance(found, str):
        message = found
    told: Any = facts.get("details")
    details = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    reason = next((found for each in details if (found := _word(each.get("reason")))), None)
    kind = _REASONS.get(reason or "") or _STATUSES.get(word or "") or refusals.by_status(status)
    wait = refusals.retry_after_s(headers, time.time, limited=kind is RateLimitError)
    said = isinstance(message, str) and message
    return kind(
        refusals.scrub(str(message)) if said else refusals.unexplained(status, body),
        status=status,
        code=reason or word,
        param=_violated(details),
        request_id=refusals.request_id(headers),
        retry_after_s=_delay_s(details) if wait is None else wait,
    )


def _delay_s(details: list[dict[str, Any]]) -> float | None:
    """``RetryInfo.retryDelay``, like ``34.07s``."""
    for each in details:
        delay = each.get("retryDelay")
        match = _DELAY.fullmatch(delay) if isinstance(delay, str) else None
        if match is not None:
            return float(match[1])
    return None


def _violated(details: list[dict[str, Any]]) -> str | None:
    """``BadRequest.fieldViolations``: the path of the first fault."""
    for each in details:
        violations = each.get("fieldViolations")
        for violation in violations if isinstance(violations, list) else ():
            path = violation.get("field") if isinstance(violation, dict) else None
            if isinstance(path, str) and path:
                return path[:200]
    return None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


# ---------------------------------------------------------------- to a client

_REFUSALS: tuple[tuple[type[LLMError], int, str], ...] = (
    # The first that an error is an instance of: HTTP status, status word.
    (UnknownModelError, 404, "NOT_FOUND"),
    (UnsupportedError, 400, "INVALID_ARGUMENT"),
    (ConfigError, 500, "INTERNAL"),
    (PayloadTooLargeError, 413, "INVALID_ARGUMENT"),
    (NotFoundError, 404, "NOT_FOUND"),
    (RequestError, 400, "INVALID_ARGUMENT"),
    (AuthenticationError, 401, "UNAUTHENTICATED"),
    (CredentialError, 403, "PERMISSION_DENIED"),
    (RateLimitError, 429, "RESOURCE_EXHAUSTED"),
    (APITimeoutError, 504, "DEADLINE_EXCEEDED"),
    (APIConnectionError, 502, "UNAVAILABLE"),
    (StreamInterruptedError, 502, "UNAVAILABLE"),
    (UnavailableError, 503, "UNAVAILABLE"),
    (UnauthorizedError, 401, "UNAUTHENTICATED"),
    (ForbiddenError, 403, "PERMISSION_DENIED"),
    (BudgetExceededError, 402, "RESOURCE_EXHAUSTED"),
    (LimitExceededError, 429, "RESOURCE_EXHAUSTED"),
    (CircuitOpenError, 503, "UNAVAILABLE"),
    (StoreDownError, 503, "UNAVAILABLE"),
    (RefusedError, 400, "INVALID_ARGUMENT"),
    (ResponseError, 502, "INTERNAL"),
    (LLMError, 500, "INTERNAL"),
)


def refuse(error: LLMError) -> tuple[int, bytes]:
    """An error as Google would answer it."""
    status, word = next(row[1:] for row in _REFUSALS if isinstance(error, row[0]))
    # `fieldViolations` needs a details object that few clients read
    path = f"{error.param}: " if error.param and error.param not in error.message else ""
    told: dict[str, Any] = {
        "code": status,
        "message": for_caller(error, prefix=path),
        "status": word,
    }
    if error.retry_after_s is not None:
        told["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": f"{error.retry_after_s:g}s",
            }
        ]
    return status, msgspec.json.encode({"error": told})
