"""The ``store`` section: a URL alone, or with what holds for the store behind it."""

from __future__ import annotations

from msgspec.structs import replace

from modelway.config.nodes import Node
from modelway.config.reading import Context, Level, read_table
from modelway.config.schema import STORE
from modelway.config.settings import StoreSettings


def read(node: Node, context: Context) -> tuple[StoreSettings, Level]:
    """The settings, and those of them that somebody said."""
    if isinstance(node.value, str):
        node = replace(node, value={"url": node})
    level = context.read(node, lambda item, ctx: read_table(item, STORE, ctx)) or {}
    return StoreSettings(**{name: setting.value for name, setting in level.items()}), level


def shown(value: object) -> object:
    """A value as it may be shown: a URL may hold a password."""
    return "(hidden)" if isinstance(value, str) and "@" in value else value
