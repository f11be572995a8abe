"""Finds and reads a configuration: a file, a dict, or the environment alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelway.config.build import build
from modelway.config.nodes import Node, UnreadableError, from_plain, with_fields
from modelway.config.problems import Problem, invalid
from modelway.config.reading import Context
from modelway.config.resolve import resolve
from modelway.config.settings import Origin, Settings
from modelway.config.shapes import environment as environment_shape
from modelway.config.shapes import normalise
from modelway.config.sources import read_source
from modelway.errors import ConfigError, UnknownModelError

_ALWAYS_THERE = frozenset(("local", "simulator"))
"""Providers that need not be configured."""
FILE_NAMES = ("modelway.yaml", "modelway.yml", "modelway.toml")


def load(
    source: Path | str | Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """The settings of a file, a dict, or (``None``) of what ``find`` finds, else the environment.

    Raises InvalidConfigError with every problem. Notices are in ``Settings.notices``.
    """
    environment = os.environ if environment is None else environment
    if source is None:
        source = find(environment, directory)
    if isinstance(source, Mapping):
        return _load(lambda: from_plain(source), "given settings", environment, in_file=False)
    if source is None:
        return _load(lambda: Node(value={}), "environment", environment, in_file=False)
    path = Path(source).expanduser()
    return _load(
        lambda: read_source(path), path.name, environment, in_file=True, directory=path.parent
    )


def find(environment: Mapping[str, str], directory: Path | None = None) -> Path | None:
    """``$MODELWAY_CONFIG``, else a modelway file here, else one in ``~/.config/modelway``."""
    if named := environment.get("MODELWAY_CONFIG", "").strip():
        return Path(named)
    home = environment.get("XDG_CONFIG_HOME") or (
        str(Path(environment["HOME"]) / ".config") if environment.get("HOME") else ""
    )
    places = [directory or Path.cwd(), *([Path(home) / "modelway"] if home else [])]
    candidates = [place / name for place in places for name in FILE_NAMES]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def origins(settings: Settings) -> tuple[Origin, ...]:
    """Every value in force with where it came from, secrets masked: ``modelway config show``."""
    return settings.origins


def _load(
    read: Callable[[], Node],
    source: str,
    environment: Mapping[str, str],
    *,
    in_file: bool,
    directory: Path | None = None,
) -> Settings:
    context = Context(environment, in_file=in_file)
    try:
        root = read()
    except UnreadableError as fault:
        problem = Problem(path=fault.path, message=fault.message, line=fault.line)
        raise invalid(source, [problem]) from None
    if not isinstance(root.value, dict | None):
        problem = Problem(
            path="", message="must be a mapping with providers and models", line=root.line
        )
        raise invalid(source, [problem])
    root = normalise(root, context)
    if not {"providers", "models"} & set(root.fields):
        alone = environment_shape.root(environment, context)
        root = with_fields(root, {**alone.fields, **root.fields})
    settings = build(root, context, source, directory)
    if any(problem.severity == "error" for problem in context.problems):
        raise invalid(source, context.problems)
    if missing := _nobody(settings):
        raise invalid(source, [missing])
    return settings


def _nobody(settings: Settings) -> Problem | None:
    """A model that is to make the cache's vectors, and that nobody serves."""
    semantic = settings.cache.semantic
    if semantic is None or semantic.model.partition("/")[0] in _ALWAYS_THERE:
        return None
    try:
        resolve(settings, semantic.model)
    except UnknownModelError as error:
        return Problem(path="cache.semantic.model", message=error.message)
    except ConfigError:  # a key that is not set: said where it is needed
        return None
    return None
