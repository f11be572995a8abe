"""Draws what ``day.py`` found, as an SVG of lines, dots and words."""

import math
from html import escape

LINES = {
    "round_robin": "#8a8a8a",
    "ordered": "#1f6fb2",
    "latency": "#2a8f4e",
    "cheapest": "#c4511d",
}
"""Whose days are drawn, and in what colour."""
WIDTH, HEIGHT = 960, 760
CHARACTER = 6.6
"""About the width of one."""
LEFT, RIGHT = 70, 930
UPPER, LOWER = (50, 340), (430, 710)
STYLE = (
    "text{font:12px sans-serif;fill:#333}.title{font-size:14px;font-weight:bold}"
    ".axis{stroke:#999}.grid{stroke:#e4e4e4}.band{fill:#f6e9c9}.dot{fill:#1f6fb2}"
    ".line{fill:none;stroke-width:2}"
)


class Scale:
    """From a figure to a place; both may fall."""

    def __init__(self, low, high, start, end, *, log=False):
        self.log = log
        self.low, self.high = self._of(low), self._of(high)
        self.start, self.end = start, end

    def _of(self, value):
        return math.log10(value) if self.log else value

    def __call__(self, value):
        share = (self._of(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def text(x, y, words, kind="", anchor="start"):
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{named}>{escape(words)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{kind}"/>'


def axes(across, up, ticks_across, ticks_up, place):
    """A frame with its figures, and faint lines across it."""
    top, bottom = place
    drawn = []
    for value, words in ticks_up:
        drawn += [
            line(LEFT, up(value), RIGHT, up(value), "grid"),
            text(LEFT - 8, up(value) + 4, words, anchor="end"),
        ]
    for value, words in ticks_across:
        drawn += [
            line(across(value), bottom, across(value), bottom + 5, "axis"),
            text(across(value), bottom + 20, words, anchor="middle"),
        ]
    drawn += [line(LEFT, bottom, RIGHT, bottom, "axis"), line(LEFT, top, LEFT, bottom, "axis")]
    return drawn


def costs(rows):
    """A dot for each strategy: what its day cost, and its slowest hundredth."""
    across = Scale(5, 1_000, LEFT, RIGHT, log=True)
    slowest = [one["p99"] for one in rows]
    lowest, highest = 10 * math.floor(min(slowest) / 10), 10 * math.ceil(max(slowest) / 10)
    up = Scale(lowest, highest, UPPER[1], UPPER[0])
    drawn = [
        text(LEFT, UPPER[0] - 22, "p99 of an answer, seconds, by what the day cost, USD", "title"),
        *axes(
            across,
            up,
            [(value, f"{value:,}") for value in (5, 10, 20, 50, 100, 200, 500, 1_000)],
            [(value, str(value)) for value in range(lowest, highest + 1, 10)],
            UPPER,
        ),
    ]
    dots = [(across(one["usd"]), up(one["p99"])) for one in rows]
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in dots]
    for one, (x, y) in zip(rows, dots, strict=True):
        words = one["strategy"] + (f" ({one['failed']} failed)" if one["failed"] else "")
        drawn.append(f'<circle cx="{x}" cy="{y}" r="5" class="dot"/>')
        left, label = place(x, y, CHARACTER * len(words), taken)
        drawn.append(text(left, label, words))
    return drawn


def place(x, y, width, taken):
    """Where words about a dot hide neither other words nor dots: beside it, else above or below."""
    for off in (0, -12, 12, -22, 22, -32, 32):
        for left in (x + 10, x - 10 - width):
            box = (left, y - 6 + off, left + width, y + 6 + off)
            if box[2] < WIDTH and not any(
                box[0] < right and low < box[3] and other < box[2] and box[1] < high
                for other, low, right, high in taken
            ):
                taken.append(box)
                return round(left, 1), round(y + 4 + off, 1)
    return x + 10, y + 4


def hours(rows, troubles):
    """A line for each of some strategies: how slow its slow answers were, by half hours."""
    across, up = Scale(0, 24, LEFT, RIGHT), Scale(5, 100, LOWER[1], LOWER[0], log=True)
    drawn = [text(LEFT, LOWER[0] - 38, "p95 of an answer in each half hour, seconds", "title")]
    said = []
    for number, (begins, ends, words) in enumerate(troubles):
        x, width = across(begins), round(across(ends) - across(begins), 1)
        height = LOWER[1] - LOWER[0]
        drawn.append(
            f'<rect x="{x}" y="{LOWER[0]}" width="{width}" height="{height}" class="band"/>'
        )
        said.append(text(x + 4, LOWER[1] - 44 + 16 * number, words))
    drawn += axes(
        across,
        up,
        [(hour, f"{hour:02}:00") for hour in range(0, 25, 3)],
        [(value, str(value)) for value in (5, 10, 20, 50, 100)],
        LOWER,
    )
    drawn += said
    days = {one["strategy"]: one["half_hours"] for one in rows}
    for number, (name, colour) in enumerate(LINES.items()):
        points = " ".join(
            f"{across(half / 2 + 0.25)},{up(min(100, max(5, value)))}"
            for half, value in enumerate(days[name])
            if not math.isnan(value)
        )
        drawn.append(f'<polyline points="{points}" class="line" stroke="{colour}"/>')
        x = RIGHT - 400 + number * 100
        y = LOWER[0] - 42
        stroke = f'stroke="{colour}" stroke-width="3"'
        drawn += [
            f'<line x1="{x - 22}" y1="{y}" x2="{x - 4}" y2="{y}" {stroke}/>',
            text(x, y + 4, name),
        ]
    return drawn


def plot(rows, troubles):
    """The whole picture. ``troubles``: (first hour, last hour, words)."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" role="img">'
        "<title>Strategies over a day: cost, p99 and p95 by time</title>"
        f"<style>{STYLE}</style>"
        '<rect width="100%" height="100%" fill="#fff"/>'
    )
    return "\n".join([head, *costs(rows), *hours(rows, troubles), "</svg>", ""])
