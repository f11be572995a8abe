"""What other installed packages add: provider rows and dialects, by entry points.

``modelway.dialects``: a dialect's name → its ``ports.Dialect``. ``modelway.providers``: a row's name
→ its ``Provider``. A package is imported when its name is first asked for; what modelway has itself
is never replaced.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from modelway.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_Named = TypeVar("_Named")


@functools.cache
def installed(group: str) -> Mapping[str, EntryPoint]:
    """The group's entry points by name, without loading any."""
    from importlib.metadata import entry_points  # noqa: PLC0415  # 10 ms, for names that are not ours

    return {point.name: point for point in entry_points(group=f"modelway.{group}")}


def loaded(group: str, name: str, kind: type[_Named]) -> _Named:
    """What an entry point names; ConfigError, with whose it is, where it is not of this kind."""
    point = installed(group)[name]
    owner = point.dist.name if point.dist else "an installed package"
    where = f"the entry point {name!r} in modelway.{group} of {owner}"
    try:
        told: Any = point.load()
    except Exception as error:
        raise ConfigError(
            f"{where} cannot be loaded: {type(error).__name__}: {error}; update or uninstall {owner}"
        ) from error
    if not isinstance(told, kind):
        raise ConfigError(f"{where} is a {type(told).__name__}; it must be a {kind.__name__}")
    if told.name != name:  # type: ignore[attr-defined]
        raise ConfigError(
            f"{where} is called {told.name!r} itself; the two names must be the same"  # type: ignore[attr-defined]
        )
    return told
