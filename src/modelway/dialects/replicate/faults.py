"""Errors, both ways: a refusal or a run that failed → the tree, the tree → ``problem+json``.

Source: https://replicate.com/docs/reference/http#error-responses (RFC 7807) and
…/docs/topics/predictions/error-codes, 2026-11-21.
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
    APITimeoutError,
    AuthenticationError,
    ConfigError,
    ContentFilterError,
    CredentialError,
    LLMError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    RefusedError,
    RequestError,
    UnavailableError,
)
from modelway.ports import Headers
from modelway.types import JSON

_CODE = re.compile(r"\((?:code: )?(E\d{3,5})\)")

_CODES: dict[str, type[LLMError]] = {"E005": ContentFilterError}
"""Codes of runs that failed: the input or output was flagged. Others are the model's own faults."""

_ENDED: dict[str, tuple[type[LLMError], str]] = {
    "canceled": (UnavailableError, "the prediction was cancelled"),
    "aborted": (APITimeoutError, "the prediction's deadline passed before it could start"),
}
"""Source: https://replicate.com/docs/topics/predictions/lifecycle, 2026-11-21."""


def error(status: int, headers: Headers, body: bytes) -> LLMError:
    """A provider's refusal."""
    try:
        answer = msgspec.json.decode(body.decode("utf-8", "replace"))
    except UNREADABLE:
        answer = None
    facts: JSON = answer if isinstance(answer, dict) else {}
    kind = refusals.by_status(status)
    message = facts.get("detail") or facts.get("title")
    said = isinstance(message, str) and message
    return kind(
        refusals.scrub(str(message)) if said else refusals.unexplained(status, body),
        status=status,
        param=_field(facts.get("invalid_fields")),
        request_id=refusals.request_id(headers),
        retry_after_s=refusals.retry_after_s(headers, time.time, limited=kind is RateLimitError),
    )


def failure(status: str, told: Any) -> LLMError:
    """A prediction that ended without succeeding."""
    ended = _ENDED.get(status)
    if ended is not None:
        return ended[0](ended[1], code=status)
    message = told if isinstance(told, str) else None
    found = _CODE.search(message or "")
    code = found[1] if found is not None else None
    kind = _CODES.get(code or "", OverloadedError)
    words = refusals.scrub(message) if message else "the prediction failed without saying why"
    return kind(words, code=code or status)


def _field(invalid: Any) -> str | None:
    first = invalid[0] if isinstance(invalid, list) and invalid else None
    field = first.get("field") if isinstance(first, dict) else None
    return field[:200] if isinstance(field, str) and field else None


_REFUSALS: tuple[tuple[type[LLMError], int, str], ...] = (
    # The first that an error is an instance of: HTTP status, title.
    (ConfigError, 400, "Bad request"),
    (NotFoundError, 404, "Not found"),
    (RequestError, 400, "Bad request"),
    (AuthenticationError, 401, "Unauthenticated"),
    (CredentialError, 403, "Forbidden"),
    (RateLimitError, 429, "Too many requests"),
    (APITimeoutError, 504, "Gateway timeout"),
    (UnavailableError, 503, "Service unavailable"),
    (RefusedError, 403, "Forbidden"),
    (LLMError, 500, "Internal server error"),
)


def refuse(error: LLMError) -> tuple[int, bytes]:
    """An error as Replicate would answer it; no client of ours speaks this dialect."""
    status, title = next(row[1:] for row in _REFUSALS if isinstance(error, row[0]))
    told = {"title": title, "detail": for_caller(error), "status": status}
    return status, msgspec.json.encode(told)
