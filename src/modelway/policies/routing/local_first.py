"""Strategy: what runs on the user's own machine before what does not, each by priority and weight."""

from __future__ import annotations

import random
from collections.abc import Sequence

from modelway.policies.routing.weighted import weighted
from modelway.ports import Asked, Candidate


def local_first(
    asked: Asked, candidates: Sequence[Candidate], chance: random.Random
) -> Sequence[Candidate]:
    """Local providers first, whatever their priority."""
    local = [candidate for candidate in candidates if candidate.deployment.provider.local]
    remote = [candidate for candidate in candidates if not candidate.deployment.provider.local]
    return [*weighted(asked, local, chance), *weighted(asked, remote, chance)]
