"""How a route's word for its strategy is read: ``fits | local_if_sensitive | cheapest``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelway.catalog.entry_points import installed
from modelway.errors import ConfigError
from modelway.policies.routing.given import Given
from modelway.policies.routing.names import ALIASES, FILTERS, STRATEGIES
from modelway.policies.routing.remarks import Remark, nothing
from modelway.ports import Filter, Strategy

_DEFAULT = "ordered"
_GIVEN = Given()


class Chooser(NamedTuple):
    """What keeps a candidate out, and the order of the others."""

    filters: tuple[Filter, ...]
    rank: Strategy
    remark: Remark = nothing
    """For who wants to know why a candidate is where it is."""


def chooser(spec: str, given: Given = _GIVEN) -> Chooser:
    """Filters, then a ranking that may remember. Raises ConfigError, which says what is wrong.

    A custom one is imported now; the last of a spec is its ranking, those before it are filters.
    """
    *before, last = names = list(_parts(spec))
    for name in names:
        if not _known(name):
            ours = ", ".join([*FILTERS, *STRATEGIES])
            raise ConfigError(
                f"there is no strategy {name!r}; there are {ours}, and package.module:name of your own"
            )
    filters: dict[str, Filter] = {}
    for name in before:
        filters[name] = _filter(name, spec, given)
    row = STRATEGIES.get(last)
    if row is None:
        from modelway.policies.routing.custom import custom_ranking  # noqa: PLC0415  # at its first use

        return Chooser(tuple(filters.values()), custom_ranking(last, given.now))
    filters.update((name, FILTERS[name]) for name in row.filters)
    return Chooser(tuple(filters.values()), row.make(given), row.remark(given))


def canonical(spec: str) -> str | None:
    """The same spec in our own spelling, or ``None``; case, ``-`` and ``_`` make no difference.

    Nothing is imported. A custom one by its path has a ``:``, which is not to be taken from callers.
    """
    names = list(_parts(spec))
    if not all(map(_known, names)) or any(name in STRATEGIES for name in names[:-1]):
        return None
    return " | ".join(dict.fromkeys(names))


def spellings() -> list[str]:
    """Every name of ours that ``canonical`` knows."""
    return [*STRATEGIES, *ALIASES, *FILTERS]


def _parts(spec: str) -> Iterator[str]:
    """Names in our spelling; the default ranking where only filters are named."""
    name = ""
    for part in spec.split("|"):
        name = _plain(part)
        yield name
    if name in FILTERS:
        yield _DEFAULT


def _plain(part: str) -> str:
    """Ours in our spelling, others as they are written."""
    written = part.strip()
    plain = written.casefold().replace("-", "_").replace(" ", "_")
    plain = ALIASES.get(plain, plain)
    return plain if plain in STRATEGIES or plain in FILTERS else written


def _known(name: str) -> bool:
    return (
        name in STRATEGIES or name in FILTERS or _is_path(name) or name in installed("strategies")
    )


def _is_path(name: str) -> bool:
    """Whether it is written as ``package.module:name``."""
    module, colon, attribute = name.partition(":")
    words = (*module.split("."), *attribute.split("."))
    return bool(colon) and all(word.isidentifier() for word in words)


def _filter(name: str, spec: str, given: Given) -> Filter:
    if name in STRATEGIES:
        raise ConfigError(f"{name} orders, so it stands last; in {spec!r} it is before the end")
    if name in FILTERS:
        return FILTERS[name]
    from modelway.policies.routing.custom import custom_filter  # noqa: PLC0415  # at its first use

    return custom_filter(name, given.now)
