"""Errors, both ways: a provider's refusal → the tree, the tree → a client's error.

Refusals are ``{id, message}``; some have an ``error_type``, the only code there is.
Source: https://docs.cohere.com/reference/errors, cohere-python 7.3.1's errors and recorded answers,
2026-11-21.
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
from modelway.types import JSON

_WORD = re.compile(r"[\w.\-]{1,100}")

_TOO_LONG = "TOO_MANY_TOKENS"

_CODES: dict[str, type[LLMError]] = {_TOO_LONG: ContextLengthError}
"""``error_type``."""

_STATUSES: dict[int, type[LLMError]] = {
    498: AuthenticationError,  # an invalid token
    499: UnavailableError,  # the request was cancelled
    501: BadRequestError,  # not implemented
}
"""Where Cohere's statuses mean something of their own."""


def error(status: int, headers: Headers, body: bytes) -> LLMError:
    """A provider's refusal."""
    try:
        answer = msgspec.json.decode(body.decode("utf-8", "replace"))
    except UNREADABLE:
        answer = None
    facts: JSON = answer if isinstance(answer, dict) else {}
    code = _word(facts.get("error_type"))
    kind = _CODES.get(code or "") or _STATUSES.get(status) or refusals.by_status(status)
    message = facts.get("message")
    return kind(
        refusals.scrub(message)
        if isinstance(message, str) and message
        else refusals.unexplained(status, body),
        status=status,
        code=code,
        request_id=_request_id(headers) or _word(facts.get("id")),
        retry_after_s=refusals.retry_after_s(headers, time.time, limited=kind is RateLimitError),
    )


def stream_error(message: Any) -> LLMError:
    """What a stream says of its end behind a status of success: words, and no code."""
    said = isinstance(message, str) and message
    return OverloadedError(
        refusals.scrub(str(message)) if said else "the provider ended the stream with an error"
    )


def _request_id(headers: Headers) -> str | None:
    """Cohere's own header. Source: recorded answers, 2026-11-21."""
    found = refusals.request_id(headers)
    if found is None:
        trace = dict(headers).get(b"x-debug-trace-id")
        found = trace.decode("latin-1")[:200] if trace else None
    return found


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


# ---------------------------------------------------------------- to a client

_REFUSALS: tuple[tuple[type[LLMError], int], ...] = (
    # The first that an error is an instance of.
    (UnknownModelError, 404),
    (UnsupportedError, 400),
    (ConfigError, 500),
    (PayloadTooLargeError, 413),
    (NotFoundError, 404),
    (RequestError, 400),
    (AuthenticationError, 401),
    (CredentialError, 403),
    (RateLimitError, 429),
    (APITimeoutError, 504),
    (APIConnectionError, 502),
    (StreamInterruptedError, 502),
    (UnavailableError, 503),
    (UnauthorizedError, 401),
    (ForbiddenError, 403),
    (BudgetExceededError, 402),
    (LimitExceededError, 429),
    (CircuitOpenError, 503),
    (StoreDownError, 503),
    (RefusedError, 400),
    (ResponseError, 502),
    (LLMError, 500),
)


def refuse(error: LLMError) -> tuple[int, bytes]:
    """An error as Cohere would answer it."""
    status = next(status for kind, status in _REFUSALS if isinstance(error, kind))
    path = f"{error.param}: " if error.param and error.param not in error.message else ""
    told: JSON = {"message": for_caller(error, prefix=path)}
    if error.request_id is not None:
        told["id"] = error.request_id
    if isinstance(error, ContextLengthError):
        told["error_type"] = _TOO_LONG
    return status, msgspec.json.encode(told)
