"""The shape of ``models`` with a ``vendor`` each, ``providers`` and ``defaults``."""

from __future__ import annotations

from modelway.config.nodes import Node, with_fields
from modelway.config.reading import Context
from modelway.config.shapes.synonyms import Synonyms, To, put, rename

_TIMES: Synonyms = {
    "timeout_seconds": To("timeout_s"),
    "timeout": To("timeout_s"),
    "timeout_ms": To("timeout_s", 0.001),
    "max_retries": To("retries"),
    "retry_delay_ms": To("backoff.base_s", 0.001),
    "retry_delay_seconds": To("backoff.base_s"),
}
_MODEL: Synonyms = {
    **_TIMES,
    "vendor": To("provider"),
    "model_id": To("model"),
    "fallbacks": To("fallback"),
}
_PROVIDER: Synonyms = {
    **_TIMES,
    "rate_limit": To("limits"),
    "rate_limits": To("limits"),
    "provider": To("like"),
    "text_model": To("default_model"),
}
_RETRY: Synonyms = {
    "initial_backoff_ms": To("base_s", 0.001),
    "max_backoff_ms": To("cap_s", 0.001),
    "backoff_multiplier": To("factor"),
}


def normalise(root: Node, context: Context) -> Node:
    """Vendors, units and retry settings under their own names."""
    fields = dict(root.fields)
    for section, one in (("models", _model), ("providers", _provider)):
        node = fields.get(section)
        if node is not None and isinstance(node.value, dict):
            fields[section] = with_fields(
                node, {name: one(item, context) for name, item in node.fields.items()}
            )
    if "defaults" in fields:
        fields["defaults"] = _retries(rename(fields["defaults"], _TIMES, context), context)
    return with_fields(root, fields)


def _model(node: Node, context: Context) -> Node:
    return _retries(rename(node, _MODEL, context), context)


def _provider(node: Node, context: Context) -> Node:
    return _retries(rename(node, _PROVIDER, context), context)


def _retries(node: Node, context: Context) -> Node:
    """``retry_config`` as ``retries`` and ``backoff``."""
    told = node.fields.get("retry_config")
    if told is None:
        return node
    fields = {name: item for name, item in node.fields.items() if name != "retry_config"}
    for name, item in rename(told, _RETRY, context).fields.items():
        if not put(fields, "retries" if name == "max_retries" else f"backoff.{name}", item):
            context.error(item, "is also said outside retry_config")
    return with_fields(node, fields)
