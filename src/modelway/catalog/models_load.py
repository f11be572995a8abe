"""The rows of models that come with modelway: a file a provider, read when it is first asked for.

A file is held as undecoded rows; one row is decoded when it is looked up.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from modelway.catalog.models import ModelInfo

FOLDER = Path(__file__).with_name("model_rows")


class ModelFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider's file."""

    version: str
    """The day on which the sources were looked at."""
    made_from: str = ""
    sources: tuple[dict[str, str], ...] = ()
    """What the rows refer to by number: field → source."""
    models: dict[str, msgspec.Raw] = {}
    aliases: dict[str, str] = {}
    """Other names of the same model at the same price → its canonical name."""


class _Stated(ModelInfo, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row as it stands in its file."""

    source: int = 0


_EMPTY = ModelFile(version="")


def shipped() -> tuple[str, ...]:
    """The providers that have a file."""
    return tuple(sorted([path.stem for path in FOLDER.glob("*.json")]))


@functools.cache
def model_file(provider: str) -> ModelFile:
    """A provider's rows, empty for a provider without a file."""
    if provider not in shipped():
        return _EMPTY
    return parse((FOLDER / f"{provider}.json").read_bytes())


def parse(data: bytes) -> ModelFile:
    """ValidationError where it is not of this form; the rows are not looked into."""
    return msgspec.json.decode(data, type=ModelFile)


def decode(provider: str, name: str, file: ModelFile) -> ModelInfo:
    """The row of this canonical name."""
    row = msgspec.json.decode(file.models[name], type=_Stated)
    sources = file.sources[row.source] if file.sources else {}
    return replace(row, provider=provider, name=name, version=file.version, sources=sources)


@functools.cache
def model_names(provider: str) -> Mapping[str, str]:
    """Every name of the provider's models, in lower case → its canonical name."""
    file = model_file(provider)
    names = {alias.casefold(): name for alias, name in file.aliases.items()}
    return names | {name.casefold(): name for name in file.models}
