"""Wire formats, by name, each loaded when first asked for.

A dialect is a package with a module-level ``DIALECT``; dialects do not know each other.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from modelway.call import Call
from modelway.catalog import entry_points
from modelway.errors import ConfigError
from modelway.ports import Dialect

_PACKAGES = {
    "openai-chat": "modelway.dialects.openai_chat",
    "openai-responses": "modelway.dialects.openai_responses",
    "anthropic-messages": "modelway.dialects.anthropic_messages",
    "bedrock-converse": "modelway.dialects.bedrock_converse",
    "gemini": "modelway.dialects.gemini",
    "ollama": "modelway.dialects.ollama",
    "cohere": "modelway.dialects.cohere",
    "replicate": "modelway.dialects.replicate",
}

NAMES = tuple(_PACKAGES)


@cache
def dialect(name: str) -> Dialect:
    """The dialect of this name; ConfigError for one that does not exist."""
    package = _PACKAGES.get(name)
    if package is not None:
        found: Dialect = import_module(package).DIALECT
        return found
    if name not in entry_points.installed("dialects"):
        raise ConfigError(f"unknown dialect {name!r}; there are {', '.join(names())}")
    return entry_points.loaded("dialects", name, Dialect)


def names() -> tuple[str, ...]:
    """Every dialect's name: our own first, then those that installed packages add."""
    return (*NAMES, *[name for name in entry_points.installed("dialects") if name not in NAMES])


def requested(call: Call) -> Any:
    """The question as a value: the caller's own, or a client's bytes decoded; ``None``: there is none."""
    if call.request is not None or call.body is None:
        return call.request
    face = dialect(call.body.dialect).downstream[call.operation]
    return face.decode(call.body.fields)
