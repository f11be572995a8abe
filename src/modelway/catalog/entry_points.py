"""What other installed packages add: rows of providers and dialects, by entry points.

``modelway.dialects``: a name → a ``ports.Dialect``. ``modelway.providers``: any name → a ``Provider``
or several. A package is imported when its name is first asked for; what modelway has itself is never
replaced.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelway.catalog.rows import Provider
from modelway.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@functools.cache
def installed(group: str) -> Mapping[str, EntryPoint]:
    """The group's entry points by name, without loading any."""
    from importlib.metadata import entry_points  # noqa: PLC0415  # 10 ms, for names that are not ours

    return {point.name: point for point in entry_points(group=f"modelway.{group}")}


def loaded(group: str, name: str) -> Any:
    """What an entry point names; ConfigError, with whose it is, where it cannot be imported."""
    point = installed(group)[name]
    try:
        return point.load()
    except Exception as error:
        owner = point.dist.name if point.dist else "an installed package"
        raise ConfigError(
            f"the {group} entry point {name!r} of {owner} cannot be loaded: "
            f"{type(error).__name__}: {error}; update or uninstall {owner}"
        ) from error


@functools.cache
def rows() -> Mapping[str, Provider]:
    """Every row that installed packages add, by its name."""
    found: dict[str, Provider] = {}
    for name in installed("providers"):
        told = loaded("providers", name)
        for row in (told,) if isinstance(told, Provider) else told:
            if not isinstance(row, Provider):
                raise ConfigError(
                    f"the providers entry point {name!r} gives a {type(row).__name__}, no Provider"
                )
            found.setdefault(row.name, row)
    return found
