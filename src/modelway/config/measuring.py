"""The sections on what is kept and measured: ``ledger``, ``cache``, ``metrics`` and ``telemetry``."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import asdict

from modelway.config.nodes import Node
from modelway.config.noting import Note, unnoted
from modelway.config.reading import (
    Context,
    Level,
    Read,
    Table,
    WrongError,
    base_url,
    flag,
    headers,
    integer,
    line_of_text,
    number,
    one_of,
    origin,
    read_table,
)
from modelway.policies.caching.values import CacheSettings, SemanticSettings

_POSTGRES = re.compile(r"postgres(ql)?://.", re.IGNORECASE)
_SQLITE = re.compile(r"sqlite:(/|///)?[^/]", re.IGNORECASE)


def _database(*shapes: re.Pattern[str], known: str) -> Read:
    """A URL of these shapes. What is refused is not shown: it may hold a password."""

    def read(node: Node, context: Context) -> str:
        written = line_of_text(node, context)
        if not any(shape.match(written) for shape in shapes):
            raise WrongError(node, f"must be a URL such as {known}")
        return written

    return read


LEDGER: Table = {
    "enabled": flag,
    "url": _database(
        _SQLITE,
        _POSTGRES,
        known="sqlite:///absolute/path, sqlite:relative/path or postgresql://user@host/database",
    ),
    "journal": line_of_text,
    "sync_s": number(0, 60),
    "ship_s": number(0.01, 60),
    "keep_days": number(0.01, 36_500),
}

_SEMANTIC: Table = {
    "model": line_of_text,
    "threshold": number(0.5, 1),
    "life_s": number(1, 1e9),
    "most_entries": integer(1, 10_000_000),
    "multi_turn": flag,
    "tools": flag,
    "url": _database(_POSTGRES, known="postgresql://user@host/database"),
}


def _semantic(node: Node, context: Context) -> SemanticSettings | None:
    said = _said(node, _SEMANTIC, context)
    for name in ("model", "threshold"):
        if name not in said and name not in node.fields:
            context.error(node, f"a semantic cache needs a {name}")
    if not {"model", "threshold"} <= said.keys():
        return None
    return SemanticSettings(**said)


_CACHE: Table = {
    "enabled": flag,
    "life_s": number(1, 1e9),
    "most_bytes": integer(1024, 2**40),
    "most_entry_bytes": integer(1024, 2**32),
    "where": one_of("memory", "store"),
    "shared_by": one_of("tenant", "key", "user"),
    "semantic": _semantic,
}

METRICS: Table = {
    "enabled": flag,
    "public": flag,
    "most_series": integer(10, 1_000_000),
}


def _headers(node: Node, context: Context) -> dict[str, str]:
    return {name: setting.value for name, setting in headers(node, context).items()}


TELEMETRY: Table = {
    "enabled": flag,
    "endpoint": base_url,
    "headers": _headers,
    "service_name": line_of_text,
    "sample": number(0, 1),
    "content": one_of("none", "events"),
    "propagate": flag,
    "metrics": flag,
}


def cache(top: Level, context: Context, note: Note = unnoted) -> CacheSettings:
    """``true``, ``false`` or a mapping, which means that there is one unless it says otherwise."""
    if "cache" not in top:
        return CacheSettings()
    node: Node = top["cache"].value
    if isinstance(node.value, bool):
        made = CacheSettings(enabled=node.value)
    elif isinstance(node.value, dict):
        made = CacheSettings(**{"enabled": True, **_said(node, _CACHE, context)})
    else:
        context.error(node, "must be true, false or a mapping of settings")
        return CacheSettings()
    _tell(made, node, context, note)
    return made


def _tell(made: CacheSettings, node: Node, context: Context, note: Note) -> None:
    semantic = node.fields.get("semantic")
    for path, struct, written in (
        ("cache", made, node),
        ("cache.semantic", made.semantic, semantic),
    ):
        if struct is None or written is None:
            continue
        for name, value in asdict(struct).items():
            there = written.fields.get(name)
            place = "default" if there is None else origin(there, context)
            if name == "enabled" and there is None:
                place = written.origin
            if name != "semantic" and value is not None:
                # a URL may hold a password
                note(f"{path}.{name}", "(hidden)" if name == "url" else value, place)


def _said(node: Node, table: Table, context: Context) -> dict[str, Any]:
    level = context.read(node, lambda item, ctx: read_table(item, table, ctx)) or {}
    return {name: setting.value for name, setting in level.items()}
