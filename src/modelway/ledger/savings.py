"""Looks at each row of the ledger once for what would have saved on it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple, cast, get_args

from msgspec.structs import replace

from modelway.catalog.models import ModelInfo, Service
from modelway.catalog.plain_price import PlainPrice, plain_price
from modelway.catalog.pricing import Unpriced, cost, tariff_for
from modelway.ledger.hints import (
    Assumed,
    Candidates,
    Hint,
    Kind,
    Prices,
    Proof,
    Saving,
    Sums,
    ordered,
)
from modelway.ledger.rerate import usage_of
from modelway.ledger.values import Intent, LedgerRow, LedgerStore, Settlement, Where
from modelway.types import Usage

_ASSUMED = Assumed()
_SERVICES = frozenset(get_args(Service))
_PICO_USD = 10**12
_SECONDS_AN_HOUR = 3600
_DAY_S = 86_400
_PROMPT_LIFE_S = 300.0
"""How long a provider keeps a beginning that nobody uses.

Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching (5 minutes) and
https://platform.openai.com/docs/guides/prompt-caching (5 to 10), 2026-11-21.
"""
_SHORTEST_PROMPT = 4096
"""Tokens of a beginning that every one of them keeps: the most that any asks for, by the same pages."""
_MOST_REMEMBERED = 100_000
"""Requests that are looked for again; past twice as many the oldest are forgotten."""


class Seen(NamedTuple):
    """A row that cost something, and what it cost by the prices of its time."""

    intent: Intent
    settled: Settlement
    usage: Usage
    info: ModelInfo | None
    cost: int

    @property
    def about(self) -> str:
        return f"{self.intent.provider}/{self.intent.model}"

    def saving(self, kind: Kind, saved: int, *, to: str = "", about: str | None = None) -> Saving:
        proof = Proof(
            id=self.intent.id,
            time=self.intent.time,
            model=self.about,
            cost_pico_usd=self.cost,
            saved_pico_usd=saved,
        )
        return Saving(kind, self.about if about is None else about, to, proof)


async def hints(
    store: LedgerStore,
    where: Where,
    prices: Prices,
    *,
    candidates: Candidates | None = None,
    assumed: Assumed = _ASSUMED,
    proofs: int = 0,
) -> list[Hint]:
    """What each change alone would have saved, the most first; with so many proofs of each."""
    book = _Book(prices)
    hosting = _SelfHosting(assumed)
    lookers: list[Callable[[Seen], Iterator[Saving]]] = [
        _ExactCache(assumed.cache_life_s),
        _PromptCache(book, assumed.shared_part),
        _Shorter(book, assumed.answer_tokens),
        _Batch(book),
        hosting,
    ]
    if candidates is not None:
        lookers.append(_Tiering(book, candidates))
    sums = Sums(proofs)
    async for batch in store.rows(where):
        for row in batch:
            seen = book.seen(row)
            if seen is None:
                continue
            for look in lookers:
                for saving in look(seen):
                    sums.add(saving)
    said = _assumptions(assumed)
    found = [hosting.less_its_hours(one) for one in sums.hints(said)]
    return ordered([one for one in found if one.saved_pico_usd > 0])


def _assumptions(assumed: Assumed) -> dict[Kind, str]:
    price = (
        f"at ${assumed.usd_per_hour} an hour, day and night from the first of these rows to the last"
        if assumed.usd_per_hour is not None
        else f"at ${assumed.usd_per_million} a million tokens"
    )
    return {
        "tiering": "had it done the same work with as many tokens, and well enough",
        "exact_cache": f"had answers been kept for {assumed.cache_life_s:g} s and given again to "
        "the same tenant for what was probably the same request to the same model",
        "prompt_cache": f"at most, had {assumed.shared_part:.0%} of the shorter of two inputs of a key "
        "to a model within 5 minutes been their common beginning, and cached",
        "shorter": f"had no answer been longer than {assumed.answer_tokens:,} tokens, reasoning aside",
        "batch": "had all of these been able to wait for a batch, which may take a day",
        "self_hosting": f"had a machine of your own done all of it {price}",
    }


class _Book:
    """Prices of usages, remembered by model and day."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._plain: dict[tuple[int, int], tuple[ModelInfo, PlainPrice | None]] = {}

    def seen(self, row: LedgerRow) -> Seen | None:
        """A row that was asked of a provider, and cost something; ``None`` for any other."""
        settled = row.settlement
        if settled is None or not settled.cost_pico_usd or settled.cache:
            return None
        usage, info = usage_of(settled), self._prices(row.intent)
        service = service_of(row.intent)
        by_prices = None if service is None else self.of(info, usage, row.intent, service)
        was = settled.cost_pico_usd if by_prices is None else by_prices
        return Seen(row.intent, settled, usage, None if by_prices is None else info, was)

    def of(
        self, info: ModelInfo | None, usage: Usage, intent: Intent, service: Service = "standard"
    ) -> int | None:
        """Pico-dollars, where the price is known."""
        if info is None:
            return None
        if service == "standard":
            key = id(info), int(intent.time // _DAY_S)
            there = self._plain.get(key)
            if there is None or there[0] is not info:
                there = self._plain[key] = info, plain_price(info, at(intent))
            if there[1] is not None and (sum_ := there[1].of(usage)) is not None:
                return sum_
        found = cost(usage, info, at=at(intent), service=service)
        return None if isinstance(found, Unpriced) else found.total_pico_usd


# ---------------------------------------------------------------- changes


class _Tiering:
    """The same work on a cheaper model that is known to be able to do it."""

    def __init__(self, book: _Book, candidates: Candidates) -> None:
        self._book = book
        self._candidates = candidates

    def __call__(self, seen: Seen) -> Iterator[Saving]:
        if seen.info is None or seen.settled.error:
            return
        for candidate in self._candidates(seen.intent.provider, seen.intent.model):
            if candidate.name == seen.about or not _fits(seen.usage, candidate.info):
                continue
            less = self._book.of(candidate.info, seen.usage, seen.intent)
            if less is None:  # no price for what is cached: all of the input is then read anew
                anew = replace(seen.usage, cached_tokens=0, cache_write_tokens=0)
                less = self._book.of(
                    candidate.info, replace(anew, cache_write_1h_tokens=0), seen.intent
                )
            if less is not None:
                yield seen.saving("tiering", seen.cost - less, to=candidate.name)


def able(model: ModelInfo, instead: ModelInfo) -> bool:
    """Whether what is known of the second covers what is known of the first."""
    return (
        instead.mode == model.mode
        and set(model.inputs) <= set(instead.inputs)
        and all(
            getattr(instead, name) or not getattr(model, name)
            for name in ("tools", "json_schema", "reasoning")
        )
    )


def _fits(usage: Usage, info: ModelInfo) -> bool:
    read, made = usage.input_tokens or 0, usage.output_tokens or 0
    window, longest = info.context_tokens, info.max_output_tokens
    return window is not None and read + made <= window and (longest is None or made <= longest)


class _ExactCache:
    """Answers that were there already when the same was asked again."""

    def __init__(self, life_s: float) -> None:
        self._life_s = life_s
        self._kept: dict[tuple[object, ...], float] = {}
        self._older: dict[tuple[object, ...], float] = {}

    def __call__(self, seen: Seen) -> Iterator[Saving]:
        intent = seen.intent
        if not intent.same or seen.settled.error:
            return
        now = intent.time
        key = (intent.tenant, intent.operation, intent.asked, intent.same, seen.usage.input_tokens)
        since = self._kept.get(key, self._older.get(key, -math.inf))
        if since <= now < since + self._life_s:
            yield seen.saving("exact_cache", seen.cost, about="")
        elif now >= since:  # else its answer is still on its way
            if len(self._kept) >= _MOST_REMEMBERED:
                self._older, self._kept = self._kept, {}
            self._kept[key] = now + seen.settled.took_s


class _Before(NamedTuple):
    """The row before, of a key to a model."""

    time: float
    tokens: int
    writing: Seen | None
    """That would have written to the cache, where this is not counted yet."""


class _PromptCache:
    """Beginnings of inputs that could have been read from the provider's cache."""

    def __init__(self, book: _Book, part: float) -> None:
        self._book = book
        self._part = part
        self._before: dict[tuple[str, str, str, str], _Before] = {}

    def __call__(self, seen: Seen) -> Iterator[Saving]:
        intent, tokens = seen.intent, seen.usage.input_tokens or 0
        if tokens < _SHORTEST_PROMPT or seen.info is None or service_of(intent) is None:
            return
        key = intent.tenant, intent.key, intent.provider, intent.model
        before = self._before.pop(key, None)
        writing: Seen | None = seen
        if before is not None and intent.time - before.time <= _PROMPT_LIFE_S:
            writing = before.writing
            saving = self._read(seen, int(self._part * min(tokens, before.tokens)))
            if saving is not None:
                if writing is not None:
                    yield self._written(writing)
                    writing = None
                yield saving
        if len(self._before) > _MOST_REMEMBERED:
            self._before.clear()
        self._before[key] = _Before(intent.time, tokens, writing)

    def _read(self, seen: Seen, shared: int) -> Saving | None:
        if shared < _SHORTEST_PROMPT or shared <= (seen.usage.cached_tokens or 0):
            return None
        less = self._priced(seen, replace(seen.usage, cached_tokens=shared))
        return None if less is None else seen.saving("prompt_cache", seen.cost - less)

    def _written(self, seen: Seen) -> Saving:
        """What writing costs more than reading, at hosts that bill it."""
        tokens = int(self._part * (seen.usage.input_tokens or 0)) - (seen.usage.cached_tokens or 0)
        more = None
        if tokens > (seen.usage.cache_write_tokens or 0):
            more = self._priced(seen, replace(seen.usage, cache_write_tokens=tokens))
        return seen.saving("prompt_cache", 0 if more is None else seen.cost - more)

    def _priced(self, seen: Seen, usage: Usage) -> int | None:
        service = service_of(seen.intent) or "standard"
        return self._book.of(seen.info, usage, seen.intent, service)


class _Shorter:
    """Answers that were longer than need be."""

    def __init__(self, book: _Book, most: int) -> None:
        self._book = book
        self._most = most

    def __call__(self, seen: Seen) -> Iterator[Saving]:
        usage = seen.usage
        shorter = (usage.reasoning_tokens or 0) + self._most
        if seen.info is None or (usage.output_tokens or 0) <= shorter:
            return
        service = service_of(seen.intent) or "standard"
        cut = replace(usage, output_tokens=shorter)
        less = self._book.of(seen.info, cut, seen.intent, service)
        if less is not None:
            yield seen.saving("shorter", seen.cost - less)


class _Batch:
    """What nobody waited for as it came, at hosts with a price for batches."""

    def __init__(self, book: _Book) -> None:
        self._book = book

    def __call__(self, seen: Seen) -> Iterator[Saving]:
        if seen.info is None or seen.intent.stream or seen.intent.service != "standard":
            return
        if tariff_for(seen.info, at=at(seen.intent), service="batch") is None:
            return
        less = self._book.of(seen.info, seen.usage, seen.intent, "batch")
        if less is not None:
            yield seen.saving("batch", seen.cost - less)


class _SelfHosting:
    """All of it on a machine of one's own."""

    def __init__(self, assumed: Assumed) -> None:
        self._assumed = assumed
        self._first = math.inf
        self._last = -math.inf

    def __call__(self, seen: Seen) -> Iterator[Saving]:
        if self._assumed.usd_per_hour is not None:
            self._first = min(self._first, seen.intent.time)
            self._last = max(self._last, seen.intent.time + seen.settled.took_s)
            yield seen.saving("self_hosting", seen.cost, about="")
        elif (price := self._assumed.usd_per_million) is not None:
            if seen.usage.input_tokens is None:
                return
            tokens = seen.usage.input_tokens + (seen.usage.output_tokens or 0)
            less = _pico(price * tokens / 10**6)
            yield seen.saving("self_hosting", seen.cost - less, about="")

    def less_its_hours(self, hint: Hint) -> Hint:
        """The hint with what a machine would have cost in begun hours taken off."""
        if hint.kind != "self_hosting" or self._assumed.usd_per_hour is None:
            return hint
        hours = max(math.ceil((self._last - self._first) / _SECONDS_AN_HOUR), 1)
        machine = _pico(self._assumed.usd_per_hour * hours)
        return replace(hint, saved_pico_usd=hint.saved_pico_usd - machine)


def at(intent: Intent) -> dt.datetime:
    """When it was asked for: the prices of that moment are the ones."""
    return dt.datetime.fromtimestamp(intent.time, dt.UTC)


def service_of(intent: Intent) -> Service | None:
    """The terms, where they are some that prices are known by."""
    return cast("Service", intent.service) if intent.service in _SERVICES else None


def _pico(usd: Decimal) -> int:
    above, below = usd.as_integer_ratio()
    return -(-above * _PICO_USD // below)
