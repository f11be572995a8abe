"""Deployments grouped by priority, the lowest number first."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.call import Deployment


def tiers(candidates: Sequence[Deployment]) -> list[list[Deployment]]:
    """Groups of equal priority, each in the order written."""
    groups: dict[int, list[Deployment]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.priority, []).append(candidate)
    return [groups[priority] for priority in sorted(groups)]
