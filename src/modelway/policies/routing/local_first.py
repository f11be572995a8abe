"""Strategy: what runs on the user's own machine before what does not, each by priority and weight."""

from __future__ import annotations

import random
from collections.abc import Sequence

from modelway.call import Call, Deployment
from modelway.policies.routing.weighted import weighted


def local_first(
    call: Call, candidates: Sequence[Deployment], chance: random.Random
) -> Sequence[Deployment]:
    """Local providers first, whatever their priority."""
    local = [candidate for candidate in candidates if candidate.provider.local]
    remote = [candidate for candidate in candidates if not candidate.provider.local]
    return [*weighted(call, local, chance), *weighted(call, remote, chance)]
