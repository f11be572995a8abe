"""Errors, both ways: a server's refusals → the tree, the tree → a client's error.

An error is one text in ``error``; there are no codes, and texts are never read for meaning, so the
status alone says the class. A cloud's refusal may have more fields, which say nothing else.
Source: https://docs.ollama.com/api/errors, 2026-11-21.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec

from modelway.dialects import refusals
from modelway.dialects.ollama.wire import Answer
from modelway.dialects.reading import UNREADABLE
from modelway.dialects.told import for_caller
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
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


def error(status: int, headers: Headers, body: bytes) -> LLMError:
    try:
        answer = msgspec.json.decode(body.decode("utf-8", "replace"))
    except UNREADABLE:
        answer = None
    message = _text(answer.get("error")) if isinstance(answer, dict) else None
    error_class = refusals.by_status(status)
    return error_class(
        refusals.scrub(message) if message else refusals.unexplained(status, body),
        status=status,
        request_id=refusals.request_id(headers),
        retry_after_s=refusals.retry_after_s(
            headers, time.time, limited=error_class is RateLimitError
        ),
    )


def spoken_error(answer: Answer) -> LLMError:
    """An error in place of an answer, or as the last line of a stream, which has status 200."""
    status = answer.status
    known = type(status) is int and 400 <= status < 600
    error_class = refusals.by_status(status) if known else OverloadedError
    message = _text(answer.error) or "the server ended the answer with an error"
    return error_class(refusals.scrub(message), status=status if known else None)


def _text(said: Any) -> str | None:
    if isinstance(said, dict):
        said = said.get("message")
    return said if isinstance(said, str) and said.strip() else None


# ---------------------------------------------------------------- to a client

_STATUSES: tuple[tuple[type[LLMError], int], ...] = (
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
    """The status and the error that a server would answer with."""
    return _status(error), msgspec.json.encode({"error": _message(error)})


def stream_refusal(error: LLMError) -> bytes:
    """The line that ends a stream; its status, which is ours, tells our own reader the class."""
    return msgspec.json.encode({"error": _message(error), "status": _status(error)})


def _status(error: LLMError) -> int:
    return next(row[1] for row in _STATUSES if isinstance(error, row[0]))


def _message(error: LLMError) -> str:
    # this dialect has no field for the path
    path = f"{error.param}: " if error.param and error.param not in error.message else ""
    return for_caller(error, prefix=path)
