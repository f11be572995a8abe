"""Strategies and filters that are not ours: by import path, or installed as an entry point.

What goes wrong in one is logged with its name. A ranking that fails is finished by priority; a filter
that fails holds its candidate back, for it may be what keeps something secret.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from modelway.catalog.entry_points import installed
from modelway.errors import ConfigError, LLMError
from modelway.policies.routing.tiers import Now, by_priority, split
from modelway.policies.routing.weighted import weighted
from modelway.ports import Asked, Candidate, Filter, Strategy

GROUP = "strategies"
"""Entry points in ``modelway.strategies``."""
_SILENT_S = 60.0
"""Between two reports of the same strategy's faults."""


def custom_ranking(name: str, now: Now) -> Strategy:
    """A strategy of somebody else's, behind a guard. Raises ConfigError where it cannot be used."""
    return Guarded(name, _made(name, ("asked", "candidates", "chance")), now)


def custom_filter(name: str, now: Now) -> Filter:
    """A filter of somebody else's, behind a guard. Raises ConfigError where it cannot be used."""
    told = _made(name, ("asked", "candidate"))
    report = _Report(name, now)

    def guarded(asked: Asked, candidate: Candidate) -> str | None:
        try:
            reason = told(asked, candidate)
            if reason is None or isinstance(reason, str):
                return reason
            raise ConfigError(f"it gave {reason!r} instead of a reason or None")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 - it may raise anything
            report(error, "its candidate is passed over")
            return f"the filter {name} failed: {type(error).__name__}"

    return guarded


class Guarded:
    """A custom strategy. What it leaves out is not asked; what it gives twice is asked once."""

    def __init__(self, name: str, told: Callable[..., Any], now: Now) -> None:
        self._told = told
        self._report = _Report(name, now)

    def __call__(
        self, asked: Asked, candidates: Sequence[Candidate], chance: random.Random
    ) -> Iterator[Candidate]:
        left = {id(one): one for one in candidates}
        known = set(left)
        try:
            for one in self._told(asked, candidates, chance):
                if id(one) not in known:
                    raise ConfigError(f"it gave {one!r}, which is none of its candidates")  # noqa: TRY301
                if left.pop(id(one), None) is not None:
                    yield one
        except Exception as error:  # noqa: BLE001 - it may raise anything
            self._report(error, "the rest is tried by priority")
            for tier in split(left.values(), by_priority):
                yield from weighted(asked, tier, chance)


class _Report:
    """Logs a custom strategy's faults, at most one a minute."""

    def __init__(self, name: str, now: Now) -> None:
        self._name = name
        self._now = now
        self._last = float("-inf")

    def __call__(self, error: Exception, then: str) -> None:
        now = self._now()
        if not 0.0 <= now - self._last < _SILENT_S:
            self._last = now
            said = error.message if isinstance(error, LLMError) else f"{error}"
            logging.getLogger("modelway").error(
                "the strategy %s failed, and %s: %s: %s",
                *(self._name, then, type(error).__name__, said),
                exc_info=error,
            )

    def __deepcopy__(self, memo: dict[int, Any]) -> _Report:
        return self


def _made(name: str, arguments: tuple[str, ...]) -> Callable[..., Any]:
    """What the name stands for; a class is called once, for what it makes may remember."""
    told: Callable[..., Any] = _loaded(name)
    if isinstance(told, type):
        try:
            told = told()
        except Exception as error:
            raise ConfigError(
                f"the strategy {name} cannot be made: {type(error).__name__}: {error}; "
                "a class is called without arguments"
            ) from error
    if not callable(told):
        raise ConfigError(f"the strategy {name} is a {type(told).__name__}, which cannot be called")
    call = told if inspect.isroutine(told) else type(told).__call__
    if inspect.iscoroutinefunction(call):
        raise ConfigError(f"the strategy {name} is async; strategies answer at once, write def")
    try:
        inspect.signature(told).bind(*arguments)
    except ValueError:  # of something built in, which says nothing of its arguments
        pass
    except TypeError as error:
        raise ConfigError(
            f"the strategy {name} cannot be called with ({', '.join(arguments)}): {error}"
        ) from error
    return told


def _loaded(name: str) -> Any:
    try:
        if ":" not in name:
            return installed(GROUP)[name].load()
        module, _, path = name.partition(":")
        told: Any = importlib.import_module(module)
        for attribute in path.split("."):
            told = getattr(told, attribute)
    except Exception as error:
        raise ConfigError(
            f"the strategy {name} cannot be loaded: {type(error).__name__}: {error}; "
            "write package.module:name of something that can be imported here"
        ) from error
    return told
