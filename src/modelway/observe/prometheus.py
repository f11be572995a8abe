"""Measures as Prometheus reads them: text format 0.0.4, or OpenMetrics 1.0.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, 2026-11-21;
https://prometheus.io/docs/specs/om/open_metrics_spec/, 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from modelway.observe.families import FAMILIES, Family
from modelway.observe.sketch import quantile
from modelway.observe.snapshot import Snapshot, Spread, merged

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = b"application/openmetrics-text; version=1.0.0; charset=utf-8"
QUANTILES = ("0.5", "0.95", "0.99")


def wants_openmetrics(accept: bytes) -> bool:
    """Whether a scraper's ``Accept`` names it."""
    return b"application/openmetrics-text" in accept


def exposition(snapshots: Iterable[Snapshot], *, openmetrics: bool = False) -> bytes:
    """All of these together, as text. A metric that never happened is named, without a value."""
    seen = merged(snapshots)
    lines: list[str] = []
    for family in FAMILIES:
        lines.extend(_family(family, seen, openmetrics))
    if openmetrics:
        lines.append("# EOF")
    return ("\n".join(lines) + "\n").encode(errors="replace")


def _family(family: Family, seen: Snapshot, openmetrics: bool) -> Iterator[str]:
    match family.kind:
        case "gauge":
            yield from _head(family.name, "gauge", family.help)
            yield f"{family.name} {seen.open_requests}"
        case "count":
            yield from _head(_counter(family.name, openmetrics), "counter", family.help)
            for labels, count in sorted(seen.counts.get(family.name, {}).items()):
                yield f"{family.name}{_braced(family.labels, labels)} {count}"
        case "usd":
            yield from _head(_counter(family.name, openmetrics), "counter", family.help)
            for labels, usd in sorted(seen.usd.get(family.name, {}).items()):
                yield f"{family.name}{_braced(family.labels, labels)} {usd:f}"
        case _:
            rows = [
                _Row(_said(family.labels, labels), spread, spread.by_octave())
                for labels, spread in sorted(seen.spreads.get(family.name, {}).items())
            ]
            yield from _histogram(family, rows)
            yield from _summary(family, rows)


def _counter(name: str, openmetrics: bool) -> str:
    return name.removesuffix("_total") if openmetrics else name


def _head(name: str, type_: str, help_: str) -> Iterator[str]:
    yield f"# HELP {name} {help_}"
    yield f"# TYPE {name} {type_}"


class _Row(NamedTuple):
    """One spread, its labels as they are written, and how many are not above each power of two."""

    said: str
    spread: Spread
    below: dict[int, int]


def _histogram(family: Family, rows: Sequence[_Row]) -> Iterator[str]:
    name = f"{family.name}_{family.unit}"
    yield from _head(name, "histogram", family.help)
    powers = range(family.least, family.most + 1)
    for row in rows:
        start = f"{name}_bucket{{{row.said}{row.said and ','}le="
        count = sum([n for power, n in row.below.items() if power < powers.start])
        for power in powers:
            count += row.below.get(power, 0)
            yield f'{start}"{2.0**power!r}"}} {count}'
        yield f'{start}"+Inf"}} {sum(row.below.values())}'
        yield from _totals(name, row)


def _summary(family: Family, rows: Sequence[_Row]) -> Iterator[str]:
    name = f"{family.name}_recent_{family.unit}"
    yield from _head(name, "summary", f"{family.help} Quantiles of the last 5 to 10 minutes.")
    for row in rows:
        of_late = row.spread.of_late()
        start = f"{name}{{{row.said}{row.said and ','}quantile="
        for share in QUANTILES:
            value = quantile(of_late, float(share))
            shown = "NaN" if value is None else f"{value:.6g}"
            yield f'{start}"{share}"}} {shown}'
        yield from _totals(name, row)


def _totals(name: str, row: _Row) -> Iterator[str]:
    yield f"{name}_sum{{{row.said}}} {row.spread.sum!r}"
    yield f"{name}_count{{{row.said}}} {sum(row.below.values())}"


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def _said(names: Sequence[str], values: Sequence[str]) -> str:
    """The labels that have a value: one without is the same as none."""
    return ",".join(
        [
            f'{name}="{value.translate(_ESCAPES)}"'
            for name, value in zip(names, values, strict=True)
            if value
        ]
    )


def _braced(names: Sequence[str], values: Sequence[str]) -> str:
    said = _said(names, values)
    return "{" + said + "}" if said else ""
