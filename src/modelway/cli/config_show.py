"""``modelway config show``: every value in force, with its origin, secrets masked."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from modelway.cli import output
from modelway.cli.options import File, Json
from modelway.config.load import load, origins
from modelway.errors import ConfigError


def show(
    file: File = None,
    *,
    only: Annotated[str, Parameter(name=["--only", "-o"])] = "",
    json: Json = False,
) -> int:
    """Show every value in force, and where it came from. Keys are masked.

    For example:
        modelway config show
        modelway config show --only gateway
        modelway config show production.yaml --json

    Parameters
    ----------
    only
        Values whose path begins so, as providers.openai.
    """
    settings = load(file)
    rows = [row for row in origins(settings) if row.path.startswith(only)]
    if only and not rows:
        raise ConfigError(f"no value's path begins with {only!r}; leave out --only to see all")
    if json:
        output.show_json(rows)
    else:
        output.table(("VALUE", "IS", "FROM"), [(row.path, row.value, row.origin) for row in rows])
    return 0
