"""Wire formats, by name, each loaded when first asked for.

A dialect is a package with a module-level ``DIALECT``; dialects do not know each other.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from modelway.errors import ConfigError
from modelway.ports import Dialect

_PACKAGES = {
    "openai-chat": "modelway.dialects.openai_chat",
    "openai-responses": "modelway.dialects.openai_responses",
    "anthropic-messages": "modelway.dialects.anthropic_messages",
    "bedrock-converse": "modelway.dialects.bedrock_converse",
    "gemini": "modelway.dialects.gemini",
}

NAMES = tuple(_PACKAGES)


@cache
def dialect(name: str) -> Dialect:
    """The dialect of this name; ConfigError for one that does not exist."""
    package = _PACKAGES.get(name)
    if package is None:
        raise ConfigError(f"unknown dialect {name!r}; there are {', '.join(NAMES)}")
    found: Dialect = import_module(package).DIALECT
    return found
