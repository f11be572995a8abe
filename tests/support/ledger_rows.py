"""Rows of a ledger, and a ledger in memory that is slow and plain: what others are compared with."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from msgspec.structs import replace

from modelway.ledger.values import DIMENSIONS, Group, Intent, LedgerRow, Settlement, Where

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC).timestamp()
_SETTLEMENT = frozenset(Settlement.__struct_fields__)
_CLOCKED = {"day": "%Y-%m-%d", "hour": "%Y-%m-%dT%H", "month": "%Y-%m"}


def row(number: int = 1, *, open: bool = False, **said) -> LedgerRow:
    """One with these fields, whichever half they are of, and ordinary others."""
    name = said.pop("id", f"call{number}.1")
    settled = {name: said.pop(name) for name in list(said) if name in _SETTLEMENT}
    intent = {
        "time": NOON + number,
        "tenant": "local",
        "key": "admin",
        "team": "",
        "user": "",
        "tags": (),
        "operation": "chat",
        "stream": False,
        "asked": "fast",
        "deployment": "openai/gpt-4o-mini",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "price_version": "v1",
        **said,
    }
    if open:
        return LedgerRow(intent=Intent(id=name, **intent))
    cost = settled.pop("cost_pico_usd", 1_000_000)
    settlement = {
        "basis": "unknown" if cost is None else "catalogue",
        "took_s": 1.0,
        "input_tokens": 100,
        "output_tokens": 10,
        **settled,
    }
    version = settlement.pop("price_version", "")
    return LedgerRow(
        intent=Intent(id=name, **intent),
        settlement=Settlement(id=name, cost_pico_usd=cost, price_version=version, **settlement),
    )


class MemoryLedger:
    """A ``LedgerStore`` whose groups are sums over a list."""

    def __init__(self, rows: Sequence[LedgerRow] = ()) -> None:
        self.kept: dict[str, LedgerRow] = {one.intent.id: one for one in rows}

    async def add(self, rows: Sequence[LedgerRow]) -> None:
        for one in rows:
            there = self.kept.get(one.intent.id)
            if there is None or (there.settlement is None and one.settlement is not None):
                self.kept[one.intent.id] = one

    async def groups(
        self, by: Sequence[str], where: Where, *, time_zone: str = "UTC", limit: int = 10_000
    ) -> list[Group]:
        sums: dict[tuple[str, ...], list[LedgerRow]] = {}
        for one in self._chosen(where):
            for key in _keys(one, by, zoneinfo.ZoneInfo(time_zone)):
                sums.setdefault(key, []).append(one)
        groups = [_group(key, rows) for key, rows in sums.items()]
        return sorted(groups, key=lambda one: (-one.cost_pico_usd, one.key))[:limit]

    async def rows(self, where: Where, *, newest: bool = False) -> AsyncIterator[list[LedgerRow]]:
        found = sorted(self._chosen(where), key=lambda one: one.intent.time, reverse=newest)
        for at in range(0, len(found), 3):
            yield found[at : at + 3]

    async def rerate(self, costs: Sequence[tuple[str, int, str]]) -> int:
        done = 0
        for name, cost, version in costs:
            there = self.kept[name]
            if there.settlement is None or there.settlement.basis in {"", "provider", "free"}:
                continue
            basis = "catalogue" if there.settlement.basis == "unknown" else there.settlement.basis
            new = replace(there.settlement, cost_pico_usd=cost, price_version=version, basis=basis)
            self.kept[name] = replace(there, settlement=new)
            done += 1
        return done

    async def remove(self, where: Where) -> int:
        gone = [one.intent.id for one in self._chosen(where) if one.settlement is not None]
        for name in gone:
            del self.kept[name]
        return len(gone)

    async def aclose(self) -> None:
        """Nothing is open."""

    def _chosen(self, where: Where) -> list[LedgerRow]:
        return [one for one in self.kept.values() if _is_of(one, where)]


def _is_of(one: LedgerRow, where: Where) -> bool:
    time = one.intent.time
    if where.since is not None and time < where.since:
        return False
    if where.until is not None and time >= where.until:
        return False
    return all(
        set(values) & set(_values(one, name, zoneinfo.ZoneInfo("UTC")))
        for name, values in where.equal.items()
    )


def _values(one: LedgerRow, name: str, zone: zoneinfo.ZoneInfo) -> tuple[str, ...]:
    assert name in DIMENSIONS, name
    if name in _CLOCKED:
        return (dt.datetime.fromtimestamp(one.intent.time, zone).strftime(_CLOCKED[name]),)
    if name == "tag":
        return one.intent.tags or ("",)
    settled = one.settlement
    if name == "price_version":
        return ((settled and settled.price_version) or one.intent.price_version,)
    if name in {"basis", "error", "cache"}:
        return (getattr(settled, name) if settled else "",)
    return (getattr(one.intent, name),)


def _keys(one: LedgerRow, by: Sequence[str], zone: zoneinfo.ZoneInfo) -> Iterator[tuple[str, ...]]:
    keys: list[tuple[str, ...]] = [()]
    for name in by:
        keys = [(*key, value) for key in keys for value in _values(one, name, zone)]
    yield from keys


def _group(key: tuple[str, ...], rows: Sequence[LedgerRow]) -> Group:
    settled = [one.settlement for one in rows if one.settlement is not None]

    def total(name: str) -> int:
        return sum(getattr(one, name) or 0 for one in settled)

    return Group(
        key=key,
        attempts=len(rows),
        errors=sum(one.error != "" for one in settled),
        cost_pico_usd=total("cost_pico_usd"),
        open_pico_usd=sum(
            one.intent.reserved_pico_usd or 0 for one in rows if one.settlement is None
        ),
        estimated_pico_usd=sum(
            one.cost_pico_usd or 0 for one in settled if one.basis in {"received", "reserved"}
        ),
        unpriced=sum(one.basis == "unknown" for one in settled),
        saved_pico_usd=total("saved_pico_usd"),
        hits=sum(one.cache != "" for one in settled),
        input_tokens=total("input_tokens"),
        output_tokens=total("output_tokens"),
        cached_tokens=total("cached_tokens"),
        cache_write_tokens=total("cache_write_tokens"),
        reasoning_tokens=total("reasoning_tokens"),
        took_s=sum(one.took_s for one in settled),
    )


def query(**said: str) -> Mapping[str, str]:
    """A URL's query."""
    return said
