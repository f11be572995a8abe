"""The shape of a ``default_provider`` with ``fallback_providers``: nearly the own schema."""

from __future__ import annotations

from modelway.config.nodes import Node
from modelway.config.reading import Context
from modelway.config.shapes.synonyms import Synonyms, To, rename

_TOP: Synonyms = {
    "request_timeout": To("defaults.timeout_s"),
    "request_timeout_seconds": To("defaults.timeout_s"),
    "fallbacks": To("fallback_providers"),
}


def normalise(root: Node, context: Context) -> Node:
    """The request's timeout among the defaults."""
    return rename(root, _TOP, context)
