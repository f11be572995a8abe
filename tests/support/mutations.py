"""JSON made hostile: one value or a few, anywhere, replaced, removed or repeated."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

RICH: dict[tuple[str, str], dict[str, Any]] = {
    (name.partition(" ")[0], name.partition(" ")[2]): body
    for name, body in json.loads(Path(__file__).with_name("rich_bodies.json").read_text()).items()
}
"""A body for each (dialect, operation) with everything in it that its clients can say."""

HOSTILE: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 0.1, 1e308, 10**30, -(10**30), 2**63, 2**64),
    *("", "x", "é\0\u2028", "a" * 5000, "NaN", "data:", "data:;base64", "data:image/png;base64,!!"),
    *("data:\n\n", "data:,x", "http://", "\U0001f600", "{}", "{0}"),
    *([], {}, [[]], [None], [1], ["x"], [{}], [True], [[1, 2], 3], [[[[[]]]]]),
    *({"x": None}, {"type": "x"}, {"type": None}, {"type": 5}, {"text": 5}, {"url": 5}, {"": ""}),
    *({"$ref": "#"}, {"type": ["object", 5]}, {"type": []}),
]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*path, number))


def mutated(value: Any, chance: Random) -> Any:
    """A copy with one to three places made hostile."""
    value = copy.deepcopy(value)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        places = list(_places(value))
        if not places:
            return value
        *way, last = chance.choice(places)
        holder = value
        for step in way:
            holder = holder[step]
        how = chance.randrange(6)
        if how < 4:
            holder[last] = copy.deepcopy(chance.choice(HOSTILE))
        elif how == 4:
            del holder[last]
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(chance.choice(holder)))
        else:
            holder[chance.choice(["x", "type", "id", "content"])] = chance.choice(HOSTILE)
    return value


def thinned(body: dict[str, Any], chance: Random) -> dict[str, Any]:
    """The body with about half of its top-level fields, and of what stands in its first lists."""
    kept = {name: value for name, value in body.items() if chance.random() < 0.5}
    for name in ("messages", "input", "contents", "prompt", "query", "documents", "requests"):
        if name in body:
            held = body[name]
            kept[name] = (
                [one for one in held if chance.random() < 0.7] if isinstance(held, list) else held
            )
    return kept
