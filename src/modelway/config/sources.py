"""A file of a configuration → nodes: YAML or, by its name, TOML."""

from __future__ import annotations

from pathlib import Path

from modelway.config import toml_source, yaml_source
from modelway.config.nodes import Node, UnreadableError

MAX_FILE_BYTES = 4 * 1024 * 1024


def read_source(path: Path) -> Node:
    """A file of YAML or, by its name, TOML; UnreadableError says why it cannot be one."""
    reader = toml_source.read if path.suffix.casefold() == ".toml" else yaml_source.read
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UnreadableError(
            f"the file cannot be read: {error.strerror or type(error).__name__}"
        ) from None
    if len(content) > MAX_FILE_BYTES:
        raise UnreadableError(f"the file is larger than {MAX_FILE_BYTES} bytes")
    try:
        return reader(content.decode("utf-8-sig"), path.name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError("the file is not UTF-8", line=line) from None
