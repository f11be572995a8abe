"""What providers' answers say of their limits. Pure: headers and the time → what was told.

Sources, all read 2026-11-21:

- OpenAI: https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers; a reset is the
  time until the limit is back "to its initial state".
- Azure OpenAI, xAI, Together, Mistral, OpenRouter and Replicate: recorded answers of theirs;
  https://docs.together.ai/docs/rate-limits, https://openrouter.ai/docs/api/reference/limits.
- Anthropic: https://platform.claude.com/docs/en/api/rate-limits#response-headers; a reset is when the
  limit "will be fully replenished", in RFC 3339.
- Groq: https://console.groq.com/docs/rate-limits; of requests a day, of tokens a minute.
- Cerebras: https://inference-docs.cerebras.ai/support/rate-limits; a reset is in seconds.
- Fireworks: https://docs.fireworks.ai/guides/quotas_usage/rate-limits.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from modelway.ports import Headers

Role = Literal["limit", "remaining", "reset", "period"]


class Learned(NamedTuple):
    """One limit as a provider tells it."""

    name: str
    """``requests_per_minute`` and the like, where its period is known."""
    limit: int | None
    remaining: int
    reset_s: float
    """Until all of it is there again; 0: not said."""
    next_s: float
    """Until some of it is."""


class _Told(NamedTuple):
    name: str
    period_s: float
    refills: bool
    """It comes back bit by bit, and a reset is when it is full; else all of it does at the reset."""


class _Field(NamedTuple):
    role: Role
    told: _Told


_MINUTE = 60.0
_DAY = 86_400.0

_SUFFIXES = {
    # OpenAI, and after it Azure, Groq, xAI, Fireworks
    "requests": _Told("requests", _MINUTE, True),
    "tokens": _Told("tokens_per_minute", _MINUTE, True),
    "tokens_usage_based": _Told("usage_based_tokens_per_minute", _MINUTE, True),
    "project-requests": _Told("project_requests_per_minute", _MINUTE, True),
    "project-tokens": _Told("project_tokens_per_minute", _MINUTE, True),
    "input-images": _Told("input_images_per_minute", _MINUTE, True),
    # Fireworks
    "tokens-prompt": _Told("input_tokens_per_minute", _MINUTE, True),
    "tokens-generated": _Told("output_tokens_per_minute", _MINUTE, True),
    # Cerebras; Mistral's tokens-minute is the same
    "requests-minute": _Told("requests_per_minute", _MINUTE, False),
    "requests-hour": _Told("requests_per_hour", 3600.0, False),
    "requests-day": _Told("requests_per_day", _DAY, False),
    "tokens-minute": _Told("tokens_per_minute", _MINUTE, False),
    "tokens-hour": _Told("tokens_per_hour", 3600.0, False),
    "tokens-day": _Told("tokens_per_day", _DAY, False),
    # Mistral
    "req-minute": _Told("requests_per_minute", _MINUTE, False),
    "req-10-second": _Told("requests_per_10_seconds", 10.0, False),
    "tokens-month": _Told("tokens_per_month", 30 * _DAY, False),
    "audio-seconds-minute": _Told("audio_seconds_per_minute", _MINUTE, False),
}
_ANTHROPIC = {
    "requests": _Told("requests_per_minute", _MINUTE, True),
    "tokens": _Told("tokens_per_minute", _MINUTE, True),
    "input-tokens": _Told("input_tokens_per_minute", _MINUTE, True),
    "output-tokens": _Told("output_tokens_per_minute", _MINUTE, True),
}
_PLAIN = _Told("requests", _MINUTE, False)
"""OpenRouter, Together; Replicate without ``x-``. Of which period, they do not say."""
_BY_SIZE = _Told("tokens_by_size_per_minute", _MINUTE, False)
_BY_SIZE_MONTH = _Told("tokens_by_size_per_month", 30 * _DAY, False)


def _fields() -> dict[bytes, _Field]:
    found: dict[str, _Field] = {}
    roles: tuple[Role, ...] = ("limit", "remaining", "reset")
    for role in roles:
        for suffix, told in _SUFFIXES.items():
            found[f"x-ratelimit-{role}-{suffix}"] = _Field(role, told)
        for subject, told in _ANTHROPIC.items():
            found[f"anthropic-ratelimit-{subject}-{role}"] = _Field(role, told)
        found[f"x-ratelimit-{role}"] = _Field(role, _PLAIN)
        found[f"ratelimit-{role}"] = _Field(role, _PLAIN)
        found[f"ratelimitbysize-{role}"] = _Field(role, _BY_SIZE)
        found[f"x-ratelimitbysize-{role}-minute"] = _Field(role, _BY_SIZE)
        found[f"x-ratelimitbysize-{role}-month"] = _Field(role, _BY_SIZE_MONTH)
    for suffix in ("requests", "tokens"):  # Azure; where it says this its resets are of no one unit
        found[f"x-ratelimit-renewalperiod-{suffix}"] = _Field("period", _SUFFIXES[suffix])
    return {name.encode(): field for name, field in found.items()}


FIELDS = _fields()
"""Every header that is read, by its name."""
_NAMES = frozenset(FIELDS)

_MOST_CHARS = 40
_DURATION = re.compile(
    rb"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?"
)


def tells(headers: Headers) -> bool:
    """Whether any of them is of a limit."""
    return not _NAMES.isdisjoint([name for name, _ in headers])


def learned(headers: Headers, now: float) -> tuple[Learned, ...]:
    """What they say; ``now`` is Unix time. What cannot be read has not been said."""
    groups: dict[_Told, dict[Role, float]] = {}
    for name, value in headers:
        field = FIELDS.get(name)
        if field is None:
            continue
        number = _until_s(value, now) if field.role == "reset" else _amount(value)
        if number is not None:
            groups.setdefault(field.told, {})[field.role] = number
    return tuple([_learned(told, said) for told, said in groups.items() if "remaining" in said])


def _learned(told: _Told, said: dict[Role, float]) -> Learned:
    limit, remaining, reset_s = said.get("limit"), said["remaining"], said.get("reset")
    name, period_s = told.name, said.get("period", told.period_s)
    gone = 0.0 if limit is None else max(0.0, limit - remaining)
    if "period" in said and reset_s is not None:
        reset_s = min(reset_s, period_s)
    if told is _SUFFIXES["requests"]:
        # Of which period is not said, but it comes back at an even pace: 12 ms for one of 5,000 is a
        # minute for all, 6 s for one of 14,400 a day.
        if limit and gone and reset_s and reset_s * limit / gone > 3600 and "period" not in said:
            period_s = _DAY
        name = "requests_per_day" if period_s == _DAY else "requests_per_minute"
    if reset_s is None:
        next_s = period_s / 60
    elif told.refills:
        next_s = reset_s / max(gone, 1.0) if "requests" in name else reset_s / 60
    else:
        next_s = reset_s
    whole = None if limit is None else math.ceil(limit)
    return Learned(name, whole, math.floor(remaining), reset_s or 0.0, next_s)


def _amount(value: bytes) -> float | None:
    """Below zero is what Azure says where it has no limit."""
    if len(value) > _MOST_CHARS:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < 1e15 else None


def _until_s(value: bytes, now: float) -> float | None:
    """Seconds, ``6m0s``, Unix time in seconds or milliseconds, or an RFC 3339 time → seconds from now."""
    if len(value) > _MOST_CHARS or not value:
        return None
    try:
        number = float(value)
    except ValueError:
        return _duration_s(value) if _DURATION.fullmatch(value) else _time_s(value, now)
    if not 0 <= number < 1e15:
        return None
    if number >= 1e9:
        number = number / (1000 if number >= 1e12 else 1) - now
    return max(0.0, number)


def _duration_s(value: bytes) -> float | None:
    match = _DURATION.fullmatch(value)
    parts = [float(group or 0) for group in match.groups()] if match else []
    if not parts:
        return None
    days, hours, minutes, seconds, milliseconds = parts
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds + milliseconds / 1000


def _time_s(value: bytes, now: float) -> float | None:
    try:
        moment = datetime.fromisoformat(value.decode("ascii"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, OverflowError):
        return None
