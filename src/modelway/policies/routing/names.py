"""What strategies and filters are called, by all who name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from modelway.policies.routing.by_size import by_size
from modelway.policies.routing.capability import capability
from modelway.policies.routing.cheapest import cheapest, cost_optimised
from modelway.policies.routing.filters import fits, local_if_sensitive, within_budget
from modelway.policies.routing.given import Given
from modelway.policies.routing.latency import latency
from modelway.policies.routing.least_busy import least_busy
from modelway.policies.routing.local_first import hybrid, local_first
from modelway.policies.routing.random_order import random_order
from modelway.policies.routing.remarks import Remark, nothing, unpriced, unscored
from modelway.policies.routing.round_robin import RoundRobin
from modelway.policies.routing.scores import scored_by
from modelway.policies.routing.task_table import task_table
from modelway.policies.routing.tiers import Tiered
from modelway.policies.routing.weighted import weighted
from modelway.ports import Filter, Strategy

FILTERS: Mapping[str, Filter] = {
    "fits": fits,
    "within_budget": within_budget,
    "local_if_sensitive": local_if_sensitive,
}


class Row(NamedTuple):
    """How a ranking is made, and the filters without which it does not keep its word."""

    make: Callable[[Given], Strategy]
    filters: tuple[str, ...] = ()
    remark: Callable[[Given], Remark] = lambda _: nothing


STRATEGIES: Mapping[str, Row] = {
    "ordered": Row(lambda _: Tiered(weighted)),
    "weighted": Row(lambda _: Tiered(weighted)),
    "random": Row(lambda _: Tiered(random_order)),
    "round_robin": Row(lambda _: Tiered(RoundRobin())),
    "least_busy": Row(lambda _: Tiered(least_busy)),
    "latency": Row(lambda _: Tiered(latency)),
    "cheapest": Row(lambda given: Tiered(cheapest(given.now)), remark=lambda _: unpriced),
    "cost_optimised": Row(
        lambda given: Tiered(cost_optimised(given.now)),
        ("fits", "within_budget"),
        lambda _: unpriced,
    ),
    "capability": Row(
        lambda given: Tiered(capability(scored_by(given.scores), given.now)),
        ("fits",),
        lambda given: unscored(scored_by(given.scores)),
    ),
    "by_size": Row(lambda given: Tiered(by_size(given.now))),
    "local_first": Row(lambda _: local_first()),
    "hybrid": Row(lambda _: hybrid(), ("local_if_sensitive",)),
    "task_table": Row(
        lambda given: task_table(given.prefer, scored_by(given.scores), given.now),
        ("fits", "local_if_sensitive"),
    ),
}
"""A ranking's name → what makes it. One that remembers is made once for each route."""

ALIASES: Mapping[str, str] = {
    "priority": "ordered",
    "fallback": "ordered",
    "failover": "ordered",
    "sequential": "ordered",
    "shuffle": "random",
    "simple_shuffle": "weighted",
    "weighted_random": "weighted",
    "load_balanced": "round_robin",
    "load_balance": "round_robin",
    "load_balancing": "round_robin",
    "usage_based_routing": "least_busy",
    "usage_based_routing_v2": "least_busy",
    "least_connections": "least_busy",
    "fastest": "latency",
    "lowest_latency": "latency",
    "least_latency": "latency",
    "latency_based": "latency",
    "latency_based_routing": "latency",
    "lowest_cost": "cheapest",
    "cost_based_routing": "cheapest",
    "cost_optimized": "cost_optimised",
    "capability_based": "capability",
    "local_affinity": "local_first",
    "prefer_local": "local_first",
}
"""Other spellings in use → the ranking that they mean."""
