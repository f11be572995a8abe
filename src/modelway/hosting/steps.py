"""Names as single steps of a path: none of them can lead to another path."""

from __future__ import annotations

from urllib.parse import quote

from modelway.call import Target
from modelway.catalog.rows import PlaceName
from modelway.errors import BadRequestError, ConfigError


def step(name: str, keep: str = "") -> str:
    """The name as one step, percent-encoded but for letters, digits, ``-._~`` and ``keep``."""
    if name in ("", ".", ".."):
        raise BadRequestError(f"no model has the name {name!r}", param="model")
    return quote(name, safe=f"-._~{keep}")


def place(target: Target, name: PlaceName) -> str:
    value = target.places.get(name)
    if not value:
        raise ConfigError(f"the provider of {target.model} needs a {name}", model=target.model)
    return step(value)
