"""What was spent, as people read it: amounts, a table, and bars on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from modelway.cli import output
from modelway.ledger.query import TIMES
from modelway.ledger.report import CostReport, sum_of
from modelway.ledger.values import Group


class _Column(NamedTuple):
    head: str
    cell: Callable[[Group], str]
    always: bool = True


_COLUMNS = (
    _Column("CALLS", lambda one: output.count(one.attempts)),
    _Column("ERRORS", lambda one: output.count(one.errors), always=False),
    _Column("INPUT", lambda one: output.count(one.input_tokens)),
    _Column("CACHED", lambda one: output.count(one.cached_tokens), always=False),
    _Column("OUTPUT", lambda one: output.count(one.output_tokens)),
    _Column("COST", lambda one: usd(one.cost_pico_usd)),
    _Column("ESTIMATED", lambda one: usd(one.estimated_pico_usd), always=False),
    _Column("OPEN", lambda one: usd(one.open_pico_usd), always=False),
    _Column("UNPRICED", lambda one: output.count(one.unpriced), always=False),
    _Column("HITS", lambda one: output.count(one.hits), always=False),
    _Column("SAVED", lambda one: usd(one.saved_pico_usd), always=False),
)
"""Those that are not always there appear where a sum is not 0. ``ESTIMATED`` is a part of ``COST``,
``OPEN`` and ``UNPRICED`` are beside it."""
_ZERO = sum_of(())
_PICO_USD = 10**12
_BAR = "█"
_WIDTH = 40
"""Of the longest bar, in characters, where there is room."""
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def usd(pico_usd: int | None) -> str:
    """An amount for people: cents of what is large, millionths of what is small."""
    if pico_usd is None:
        return "-"
    sign, amount = ("-" if pico_usd < 0 else ""), abs(pico_usd)
    if amount >= 100 * _PICO_USD:
        decimals = 2
    elif amount >= _PICO_USD:
        decimals = 4
    elif amount >= 1_000_000 or not amount:
        decimals = 6
    else:
        decimals = 12
    return f"{sign}${Decimal(amount).scaleb(-12):,.{decimals}f}"


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> None:
    """A table whose columns behind the first ``words`` are numbers, and end below each other."""
    columns = [[output.plain(cell) for cell in column] for column in zip(heads, *rows, strict=True)]
    for column in columns[words:]:
        width = max(len(cell) for cell in column)
        column[:] = [cell.rjust(width) for cell in column]
    first, *others = zip(*columns, strict=True)
    output.table(first, others)


def show(report: CostReport, *, chart: bool | None) -> None:
    """The table, what is not in its sums, and, where wanted or on a terminal, the bars."""
    if not report.total.attempts:
        output.note("no call of these is written down")
        return
    rows: list[tuple[Any, ...]] = [
        (*[value or "-" for value in group.key], group) for group in report.groups
    ]
    if report.by:
        rows.append(("total", *[""] * (len(report.by) - 1), report.total))
    columns = [one for one in _COLUMNS if one.always or one.cell(report.total) != one.cell(_ZERO)]
    aligned(
        [*[name.replace("_", " ").upper() for name in report.by], *[one.head for one in columns]],
        [(*row[:-1], *[one.cell(row[-1]) for one in columns]) for row in rows],
        len(report.by),
    )
    remark(report)
    if chart if chart is not None else sys.stdout.isatty():
        print()
        _draw(bars(report))


def remark(report: CostReport) -> None:
    """What the cost does not hold, or does not hold for sure."""
    total = report.total
    if total.unpriced:
        output.note(
            f"{total.unpriced:,} calls have no known price and are in no sum; to add one: "
            'catalogue: {"PROVIDER/MODEL": {price: {input: USD, output: USD}}}, per million tokens, '
            "and then: modelway cost rerate"
        )
    if total.open_pico_usd:
        output.note(f"{usd(total.open_pico_usd)} more is reserved for calls that have not ended")
    if total.estimated_pico_usd:
        output.note(f"{usd(total.estimated_pico_usd)} of the cost is estimated: nobody reported it")
    if "tag" in report.by:
        output.note("a call with several tags is in the group of each, and once in the total")
    if report.more:
        output.note(f"these {len(report.groups)} cost the most; --limit shows more")


# ---------------------------------------------------------------- bars


class Bar(NamedTuple):
    """A line of the chart: what costs were put together in it."""

    label: str
    parts: dict[str, int]
    """By what is not a time; in pico-dollars."""


def bars(report: CostReport) -> list[Bar]:
    """One for each time where the report is by it, else one for each group."""
    times = [at for at, name in enumerate(report.by) if name in TIMES]
    others = [at for at in range(len(report.by)) if at not in times]
    found: dict[str, Bar] = {}
    for group in report.groups:
        values = [value or "-" for value in group.key]
        label = " ".join([values[at] for at in times or others])
        part = " ".join([values[at] for at in others]) if times else ""
        parts = found.setdefault(label, Bar(label, {})).parts
        parts[part] = parts.get(part, 0) + group.cost_pico_usd
    return list(found.values())


def _draw(drawn: Sequence[Bar]) -> None:
    from rich.console import Console  # noqa: PLC0415  # 0.1 s, for charts alone
    from rich.text import Text  # noqa: PLC0415

    longest = max([sum(bar.parts.values()) for bar in drawn], default=0)
    if not longest:
        return
    colours = _colours(drawn)
    console = Console(
        highlight=False, color_system="standard" if output.styled(sys.stdout) else None
    )
    width = max([len(output.plain(bar.label)) for bar in drawn])
    amounts = max([len(usd(sum(bar.parts.values()))) for bar in drawn])
    room = max(1, min(_WIDTH, console.width - width - amounts - 3))
    for bar in drawn:
        line = Text(output.plain(bar.label).ljust(width) + "  ")
        before = 0
        for part, amount in sorted(bar.parts.items(), key=lambda one: list(colours).index(one[0])):
            after = before + amount
            line.append(
                _BAR * (_steps(after, longest, room) - _steps(before, longest, room)), colours[part]
            )
            before = after
        line.append(f" {usd(before)}")
        console.print(line, no_wrap=True, crop=False, overflow="ignore", soft_wrap=True)
    if len(colours) > 1:
        legend = Text.assemble(
            *[(f"{_BAR} {output.plain(part)}  ", colour) for part, colour in colours.items()]
        )
        console.print(legend, soft_wrap=True)


def _steps(amount: int, longest: int, room: int) -> int:
    return (2 * amount * room + longest) // (2 * longest)


def _colours(drawn: Sequence[Bar]) -> dict[str, str]:
    """Of each part, the dearest first."""
    sums: dict[str, int] = {}
    for bar in drawn:
        for part, amount in bar.parts.items():
            sums[part] = sums.get(part, 0) + amount
    dearest = sorted(sums, key=lambda part: (-sums[part], part))
    return {part: _COLOURS[at % len(_COLOURS)] for at, part in enumerate(dearest)}
