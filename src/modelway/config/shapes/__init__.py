"""Other people's configuration shapes, each rewritten into the own schema by a pure function."""

from __future__ import annotations

from modelway.config.nodes import Node
from modelway.config.reading import Context
from modelway.config.shapes import litellm, models_providers, provider_list, selection

_SHAPES = (
    litellm.normalise,
    provider_list.normalise,
    selection.normalise,
    models_providers.normalise,
)


def normalise(root: Node, context: Context) -> Node:
    """The same configuration in the own schema; what is already in it stays as it is."""
    for shape in _SHAPES:
        root = shape(root, context)
    return root
