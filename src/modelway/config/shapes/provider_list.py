"""The shape of an ordered ``[[llm.providers]]`` list with ``[llm.fallback]``, and its older form."""

from __future__ import annotations

from msgspec.structs import replace

from modelway.config.nodes import Node, with_fields
from modelway.config.reading import Context, flag, integer
from modelway.config.schema import strategy
from modelway.config.shapes.synonyms import put

DEFAULT_ROUTE = "default"

_LIST_FIELDS = ("providers", "fallback")
_OLD_FIELDS = ("ollama_url", "text_model", "embedding_model")
_FALLBACK = {"enabled", "max_retries", "retry_delay_ms", "strategy"}


def normalise(root: Node, context: Context) -> Node:
    """``llm`` as providers, one route named ``default`` over them, and defaults."""
    llm = root.fields.get("llm")
    if llm is None:
        return root
    fields = {name: item for name, item in root.fields.items() if name != "llm"}
    for name, item in llm.fields.items():
        if name not in (*_LIST_FIELDS, *_OLD_FIELDS):
            context.error(item, f"unknown field {name!r} of the llm section")
    if "providers" in llm.fields:
        for name in _OLD_FIELDS:
            if name in llm.fields:
                context.notice(llm.fields[name], "ignored: the list of providers is newer and wins")
        _add_list(fields, llm, context)
    elif set(_OLD_FIELDS) & set(llm.fields):
        _add_single(fields, llm)
    return with_fields(root, fields)


def _add_single(fields: dict[str, Node], llm: Node) -> None:
    """The older form: one Ollama server."""
    names = {
        "ollama_url": "base_url",
        "text_model": "default_model",
        "embedding_model": "embedding_model",
    }
    provider = {names[name]: item for name, item in llm.fields.items() if name in names}
    put(fields, "providers.ollama", with_fields(llm, provider))
    put(fields, "default_provider", replace(llm, value="ollama"))


def _add_list(fields: dict[str, Node], llm: Node, context: Context) -> None:
    fallback = llm.fields.get("fallback", with_fields(llm, {}))
    for field, item in fallback.fields.items():
        if field not in _FALLBACK:
            context.error(item, f"unknown field {field!r} of the fallback section")
    ordering = fallback.fields.get("strategy")
    chosen = context.read(ordering, strategy) if ordering else "ordered"
    deployments: list[tuple[int, Node]] = []
    for position, item in enumerate(llm.fields["providers"].items):
        name = _name(item)
        if name is None:
            context.error(item, "an entry of the list needs a name or a provider")
            continue
        provider = {
            key: node for key, node in item.fields.items() if key not in ("name", "priority")
        }
        provider.setdefault("provider", replace(item, value=name))
        if not put(fields, f"providers.{name}", with_fields(item, provider)):
            context.error(item, f"a provider named {name!r} is there already")
            continue
        priority = item.fields.get("priority", replace(item, value=position + 1))
        place = context.read(priority, integer(0))
        deployment = {"provider": replace(item, value=name)}
        if chosen == "ordered":
            deployment["priority"] = priority
        if place is not None and _is_on(item, context):
            deployments.append((place, with_fields(item, deployment)))
    if not deployments:
        context.error(llm.fields["providers"], "no provider of the list is switched on")
        return
    first = [min(deployments, key=lambda pair: pair[0])]
    kept = deployments if _is_on(fallback, context) else first
    route = {"deployments": replace(llm, value=[node for _, node in kept])}
    if ordering is not None and chosen is not None:
        route["strategy"] = replace(ordering, value=chosen)
    put(fields, f"models.{DEFAULT_ROUTE}", with_fields(llm, route))
    put(fields, "default_model", replace(llm, value=DEFAULT_ROUTE))
    for field, own, scale in (
        ("max_retries", "retries", 1.0),
        ("retry_delay_ms", "backoff.base_s", 0.001),
    ):
        if field in fallback.fields:
            put(fields, f"defaults.{own}", replace(fallback.fields[field], scale=scale))


def _name(item: Node) -> str | None:
    for field in ("name", "provider"):
        node = item.fields.get(field)
        if node is not None and isinstance(node.value, str):
            return node.value
    return None


def _is_on(node: Node, context: Context) -> bool:
    told = node.fields.get("enabled")
    return told is None or context.read(told, flag) is not False
