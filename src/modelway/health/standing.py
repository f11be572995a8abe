"""How signs of health become a state: a pure function with hysteresis, and damped."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from modelway.config.settings import HealthSettings
from modelway.health.values import State

Sign: TypeAlias = Literal["good", "strained", "bad", "refused"]
"""``strained``: an answer, but a slow one, or that of a limit; ``refused``: our key is not accepted."""

_WINDOW = (1 << 32) - 1
_MANY = 6
"""Of the last 32 signs that are not good make a provider degraded."""
CHECK_WEIGHT = 3
"""As many signs as one check is: two that fail of the last ten are many."""
_LONGEST_HOLD = 16
"""Intervals for which a provider that goes up and down is kept from going up."""
_FORGIVEN = 32
"""Intervals after a fall, after which it is the first one again."""


class Standing(NamedTuple):
    """Times are monotonic seconds."""

    state: State = "unknown"
    since: float = 0.0
    good: int = 0
    """Answers in a row, where it is not healthy."""
    bad: int = 0
    """Failures in a row."""
    recent: int = 0
    """A bit for each sign, the newest is the lowest: whether it was not good."""
    falls: int = 0
    """In a short time, each after it had risen."""
    fell: float = 0.0
    rose: bool = True


def judge(
    standing: Standing, sign: Sign, weight: int, now: float, settings: HealthSettings
) -> Standing:
    """The standing after a sign. The same object where it was healthy, and still is without a doubt."""
    state = standing.state
    if sign == "good" and state == "healthy" and not standing.recent:
        return standing
    recent = standing.recent << weight & _WINDOW
    if sign in ("good", "strained"):
        if sign == "strained":
            recent |= (1 << weight) - 1
        return _answered(standing._replace(bad=0, recent=recent), sign == "good", now, settings)
    recent |= (1 << weight) - 1
    failed = standing._replace(good=0, bad=standing.bad + 1, recent=recent)
    if sign == "refused" or failed.bad >= settings.down_after:
        return _fallen(failed, "down", now, settings)
    if state == "unknown" or _degrades(failed):
        return _fallen(failed, "degraded", now, settings)
    return failed


def _answered(standing: Standing, good: bool, now: float, settings: HealthSettings) -> Standing:
    match standing.state:
        case "unknown":
            return _risen(standing, "healthy", now)
        case "healthy":
            return _fallen(standing, "degraded", now, settings) if _degrades(standing) else standing
        case "degraded" if not good:
            return standing._replace(good=0)
        case _:
            standing = standing._replace(good=standing.good + 1)
    if standing.good < settings.up_after or now < standing.fell + _hold_s(standing, settings):
        return standing
    return _risen(standing._replace(recent=0), "healthy" if good else "degraded", now)


def _degrades(standing: Standing) -> bool:
    return standing.state == "healthy" and standing.recent.bit_count() >= _MANY


def _risen(standing: Standing, state: State, now: float) -> Standing:
    return standing._replace(state=state, since=now, good=0, rose=True)


def _fallen(standing: Standing, state: State, now: float, settings: HealthSettings) -> Standing:
    if state == standing.state:
        return standing
    if standing.rose:
        recently = standing.falls > 0 and now < standing.fell + _FORGIVEN * settings.interval_s
        falls = standing.falls + 1 if recently else 1
        standing = standing._replace(falls=falls, fell=now, rose=False)
    return standing._replace(state=state, since=now)


def _hold_s(standing: Standing, settings: HealthSettings) -> float:
    """How long after a fall it does not rise: not at all the first time, then longer each time."""
    if standing.falls <= 1:
        return 0.0
    return settings.interval_s * min(1 << (standing.falls - 2), _LONGEST_HOLD)
