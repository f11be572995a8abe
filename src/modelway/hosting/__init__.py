"""How hosts carry dialects that they did not make, by name, each loaded when first asked for.

A hosting is a module with a ``HOSTING``: pure functions over paths, bodies and frames, and no I/O.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from modelway.errors import ConfigError
from modelway.ports import Hosting

_MODULES = {
    "azure-openai": "modelway.hosting.azure_openai",
    "bedrock-invoke": "modelway.hosting.bedrock_invoke",
    "vertex-anthropic": "modelway.hosting.vertex_anthropic",
    "vertex-gemini": "modelway.hosting.vertex_gemini",
}

NAMES = tuple(_MODULES)


@cache
def hosting(name: str) -> Hosting:
    """The hosting of this name; ConfigError for one that does not exist."""
    module = _MODULES.get(name)
    if module is None:
        raise ConfigError(f"unknown hosting {name!r}; there are {', '.join(NAMES)}")
    found: Hosting = import_module(module).HOSTING
    return found
