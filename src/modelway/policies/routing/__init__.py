"""In which order a route's deployments are tried. A lower priority number always comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from modelway.policies.routing.local_first import local_first
from modelway.policies.routing.ordered import ordered
from modelway.policies.routing.random_order import random_order
from modelway.policies.routing.round_robin import RoundRobin
from modelway.policies.routing.weighted import weighted
from modelway.ports import Strategy

STRATEGIES: Mapping[str, Callable[[], Strategy]] = {
    "ordered": lambda: ordered,
    "weighted": lambda: weighted,
    "random": lambda: random_order,
    "round_robin": RoundRobin,
    "local_first": lambda: local_first,
}
"""Name → maker. A strategy that remembers is made once for each engine."""

ALIASES: Mapping[str, str] = {
    "priority": "ordered",
    "fallback": "ordered",
    "failover": "ordered",
    "sequential": "ordered",
    "load_balanced": "round_robin",
    "load_balance": "round_robin",
    "load_balancing": "round_robin",
    "shuffle": "random",
    "simple_shuffle": "weighted",
    "weighted_random": "weighted",
    "local_affinity": "local_first",
    "prefer_local": "local_first",
}
"""Other spellings in use → the strategy that they mean."""

WITHOUT_DATA: Mapping[str, str] = {
    "lowest_cost": "prices",
    "cost_optimized": "prices",
    "cost_optimised": "prices",
    "cheapest": "prices",
    "least_busy": "counts of open requests",
    "fastest": "measured latencies",
    "lowest_latency": "measured latencies",
    "latency_based_routing": "measured latencies",
}
"""Strategies that need data which is not collected yet: they order as ``priority`` does."""


def canonical(name: str) -> str | None:
    """The strategy that a spelling means, or ``None``; case, ``-``, ``_`` make no difference."""
    plain = name.strip().casefold().replace("-", "_").replace(" ", "_")
    if plain in WITHOUT_DATA:
        return "ordered"
    plain = ALIASES.get(plain, plain)
    return plain if plain in STRATEGIES else None


def lacking(name: str) -> str | None:
    """What a strategy of this name would need and does not have, or ``None``."""
    return WITHOUT_DATA.get(name.strip().casefold().replace("-", "_").replace(" ", "_"))


def spellings() -> list[str]:
    """Every name that ``canonical`` knows."""
    return [*STRATEGIES, *ALIASES, *WITHOUT_DATA]


def strategy(name: str) -> Strategy:
    """A new strategy of this canonical name; keep it, for it may remember."""
    return STRATEGIES[name]()
