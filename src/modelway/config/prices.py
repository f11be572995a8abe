"""The ``catalogue`` section: facts and prices of models, here or in a file of their own."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec.structs import replace

from modelway.catalog.models import PerHour, Tariff
from modelway.catalog.models_overrides import Fault, Overrides, read
from modelway.config.nodes import Node, UnreadableError, with_fields
from modelway.config.problems import nearest, shown
from modelway.config.reading import Context, json, text
from modelway.config.sources import read_source

_UNKNOWN = re.compile(r"Object contains unknown field `(.+?)`")
_FIELDS = (*PerHour.__struct_fields__, *Tariff.__struct_fields__)
"""Of a price by time, and of one by tokens."""


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
    path = _place(name, directory)
    try:
        written = read_source(path)
    except UnreadableError as fault:
        line = "" if fault.line is None else f", line {fault.line}"
        context.error(named, f"{shown(name)}{line}: {fault.message}")
        return ours
    theirs = _read(written, context, file=name, named=named)
    return Overrides(models={**theirs.models, **ours.models})


def file(node: Node, context: Context, directory: Path | None = None) -> Path | None:
    """The file that is named, if any."""
    named = node.fields.get("file")
    if named is None or not isinstance(named.value, str):
        return None
    name = context.read(named, text)
    return None if name is None else _place(name, directory)


def _place(name: str, directory: Path | None) -> Path:
    return (directory or Path()) / Path(name).expanduser()


def _read(node: Node, context: Context, *, file: str = "", named: Node | None = None) -> Overrides:
    found, faults = read(json(node, context))
    for fault in faults:
        at = _at(node, fault)
        if named is not None:
            line = "" if at.line is None else f" line {at.line}"
            below = f": {at.path}" if at.path else ""
            at = replace(named, path=f"{named.path} ({file}{line}){below}")
        context.error(at, *_in_words(fault.message))
    return found


def _in_words(message: str) -> tuple[str, str | None]:
    """What is wrong, and what was meant, where a price has a field that no price has."""
    unknown = _UNKNOWN.match(message)
    if unknown is None:
        return message, None
    near = nearest(unknown[1], _FIELDS)
    told = f"unknown field {shown(unknown[1])}; there are {', '.join(_FIELDS)}"
    return told, near[0] if near else None


def _at(node: Node, fault: Fault) -> Node:
    """The node nearest to what is wrong: a field that is missing has none."""
    for step in fault.path:
        below = node.items[step] if isinstance(step, int) else node.fields.get(step)
        if below is None:
            return node
        node = below
    return node
