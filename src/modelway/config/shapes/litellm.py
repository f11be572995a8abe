"""The file of LiteLLM's proxy: recognised, and said not to be read yet."""

from __future__ import annotations

from modelway.config.nodes import Node, with_fields
from modelway.config.reading import Context

_OWN_FIELDS = ("model_list", "litellm_settings", "router_settings", "general_settings")


def normalise(root: Node, context: Context) -> Node:
    """Without LiteLLM's fields, which are one problem."""
    if "model_list" not in root.fields:
        return root
    context.error(
        root.fields["model_list"],
        "this is LiteLLM's shape, which this version does not read: write `providers` and `models`, "
        "for which `modelway config init` makes a first file",
    )
    return with_fields(
        root, {name: item for name, item in root.fields.items() if name not in _OWN_FIELDS}
    )
