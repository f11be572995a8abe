"""Deployments grouped by priority, the lowest number first."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ports import Candidate


def tiers(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Groups of equal priority, each in the order written."""
    groups: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.deployment.priority, []).append(candidate)
    return [groups[priority] for priority in sorted(groups)]
