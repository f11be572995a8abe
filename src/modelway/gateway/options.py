"""What a client says of how its call is made: headers of its own, in any dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from modelway.call import Options
from modelway.errors import BadRequestError

PREFIX = b"x-modelway-"
PRIORITY = PREFIX + b"priority"
_LONGEST = 4096
_PLAIN = Options()
_MOST_PRIORITY = 1000
_MOST_NAMES = 32
"""Each is a tier, or a deployment, that is made, kept and may be asked."""
_YES = frozenset(("1", "true", "yes", "on"))
_NO = frozenset(("0", "false", "no", "off"))


def _flag(text: str) -> bool:
    folded = text.casefold()
    if folded in _YES or folded in _NO:
        return folded in _YES
    raise ValueError("true or false")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise ValueError("seconds, above 0 and up to a day")
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
}
"""Header, without its prefix → the field of ``Options``."""


def read(headers: Sequence[tuple[bytes, bytes]], configured: Options = _PLAIN) -> Options:
    """The options that these headers say, which begin with ``PREFIX``; others of ours are ignored.

    BadRequestError names the header that is wrong.
    """
    found: dict[str, Any] = {}
    for name, value in headers:
        plain = name[len(PREFIX) :].decode("latin-1")
        text = value.decode("latin-1").strip()
        known = _READ.get(plain)
        if known is not None:
            field, reading = known
            found[field] = _read(plain, text, reading)
    return replace(configured, **found) if found else configured


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
