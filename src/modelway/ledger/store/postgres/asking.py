"""What is asked of the ledger's table, as SQL and its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from modelway.ledger.store.columns import NUMBERS, TEXTS
from modelway.ledger.values import Group, Where

_CLOCKED = {"hour": 'YYYY-MM-DD"T"HH24', "day": "YYYY-MM-DD", "month": "YYYY-MM"}
_SUMS = {
    "attempts": "count(*)",
    "errors": "count(*) filter (where error <> '')",
    "cost_pico_usd": "sum(cost_pico_usd)",
    "open_pico_usd": "sum(reserved_pico_usd) filter (where basis = '')",
    "estimated_pico_usd": "sum(cost_pico_usd) filter (where basis in ('received', 'reserved'))",
    "unpriced": "count(*) filter (where basis = 'unknown')",
    "saved_pico_usd": "sum(saved_pico_usd)",
    "hits": "count(*) filter (where cache <> '')",
    **{
        name: f"sum({name})"
        for name in (
            *("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens"),
            *("reasoning_tokens", "took_us"),
        )
    },
}
_ROW = ", ".join(['"number"', "id", *[f'"{name}"' for name in (*TEXTS, *NUMBERS)]])


class Asked(NamedTuple):
    query: str
    values: list[Any]


class _Parameters:
    """Values and their places."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def add(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


def groups(by: Sequence[str], where: Where, time_zone: str, limit: int) -> Asked:
    """Dimensions are known to be such."""
    given = _Parameters()
    clocked = [name for name in by if name in _CLOCKED]
    zone = given.add(time_zone) if clocked else ""
    keys = [_key(name, zone) for name in by]
    tags = " left join lateral unnest(tags) as one (tag) on true" if "tag" in by else ""
    grouped = f"group by {', '.join(map(str, range(1, len(by) + 1)))}" if by else ""
    return Asked(
        f"select {', '.join([*keys, *_SUMS.values()])} from modelway.ledger{tags} "  # noqa: S608
        f"where {_chosen(where, given)} {grouped} "
        f"order by coalesce(sum(cost_pico_usd), 0) desc limit {given.add(limit)}",
        given.values,
    )


def group(keys: int, row: Sequence[Any]) -> Group:
    """Of what ``groups`` finds; sums are of whole numbers, however large."""
    of = {name: int(number or 0) for name, number in zip(_SUMS, tuple(row)[keys:], strict=True)}
    return Group(key=tuple(row)[:keys], took_s=of.pop("took_us") / 1e6, **of)


def page(where: Where, newest: bool, at: tuple[float, int] | None, limit: int) -> Asked:
    given = _Parameters()
    chosen = _chosen(where, given)
    before, order = ("<", "desc") if newest else (">", "asc")
    if at is not None:
        chosen += f" and (time, number) {before} ({given.add(at[0])}, {given.add(at[1])})"
    return Asked(
        f"select {_ROW} from modelway.ledger where {chosen} "  # noqa: S608
        f"order by time {order}, number {order} limit {given.add(limit)}",
        given.values,
    )


def removal(where: Where, limit: int) -> Asked:
    given = _Parameters()
    return Asked(
        f"""
        with gone as (delete from modelway.ledger where id in (
            select id from modelway.ledger where basis <> '' and {_chosen(where, given)}
            limit {given.add(limit)}
        ) returning 1)
        select count(*) from gone
        """,  # noqa: S608
        given.values,
    )


def _key(name: str, zone: str) -> str:
    if name in _CLOCKED:
        moment = f"to_timestamp(time) at time zone {zone}::text"
        return f"to_char({moment}, '{_CLOCKED[name]}')"
    return "coalesce(tag, '')" if name == "tag" else f'"{name}"'


def _chosen(where: Where, given: _Parameters) -> str:
    texts = ["true"]
    for limit_s, sign in ((where.since, ">="), (where.until, "<")):
        if limit_s is not None:
            texts.append(f"time {sign} {given.add(limit_s)}::float8")
    for name, any_of in where.equal.items():
        place = given.add([*any_of])
        if name == "tag":
            some = f"tags && {place}::text[]"
            texts.append(f"({some} or tags = '{{}}')" if "" in any_of else some)
        else:
            texts.append(f'"{name}" = any({place}::text[])')
    return " and ".join(texts)
