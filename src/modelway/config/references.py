"""Which providers a configuration names without configuring them."""

from __future__ import annotations

from collections.abc import Mapping

from modelway.config.nodes import Node


def providers_named(root: Node, configured: Mapping[str, Node]) -> dict[str, Node]:
    """Provider name → a node that names it, for routes, defaults and fallbacks, as written."""
    found: dict[str, Node] = {}
    for name in ("default_provider", "fallback_providers"):
        node = root.fields.get(name)
        for item in (node.items or [node]) if node else []:
            _add(found, item, whole=True)
    if default := root.fields.get("default_model"):
        _add(found, default, whole=False)
    models = root.fields.get("models")
    for model in models.fields.values() if models else ():
        for node in _deployments(model):
            provider = node.fields.get("provider")
            if provider is not None:
                _add(found, provider, whole=True)
            else:
                _add(found, node.fields.get("model", node), whole=False)
        for item in fallbacks(model):
            _add(found, item, whole=False)
    return {name: node for name, node in found.items() if name not in configured}


def fallbacks(model: Node) -> list[Node]:
    """What a model falls back to, for whatever reason, as written."""
    special = model.fields.get("fallback_on")
    said = [model.fields.get("fallback"), *(special.fields.values() if special else ())]
    return [item for one in said if one and one.value for item in (one.items or [one])]


def _deployments(model: Node) -> list[Node]:
    if isinstance(model.value, list):
        return model.items
    below = model.fields.get("deployments")
    return below.items if below else [model]


def _add(found: dict[str, Node], node: Node, *, whole: bool) -> None:
    """Note a name: a whole provider name, or the part before the slash (all, where there is none)."""
    if isinstance(node.value, str) and "${" not in node.value:
        name, slash, _ = node.value.partition("/")
        found.setdefault(node.value if whole or not slash else name, node)
