"""Which arm a unit gets: the same one in every process, by weighted rendezvous hashing.

Each arm draws a number for the unit, from a hash of the experiment, its salt, the arm and the unit,
and the least one wins. An arm's draw depends on no other arm, so that a change moves only what it
must: a new arm, or more weight, takes units from all others and moves none between them; an arm that
goes, or is made lighter, gives its own away in the others' proportions. The order of arms is nothing.

Source: https://en.wikipedia.org/wiki/Rendezvous_hashing, 2026-11-21 (the weighted form).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

from modelway.errors import ConfigError
from modelway.experiments.values import Arm, Experiment

_STEPS = 2.0**-53
"""A double has 53 bits: that many of a hash make an exact number between 0 and 1."""


_PRIOR_UNITS = 100.0
"""How many units the weights are worth when the shares are held against them."""


def assign(experiment: Experiment, unit: str) -> Arm:
    """The unit's arm. ConfigError where no arm has a weight."""
    best, least = None, math.inf
    for arm in experiment.arms:
        if arm.weight > 0:
            drawn = -math.log(_uniform(experiment, arm, unit)) / arm.weight
            if best is None or drawn < least:
                best, least = arm, drawn
    if best is None:
        raise ConfigError(
            f"experiment {experiment.name!r} has no arm with a weight above 0: give one a weight"
        )
    return best


def shares(experiment: Experiment) -> dict[str, float]:
    """The part of new units that each arm gets."""
    total = math.fsum([arm.weight for arm in experiment.arms])
    return {arm.name: arm.weight / total if total else 0.0 for arm in experiment.arms}


def log_evidence(counts: Mapping[str, int], expected: Mapping[str, float]) -> float:
    """Against "units came to the arms in these shares": the logarithm of an e-value, at any time.

    A split that is off means that arms lose outcomes, or that the weights were changed on the way:
    then what the arms' outcomes are says little. Source: https://arxiv.org/abs/2011.03567 (Lindon and
    Malek), 2026-11-21.
    """
    found = 0.0
    prior = {name: _PRIOR_UNITS * share for name, share in expected.items() if share > 0}
    for name, units in prior.items():
        number = counts.get(name, 0)
        found += math.lgamma(units + number) - math.lgamma(units)
        found -= number * math.log(expected[name])
    seen = sum([counts.get(name, 0) for name in prior])
    total = math.fsum(prior.values())
    return found + math.lgamma(total) - math.lgamma(total + seen)


def pseudonym(experiment: str, unit: str) -> str:
    """A short name for a unit, the same every time, that does not say who it is."""
    return _digest(16, experiment, unit).hex()


def _uniform(experiment: Experiment, arm: Arm, unit: str) -> float:
    digest = _digest(8, experiment.name, experiment.salt, arm.name, unit)
    return ((int.from_bytes(digest, "big") >> 11) + 0.5) * _STEPS


def _digest(size: int, *words: str) -> bytes:
    # with their lengths, so that no two lists of words are one text
    data = [word.encode("utf-8", "surrogatepass") for word in words]
    framed = b"".join([len(word).to_bytes(8, "big") + word for word in data])
    return hashlib.blake2b(framed, digest_size=size).digest()
