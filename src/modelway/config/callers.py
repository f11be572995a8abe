"""Who may call a gateway: its keys, and the limits of tenants."""

from __future__ import annotations

from modelway.call import NO_PAYER, Credential, Limits, Payer
from modelway.config import keys, levels
from modelway.config.nodes import Node
from modelway.config.reading import Context, Level, read_table
from modelway.config.schema import CALLER, limits
from modelway.config.settings import Caller


def read(node: Node, context: Context) -> list[Caller]:
    """``gateway.keys``: each a key alone, or a mapping with what holds for it."""
    found: list[Caller] = []
    names: set[str] = set()
    for number, item in enumerate(node.items or [node], 1):
        level: Level = {}
        written = item
        if isinstance(item.value, dict):
            level = context.read(item, lambda one, ctx: read_table(one, CALLER, ctx)) or {}
            if "key" not in level:
                context.error(item, "a caller needs a key")
                continue
            written = level["key"].value
        secret = keys.written(written, context)
        if not secret:
            context.error(written, "this gateway key is empty, or its variable is not set")
            continue
        name = level["name"].value if "name" in level else f"gateway key {number}"
        if name in names:
            context.error(item, f"two keys are called {name!r}")
        names.add(name)
        found.append(
            Caller(
                credential=Credential(name=name, secret=secret),
                tenant=level["tenant"].value if "tenant" in level else "local",
                payer=_payer(level),
                may_say=level["may_say"].value if "may_say" in level else (),
                limits=levels.limits(level),
                admin="admin" in level and level["admin"].value,
                priority=level["priority"].value if "priority" in level else 0,
            )
        )
    return found


def _payer(level: Level) -> Payer:
    said = {name: level[name].value for name in ("team", "user", "tags") if name in level}
    return Payer(**said) if said else NO_PAYER


def tenants(top: Level, context: Context) -> dict[str, Limits]:
    """Tenant → its limits."""
    if "tenants" not in top:
        return {}
    node: Node = top["tenants"].value
    if not isinstance(node.value, dict):
        context.error(node, "must be a mapping of tenants to their limits")
        return {}
    found: dict[str, Limits] = {}
    for name, item in node.fields.items():
        level = context.read(item, lambda one, ctx: read_table(one, {"limits": limits}, ctx))
        said = levels.limits(level or {})
        if said is not None:
            found[name] = said
    return found
