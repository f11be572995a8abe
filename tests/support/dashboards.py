"""The dashboards that come with modelway, and the queries in them."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

_FOLDER = files("modelway.observe") / "grafana"


def dashboards() -> list[str]:
    return sorted(one.name for one in _FOLDER.iterdir() if one.name.endswith(".json"))


def dashboard(name: str) -> Any:
    return json.loads((_FOLDER / name).read_text("utf-8"))


def queries(name: str, *, interval: str, over: str) -> list[tuple[str, str]]:
    """(Panel's title, PromQL), with what Grafana would put for its variables."""
    variables = {
        "$__rate_interval": interval,
        "$__range": over,
        "$provider": ".*",
        "$model": ".*",
    }
    found = []
    for panel in dashboard(name)["panels"]:
        for target in panel["targets"]:
            query = target["expr"]
            for variable, value in variables.items():
                query = query.replace(variable, value)
            found.append((panel["title"], query))
    return found
