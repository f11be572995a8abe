"""What several answers used and cost together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelway.types import ChatResponse, Usage

_COUNTS = tuple([name for name in Usage.__struct_fields__ if name != "raw"])


def total_usage(usages: Iterable[Usage]) -> Usage:
    """Each count summed over those that say it; ``None`` where none does. ``raw`` is left out."""
    known = list(usages)
    totals: dict[str, Any] = {}
    for name in _COUNTS:
        said = [value for usage in known if (value := getattr(usage, name)) is not None]
        totals[name] = sum(said) if said else None
    return Usage(**totals)


def total_cost(responses: Iterable[ChatResponse]) -> int | None:
    """The sum in pico-dollars; ``None`` where one of them is not known."""
    costs = [response.cost_pico_usd for response in responses]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None
