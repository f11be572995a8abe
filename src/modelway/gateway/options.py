"""What a client says of how its call is made: headers of its own, in any dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from modelway.call import Options
from modelway.config.variables import yes_or_no
from modelway.errors import BadRequestError

PREFIX = b"x-modelway-"
CACHE_CONTROL = b"cache-control"
PRIORITY = PREFIX + b"priority"
_LONGEST = 4096
_PLAIN = Options()
_MOST_PRIORITY = 1000
_LONGEST_LIFE_S = 31_536_000
_MOST_NAMES = 32
"""Each is a tier, or a deployment, that is made, kept and may be asked."""
_CACHE = ("use", "refresh", "off", "only")


def _flag(text: str) -> bool:
    said = yes_or_no(text)
    if said is None:
        raise ValueError("true or false")
    return said


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise ValueError("seconds, above 0 and up to a day")
    return value


def _age(text: str) -> float:
    value = float(text)
    if not 0 <= value <= _LONGEST_LIFE_S:
        raise ValueError("seconds, from 0 up to a year")
    return value


def _priority(text: str) -> int:
    value = int(text)
    if abs(value) > _MOST_PRIORITY:
        raise ValueError(f"an integer from -{_MOST_PRIORITY} to {_MOST_PRIORITY}")
    return value


def _names(text: str) -> tuple[str, ...]:
    names = dict.fromkeys([name for name in [part.strip() for part in text.split(",")] if name])
    if len(names) > _MOST_NAMES:
        raise ValueError(f"{_MOST_NAMES} names at most")
    return tuple(names)


def _cache(text: str) -> str:
    if text not in _CACHE:
        raise ValueError(f"one of {', '.join(_CACHE)}")
    return text


_READ: dict[str, tuple[str, Callable[[str], Any]]] = {
    "strategy": ("strategy", str),
    "models": ("models", _names),
    "fallbacks": ("fallbacks", _names),
    "priority": ("priority", _priority),
    "max-wait-s": ("max_wait_s", _seconds),
    "timeout-s": ("timeout_s", _seconds),
    "session": ("session", str),
    "unit": ("unit", str),
    "strict": ("strict", _flag),
    "single-flight": ("single_flight", _flag),
    "hedge": ("hedge", _flag),
    "trace": ("trace", _flag),
    "cache": ("cache", _cache),
    "cache-life-s": ("cache_life_s", _age),
    "cache-max-age-s": ("cache_max_age_s", _age),
}
"""Header, without its prefix → the field of ``Options``."""


def read(headers: Sequence[tuple[bytes, bytes]], configured: Options = _PLAIN) -> Options:
    """The options that these headers say: ``CACHE_CONTROL``, and those that begin with ``PREFIX``.

    Others of ours are ignored. BadRequestError names the header that is wrong.
    """
    found: dict[str, Any] = {}
    controls: list[bytes] = []
    for name, value in headers:
        if name == CACHE_CONTROL:
            controls.append(value)
            continue
        plain = name[len(PREFIX) :].decode("latin-1")
        known = _READ.get(plain)
        if known is not None:
            field, reading = known
            found[field] = _read(plain, value.decode("latin-1").strip(), reading)
    if controls:
        found = _controlled(b",".join(controls)) | found
    return replace(configured, **found) if found else configured


def _controlled(value: bytes) -> dict[str, Any]:
    """What the usual header says of what is kept, as far as it means something here.

    It asks for less only: whether anything is kept at all is not its to say, for many clients send it
    without being told to. What cannot be read is ignored, as HTTP has it.
    Source: https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1, 2026-11-21.
    """
    said = {}
    for part in value.decode("latin-1").casefold().split(","):
        name, _, told = part.partition("=")
        said[name.strip()] = told.strip().strip('"')
    if "no-store" in said:
        return {"cache": "off"}
    found: dict[str, Any] = {}
    if "only-if-cached" in said:
        found["cache"] = "only"
    ages = [float(said["max-age"])] if said.get("max-age", "").isdecimal() else []
    if "no-cache" in said:
        ages.append(0.0)
    if ages:
        found["cache_max_age_s"] = min(ages)
    return found


def _read(name: str, text: str, reading: Callable[[str], Any]) -> Any:
    if len(text) > _LONGEST or not text.isprintable():
        raise BadRequestError(f"the header x-modelway-{name} is too long, or not printable")
    try:
        return reading(text)
    except ValueError as wrong:
        raise BadRequestError(
            f"the header x-modelway-{name} cannot be {text[:40]!r}: {wrong}",
            param=f"x-modelway-{name}",
        ) from None
