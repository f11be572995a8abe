"""What every provider's HTTP refusals have in common: status, waiting time, request id, no secrets.

Provider error codes are each dialect's own business; nothing here reads a body.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

from modelway.errors import (
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    LLMError,
    NotFoundError,
    OverloadedError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    UnavailableError,
)
from modelway.ports import Headers

MAX_MESSAGE_CHARS = 500
_MAX_SCANNED_CHARS = 4096

_CLASSES: dict[int, type[LLMError]] = {
    401: AuthenticationError,
    402: PermissionDeniedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: APITimeoutError,
    409: UnavailableError,
    410: NotFoundError,
    413: PayloadTooLargeError,
    424: OverloadedError,
    425: UnavailableError,
    429: RateLimitError,
    451: PermissionDeniedError,
    504: APITimeoutError,
    524: APITimeoutError,
}

_REQUEST_ID_HEADERS = (
    b"x-request-id",
    b"request-id",
    b"apim-request-id",
    b"x-ms-request-id",
    b"x-amzn-requestid",
    b"x-goog-request-id",
    b"x-generation-id",
    b"cf-ray",
)

_DURATION = re.compile(
    r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?"
)

_SECRETS = re.compile(
    # A key by how it begins. Source: the key formats of the providers in the catalogue, 2026-11-21.
    r"""\b(?:sk|pk|rk|gsk|csk|xai|pplx|nvapi|hf|r8|fw|tgp|key|vck|fpk|glpat|ghp)[-_][\w\-.*]{8,}"""
    r"""|\bAIza[\w\-]{10,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\beyJ[\w\-]{10,}(?:\.[\w\-]+)*"""
    # A key by what stands before it.
    r"""|(?<=Bearer\ )[^\s"',;]{4,}|(?<=Basic\ )[A-Za-z0-9+/=]{8,}"""
    r"""|(?<![\w\-])(?P<label>(?:x-)?api[-_ ]?key|key|access[-_ ]token|token|secret|password|authorization)"""
    r"""(?P<between>[\w ]{0,12}["']?\s*[:=]\s*["'`]?)(?!Bearer\b|Basic\b|\d+\b)[^\s"'`,;&]{6,}""",
    re.IGNORECASE,
)


def by_status(status: int) -> type[LLMError]:
    """The error class that an HTTP status alone stands for."""
    found = _CLASSES.get(status)
    if found is not None:
        return found
    if 400 <= status < 500:
        return BadRequestError
    return OverloadedError if status >= 500 else ResponseError


def request_id(headers: Headers) -> str | None:
    """The provider's id of the exchange, from the header that says it best."""
    present = dict(headers)
    for name in _REQUEST_ID_HEADERS:
        value = present.get(name)
        if value:
            return value.decode("latin-1")[:200]
    return None


def retry_after_s(
    headers: Headers, now: Callable[[], float], *, limited: bool = False
) -> float | None:
    """How many seconds to wait, where the provider says so; ``now`` is the wall clock (Unix time).

    ``retry-after-ms`` wins over ``retry-after`` (seconds or an HTTP date). When ``limited`` (a 429)
    and neither is there, the resets of exhausted ``x-ratelimit-*`` windows are read.
    Source: RFC 9110, 10.2.3; openai-python `_base_client.py`; both read 2026-11-21.
    """
    present = {name: value.decode("latin-1").strip() for name, value in headers}
    waits = [
        _scaled(present.get(b"retry-after-ms"), 0.001),
        _seconds(present.get(b"retry-after"), now),
    ]
    for wait in waits:
        if wait:
            return wait
    if limited and all(wait is None for wait in waits):
        return _reset_s(present, now)
    return next((wait for wait in waits if wait is not None), None)


def unexplained(status: int, body: bytes) -> str:
    """What is said of a refusal that does not say what it is, in its dialect."""
    if not body.strip():
        return f"the provider answered status {status} with an empty body"
    if body.lstrip().startswith(b"<"):
        return f"the provider answered status {status} with a page of HTML, not with JSON"
    text = scrub(body[:MAX_MESSAGE_CHARS].decode("utf-8", "replace"))
    return f"the provider answered status {status}: {text}"


def scrub(text: str) -> str:
    """A provider's words, safe to show: one bounded line without anything that looks like a key."""
    short = " ".join(text[:_MAX_SCANNED_CHARS].split())
    clean = _SECRETS.sub(_mask, short)
    return clean if len(clean) <= MAX_MESSAGE_CHARS else clean[: MAX_MESSAGE_CHARS - 1] + "…"


def _mask(match: re.Match[str]) -> str:
    label = match["label"]
    return f"{label}{match['between']}***" if label else "***"


def _scaled(text: str | None, factor: float) -> float | None:
    if text is None:
        return None
    try:
        number = float(text) * factor
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _seconds(text: str | None, now: Callable[[], float]) -> float | None:
    if text is None:
        return None
    number = _scaled(text, 1.0)
    if number is not None:
        return number
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return _duration(text)
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - now())


def _duration(text: str) -> float | None:
    """``1m12.5s``, ``250ms``. Source: OpenAI, "Rate limits", headers, read 2026-11-21."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        return None
    days, hours, minutes, seconds, milliseconds = [float(group or 0) for group in match.groups()]
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds + milliseconds / 1000


def _reset_s(present: dict[bytes, str], now: Callable[[], float]) -> float | None:
    """The longest reset among windows that are exhausted, or that do not say what remains."""
    waits: list[float] = []
    for name, text in present.items():
        if not name.startswith(b"x-ratelimit-reset"):
            continue
        left = _scaled(present.get(name.replace(b"-reset", b"-remaining", 1)), 1.0)
        wait = _scaled(text, 1.0)
        if wait is None:
            wait = _duration(text)
        elif wait >= 1e12:  # OpenRouter: Unix time in milliseconds
            wait = wait / 1000 - now()
        elif wait >= 1e9:
            wait -= now()
        if wait is not None and wait > 0 and not left:
            waits.append(wait)
    return max(waits) if waits else None
