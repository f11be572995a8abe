"""What was spent, and how providers did, from the ledger's rows."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from modelway import errors
from modelway.clock import SystemClock
from modelway.ledger.query import TIMES, Query, parse
from modelway.ledger.values import Group, LedgerStore
from modelway.ports import Clock

_CLOCK: Clock = SystemClock()
_NOTHING: Mapping[str, str] = {}
_SUMS = tuple([name for name in Group.__struct_fields__ if name != "key"])


class CostReport(Struct, frozen=True, kw_only=True):
    """Sums by what was asked for: in order of time where they are by it, else the dearest first."""

    by: tuple[str, ...]
    time_zone: str
    since: float | None
    until: float | None
    groups: tuple[Group, ...]
    total: Group
    """Of all rows. Less than the sum of groups by tag, where rows have several."""
    more: bool = False
    """Whether there are groups that cost less than these."""


async def cost_report(store: LedgerStore, query: Query) -> CostReport:
    """What these rows cost. StoreDownError where the store cannot be reached."""
    found = await store.groups(
        query.by, query.where, time_zone=query.time_zone, limit=query.limit + 1
    )
    more = len(found) > query.limit
    groups = found[: query.limit]
    adds_up = not more and "tag" not in query.by
    times = [query.by.index(name) for name in TIMES if name in query.by]
    return CostReport(
        by=query.by,
        time_zone=query.time_zone,
        since=query.where.since,
        until=query.where.until,
        groups=tuple(sorted(groups, key=lambda one: [one.key[at] for at in times])),
        total=sum_of(groups if adds_up else await store.groups((), query.where)),
        more=more,
    )


async def costs(
    store: LedgerStore,
    query: Mapping[str, str],
    *,
    clock: Clock = _CLOCK,
    only: Mapping[str, str] = _NOTHING,
) -> bytes:
    """A ``CostReport`` as JSON, of a URL's query.

    ``only`` is what the caller is held to, such as its tenant. BadRequestError names the parameter
    that is wrong.
    """
    asked = parse(query, now=clock.time(), only=only)
    return msgspec.json.encode(await cost_report(store, asked))


def sum_of(groups: Iterable[Group]) -> Group:
    """All of them as one, without a key; zeros where there are none."""
    sums: dict[str, Any] = dict.fromkeys(_SUMS, 0)
    for group in groups:
        for name in _SUMS:
            sums[name] += getattr(group, name)
    return Group(key=(), **sums)


# ---------------------------------------------------------------- providers

REPORT_BY = ("error", "basis")
"""What a report on providers is by, behind what it compares."""


class Standing(Struct, frozen=True, kw_only=True):
    """How one of those compared did: a provider's model, or what else the report is by."""

    key: tuple[str, ...]
    rank: int
    """1 is the best: by the sum of its places in success, time and cost."""
    attempts: int
    """That have ended."""
    succeeded: int
    failed: int
    """By what the provider answers for: see ``answers_for``."""
    open: int
    success_rate: float | None
    """Of those that succeeded or failed."""
    success_low: float | None
    """The low end of its 95 % interval by Wilson: few attempts prove little."""
    mean_s: float | None
    """How long those that succeeded took."""
    cost_pico_usd: int
    cost_per_success_pico_usd: int | None
    """Of everything that was paid, failures included; rounded up. ``None``: some of it has no price."""
    estimated_pico_usd: int
    unpriced: int
    errors: dict[str, int] = {}
    """How often each class of error ended one, the most frequent first."""


@functools.cache
def answers_for(error: str) -> bool:
    """Whether an error of this class is the provider's doing.

    It is not where the request, the caller or we ended it.
    """
    found = getattr(errors, error, None)
    theirs = (errors.UnavailableError, errors.CredentialError, errors.ResponseError)
    return isinstance(found, type) and issubclass(found, theirs)


def standings(groups: Iterable[Group], wide: int) -> list[Standing]:
    """Those compared, the best first, of groups by ``wide`` dimensions and ``REPORT_BY``.

    Hits in a cache are to be left out of the groups: no provider was asked.
    """
    gathered: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        gathered.setdefault(group.key[:wide], []).append(group)
    found = [_standing(key, each) for key, each in gathered.items()]
    places: list[Callable[[Standing], float]] = [
        lambda one: -(one.success_low or 0.0),
        lambda one: math.inf if one.mean_s is None else one.mean_s,
        lambda one: (
            math.inf if one.cost_per_success_pico_usd is None else one.cost_per_success_pico_usd
        ),
    ]
    sums = {one.key: sum([_place(one, found, by) for by in places]) for one in found}
    best = sorted(found, key=lambda one: (sums[one.key], one.key))
    ordered = sorted(sums.values())
    return [replace(one, rank=ordered.index(sums[one.key]) + 1) for one in best]


def _place(one: Standing, among: list[Standing], by: Callable[[Standing], float]) -> int:
    return sum([by(other) < by(one) for other in among])


def _standing(key: tuple[str, ...], groups: list[Group]) -> Standing:
    ended = [group for group in groups if group.key[-1]]
    whole = sum_of(ended)
    good = sum_of([group for group in ended if not group.key[-2]])
    mix: Counter[str] = Counter()
    for group in ended:
        if group.key[-2]:
            mix[group.key[-2]] += group.attempts
    failed = sum([times for error, times in mix.items() if answers_for(error)])
    judged = good.attempts + failed
    priced = bool(good.attempts) and not whole.unpriced
    return Standing(
        key=key,
        rank=0,
        attempts=whole.attempts,
        succeeded=good.attempts,
        failed=failed,
        open=sum([group.attempts for group in groups if not group.key[-1]]),
        success_rate=good.attempts / judged if judged else None,
        success_low=_wilson_low(good.attempts, judged) if judged else None,
        mean_s=good.took_s / good.attempts if good.attempts else None,
        cost_pico_usd=whole.cost_pico_usd,
        cost_per_success_pico_usd=-(-whole.cost_pico_usd // good.attempts) if priced else None,
        estimated_pico_usd=whole.estimated_pico_usd,
        unpriced=whole.unpriced,
        errors=dict(mix.most_common()),
    )


_Z = 1.959964
"""Standard deviations within which 95 % of a normal distribution are."""


def _wilson_low(good: int, of: int) -> float:
    """Source: https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval, 2026-11-21."""
    share, square = good / of, _Z * _Z / of
    spread = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of))
    return (share + square / 2 - spread) / (1 + square)
