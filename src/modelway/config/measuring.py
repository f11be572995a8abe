"""The sections on what is kept and measured: ``ledger``, ``cache``, ``metrics`` and ``telemetry``."""

from __future__ import annotations

from typing import Any

from modelway.config.nodes import Node
from modelway.config.reading import (
    Context,
    Level,
    Table,
    base_url,
    flag,
    headers,
    integer,
    line_of_text,
    number,
    one_of,
    read_table,
)
from modelway.policies.caching.values import CacheSettings, SemanticSettings

LEDGER: Table = {
    "enabled": flag,
    "url": line_of_text,
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
    "url": line_of_text,
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


def cache(top: Level, context: Context) -> CacheSettings:
    """``true``, ``false`` or a mapping, which means that there is one unless it says otherwise."""
    if "cache" not in top:
        return CacheSettings()
    node: Node = top["cache"].value
    if isinstance(node.value, bool):
        return CacheSettings(enabled=node.value)
    return CacheSettings(**{"enabled": True, **_said(node, _CACHE, context)})


def _said(node: Node, table: Table, context: Context) -> dict[str, Any]:
    level = context.read(node, lambda item, ctx: read_table(item, table, ctx)) or {}
    return {name: setting.value for name, setting in level.items()}
