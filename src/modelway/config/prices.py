"""The ``catalogue`` section: facts and prices of models, here or in a file of their own."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from modelway.catalog.models_overrides import Fault, Overrides, read
from modelway.config import toml_source, yaml_source
from modelway.config.nodes import Node, UnreadableError, with_fields
from modelway.config.problems import shown
from modelway.config.reading import Context, json, text

MAX_FILE_BYTES = 4 * 1024 * 1024


def overrides(node: Node, context: Context, directory: Path | None = None) -> Overrides:
    """What is said of models. ``file`` names a file with more; what stands beside it wins.

    ``directory`` is where a relative name is looked for. What is wrong is a problem at its own line;
    then nothing of it is taken.
    """
    fields = dict(node.fields)
    named = fields.get("file")
    if named is None or isinstance(named.value, dict):
        return _read(node, context)
    del fields["file"]
    ours = _read(with_fields(node, fields), context)
    name = context.read(named, text)
    if name is None:
        return ours
    path = (directory or Path()) / Path(name).expanduser()
    try:
        written = read_source(path)
    except UnreadableError as fault:
        line = "" if fault.line is None else f", line {fault.line}"
        context.error(named, f"{shown(name)}{line}: {fault.message}")
        return ours
    theirs = _read(written, context, file=name, named=named)
    return Overrides(models={**theirs.models, **ours.models})


def _read(node: Node, context: Context, *, file: str = "", named: Node | None = None) -> Overrides:
    found, faults = read(json(node, context))
    for fault in faults:
        at = _at(node, fault)
        if named is not None:
            line = "" if at.line is None else f" line {at.line}"
            below = f": {at.path}" if at.path else ""
            at = replace(named, path=f"{named.path} ({file}{line}){below}")
        context.error(at, fault.message)
    return found


def _at(node: Node, fault: Fault) -> Node:
    """The node nearest to what is wrong: a field that is missing has none."""
    for step in fault.path:
        below = node.items[step] if isinstance(step, int) else node.fields.get(step)
        if below is None:
            return node
        node = below
    return node


def read_source(path: Path) -> Node:
    """A file of YAML or, by its name, TOML; UnreadableError says why it cannot be one."""
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
