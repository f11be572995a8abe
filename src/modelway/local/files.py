"""A model's name → its file, for callers who may name any file and for those who may not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from modelway.errors import NotFoundError, UnsupportedError
from modelway.local import gguf
from modelway.local.settings import LocalModels
from modelway.types import ModelListing

_MAX_LISTED = 1000
_PART = "-of-"


def find(models: LocalModels, name: str) -> Path:
    """The file, its symbolic links resolved. NotFoundError names it as the caller did.

    A caller who may not name any file is told the same of one outside as of one that is not there.
    """
    try:
        for path, inside in _places(models, name):
            real = path.resolve()
            if inside is not None and not real.is_relative_to(inside):
                continue
            if real.is_file():
                return real
    except (OSError, ValueError, RuntimeError):  # a loop, a NUL, a home that is nobody's
        pass
    where = "" if models.settings.models_dir is None else " below models_dir"
    hint = "check the path" if models.any_file else f"it must be configured, or stand{where}"
    if not models.any_file and models.settings.models_dir is None:
        hint = "a gateway runs only files that its configuration names, or below its models_dir"
    raise NotFoundError(
        f"there is no model file {name!r}: {hint}", model=name, code="model_not_found", status=404
    )


def _places(models: LocalModels, name: str) -> Iterator[tuple[Path, Path | None]]:
    """Where to look, and the directory that the file may not lie outside of."""
    directory = models_directory(models)
    free = models.any_file or name in models.named
    if directory is not None:
        yield directory / name, None if free else directory
    if free:
        yield Path(name).expanduser(), None


def models_directory(models: LocalModels) -> Path | None:
    said = models.settings.models_dir
    return None if said is None else Path(said).expanduser().resolve()


def listed(models: LocalModels) -> list[ModelListing]:
    """The files that are configured or stand in the directory; damaged ones are left out."""
    directory = models_directory(models)
    names = sorted(models.named)
    if directory is not None:
        found = sorted(path for path in directory.rglob("*.gguf") if _is_model(path, directory))
        names += [path.relative_to(directory).as_posix() for path in found[:_MAX_LISTED]]
    rows: list[ModelListing] = []
    for name in dict.fromkeys(names):
        with contextlib.suppress(NotFoundError, UnsupportedError):
            rows.append(listing(models, name))
    return rows


def _is_model(path: Path, directory: Path) -> bool:
    """Of a model in several files, the first stands for all; what points outside is not shown."""
    part = path.stem.rpartition(_PART)[0]
    if part and part[-5:].isdigit() and not part.endswith("00001"):
        return False
    return not path.name.startswith("mmproj") and path.resolve().is_relative_to(directory)


def listing(models: LocalModels, name: str) -> ModelListing:
    """What the file says of itself. Raises what ``find`` and ``header`` raise."""
    said = header(find(models, name), name)
    return ModelListing(
        id=name,
        name=said.name,
        owner="local",
        context_tokens=said.context_tokens,
        size_bytes=said.size_bytes,
        quantization=said.quantization,
    )


def header(path: Path, name: str) -> gguf.Header:
    """The file's header; NotFoundError and UnsupportedError name it as it was asked for."""
    try:
        return gguf.read(path)
    except gguf.NotGGUFError as error:
        raise UnsupportedError(
            f"the model file {name} cannot be used: {error}", model=name, code="bad_model_file"
        ) from None
    except OSError as error:
        raise NotFoundError(
            f"the model file {name} cannot be read: {error.strerror}",
            model=name,
            code="model_not_found",
            status=404,
        ) from None
