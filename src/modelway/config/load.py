"""Finds and reads a configuration: a file, a dict, or the environment alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelway.config import toml_source, yaml_source
from modelway.config.build import build
from modelway.config.nodes import Node, UnreadableError, from_plain, with_fields
from modelway.config.problems import Problem, invalid
from modelway.config.reading import Context
from modelway.config.settings import Origin, Settings
from modelway.config.shapes import environment as environment_shape
from modelway.config.shapes import normalise

MAX_FILE_BYTES = 4 * 1024 * 1024
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
    return _load(lambda: _read(path), path.name, environment, in_file=True)


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


def _load(read: Any, source: str, environment: Mapping[str, str], *, in_file: bool) -> Settings:
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
    settings = build(root, context, source)
    if any(problem.severity == "error" for problem in context.problems):
        raise invalid(source, context.problems)
    return settings


def _read(path: Path) -> Node:
    reader = toml_source.read if path.suffix.casefold() == ".toml" else yaml_source.read
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UnreadableError(
            f"the file cannot be read: {error.strerror or type(error).__name__}"
        ) from None
    if len(content) > MAX_FILE_BYTES:
        raise UnreadableError(f"the file is larger than {MAX_FILE_BYTES} bytes")
    try:
        return reader(content.decode("utf-8-sig"), path.name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError("the file is not UTF-8", line=line) from None
