"""The provider rows that come with modelway, found by name or alias."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from modelway.catalog import entry_points
from modelway.catalog.rows import Provider, Quirks
from modelway.errors import ConfigError

_ROWS = Path(__file__).with_name("providers.toml")


@functools.cache
def providers() -> Mapping[str, Provider]:
    """Every row by its name, in the order of the file. Read once, at first use."""
    return parse(_ROWS.read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, Provider]:
    """Rows of TOML, one table each; ValidationError names the row and field at fault."""
    tables = tomllib.loads(text)
    for name, table in tables.items():
        unknown = set(table) - set(Provider.__struct_fields__)
        unknown |= set(table.get("quirks", ())) - set(Quirks.__struct_fields__)
        if unknown:
            raise msgspec.ValidationError(f"{name}: unknown fields {', '.join(sorted(unknown))}")
    rows = [{"name": name, **table} for name, table in tables.items()]
    return {row.name: row for row in msgspec.convert(rows, list[Provider])}


@functools.cache
def _spellings() -> Mapping[str, Provider]:
    return {_plain(name): row for row in providers().values() for name in names(row)}


def shipped(name: str) -> Provider | None:
    """Our own row of this name or alias; case, ``-``, ``_`` and ``.`` make no difference."""
    return providers().get(name) or _spellings().get(_plain(name))


def provider(name: str) -> Provider | None:
    """Our own row of this name or alias, else one that an installed package adds.

    ConfigError where that package is at fault.
    """
    found = shipped(name)
    if found is not None or not name:
        return found
    added = [each for each in entry_points.installed("providers") if _plain(each) == _plain(name)]
    return entry_points.loaded("providers", added[0], Provider) if added else None


def added() -> dict[str, Provider | ConfigError]:
    """Every row that an installed package adds, or what is wrong with it, by its entry point."""
    return {name: _added(name) for name in entry_points.installed("providers")}


def _added(name: str) -> Provider | ConfigError:
    if shipped(name):
        return ConfigError(
            f"an installed package adds a provider {name!r}, a name that modelway has itself: not used"
        )
    try:
        return entry_points.loaded("providers", name, Provider)
    except ConfigError as error:
        return error


def names(row: Provider) -> Iterable[str]:
    """The row's name and its aliases."""
    return (row.name, *row.aliases)


def serves(row: Provider, model: str) -> bool:
    """Whether the host is known to serve a model of this bare name."""
    return any(
        model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern
        for pattern in row.models
    )


def _plain(name: str) -> str:
    return "".join([letter for letter in name.casefold() if letter not in "-_. "])
