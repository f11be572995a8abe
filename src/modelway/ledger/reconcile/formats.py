"""The formats that exports are read in, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from modelway.errors import ConfigError
from modelway.ledger.reconcile import anthropic, generic, openai, openrouter
from modelway.ledger.reconcile.values import Export

_READERS: Mapping[str, Callable[[str, str], Export]] = {
    "openai": openai.read,
    "anthropic": anthropic.read,
    "openrouter": openrouter.read,
}
FORMATS = (*_READERS, "generic")
_NONE: Mapping[str, str] = {}


def read(
    data: bytes,
    name: str,
    *,
    provider: str,
    format: str,
    columns: Mapping[str, str] = _NONE,
) -> Export:
    """A file's content in this format. FileFaultError says where it is not what it should be."""
    if format not in FORMATS:
        raise ConfigError(f"the format {format!r} is not known; there are: {', '.join(FORMATS)}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise ConfigError(f"{name}:{line}:{column}: the file is not UTF-8") from None
    if format == "generic":
        return generic.read(text, name, provider, columns)
    if columns:
        raise ConfigError("--columns says how a file of --format generic is read")
    return _READERS[format](text, name)
