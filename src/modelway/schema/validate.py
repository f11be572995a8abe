"""A value held against a JSON Schema (draft 2020-12): every fault, with its path.

``format`` is an annotation, as that draft has it. Keywords that cannot be decided here
(``$dynamicRef``, ``unevaluatedProperties``, ``unevaluatedItems``) raise UnsupportedError where they are
met, so that nothing passes for valid that was not looked at.
Source: https://json-schema.org/draft/2020-12/json-schema-validation, 2026-11-21.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from modelway.errors import UnsupportedError
from modelway.schema.references import resolved
from modelway.types import JSON

MOST_FAULTS = 20
_MOST_DEPTH = 200
"""Schemas applied inside each other, after which the value is not looked at any further."""


class Fault(NamedTuple):
    """What is wrong, and where: ``$.items[0].price``."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def faults(value: Any, schema: JSON | bool) -> list[Fault]:
    """The first faults of a value, at most ``MOST_FAULTS``; empty: it is valid."""
    root = schema if isinstance(schema, dict) else {}
    try:
        return list(islice(_Place(root, "$", root).check(value, schema), MOST_FAULTS))
    except (TypeError, AttributeError, KeyError, re.error) as error:
        raise UnsupportedError(f"the schema is malformed: {error}") from error


class _Place(NamedTuple):
    """A schema being applied: where the value is that it is applied to, and how deep we are."""

    schema: JSON
    path: str
    root: JSON
    depth: int = 0

    def check(self, value: Any, schema: Any, step: str = "") -> Iterator[Fault]:
        """The faults of a value inside this one (``step`` leads there), under another schema."""
        path = self.path + step
        if schema is False:
            yield Fault(path, "may not be there")
        if isinstance(schema, bool):
            return
        if not isinstance(schema, dict):
            raise UnsupportedError(f"{schema!r} is not a JSON Schema")
        if self.depth > _MOST_DEPTH:
            raise UnsupportedError(f"{path} is too deep to be validated, or its schema has no end")
        inner = _Place(schema, path, self.root, self.depth + 1)
        for keyword, said in schema.items():
            check = _KEYWORDS.get(keyword)
            if check is not None:
                yield from check(said, value, inner)

    def valid(self, value: Any, schema: Any) -> bool:
        return next(self.check(value, schema), None) is None


_Check: TypeAlias = Callable[[Any, Any, _Place], Iterator[Fault]]
"""(the keyword's value, the value, where both are)"""


# ---------------------------------------------------------------- of any value


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "integer":
            whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return whole and not isinstance(value, bool)
        case _:
            raise UnsupportedError(f"{kind!r} is not a type of JSON Schema")


def _type(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    kinds = [said] if isinstance(said, str) else said
    if not any(_is(value, kind) for kind in kinds):
        yield Fault(place.path, f"must be {' or '.join(kinds)}, not {_shown(value)}")


def same(left: Any, right: Any) -> bool:
    """Whether two values are one as JSON: 1 is 1.0, and is not true."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _enum(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if not any(same(value, each) for each in said):
        yield Fault(place.path, f"must be one of {_shown(said)}, not {_shown(value)}")


def _const(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if not same(value, said):
        yield Fault(place.path, f"must be {_shown(said)}, not {_shown(value)}")


def _ref(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    yield from place.check(value, resolved(place.root, said))


def _all_of(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    for each in said:
        yield from place.check(value, each)


def _any_of(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    tried = [list(place.check(value, each)) for each in said]
    if all(tried):
        yield _nearest(place.path, tried, "none of the options holds")


def _one_of(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    tried = [list(place.check(value, each)) for each in said]
    held = sum(not found for found in tried)
    if held == 0:
        yield _nearest(place.path, tried, "none of the options holds")
    elif held > 1:
        yield Fault(place.path, f"{held} of the options hold, where one may")


def _nearest(path: str, tried: list[list[Fault]], message: str) -> Fault:
    """The fault with what is wrong in the option that is wrong deepest inside."""
    deepest = max(
        (found[0] for found in tried if found), key=lambda each: len(each.path), default=None
    )
    return Fault(path, f"{message} ({deepest})" if deepest else message)


def _not(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if place.valid(value, said):
        yield Fault(place.path, "is what it may not be")


def _if(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    branch = "then" if place.valid(value, said) else "else"
    if branch in place.schema:
        yield from place.check(value, place.schema[branch])


# ---------------------------------------------------------------- of numbers, strings, arrays, objects


def _bound(
    kind: str,
    holds: Callable[[Any, Any], bool],
    words: str,
    measure: Callable[[Any], Any] | None = None,
) -> _Check:
    def check(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
        if _is(value, kind) and not holds(value if measure is None else measure(value), said):
            yield Fault(place.path, f"{words.format(said)}, not {_shown(value)}")

    return check


def _is_multiple(value: float, of: float) -> bool:
    if isinstance(value, int) and isinstance(of, int):
        return value % of == 0
    quotient = value / of
    return math.isfinite(quotient) and abs(quotient - round(quotient)) < 1e-9


def _unique(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if said and isinstance(value, list):
        for at, each in enumerate(value):
            if any(same(each, before) for before in value[:at]):
                yield Fault(f"{place.path}[{at}]", "is there twice")
                return


def _prefix(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if isinstance(value, list):
        for at, (each, inner) in enumerate(zip(value, said, strict=False)):
            yield from place.check(each, inner, f"[{at}]")


def _items(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if isinstance(value, list):
        for at in range(len(place.schema.get("prefixItems", ())), len(value)):
            yield from place.check(value[at], said, f"[{at}]")


def _contains(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if isinstance(value, list):
        held = sum(place.valid(each, said) for each in value)
        least, most = (
            place.schema.get("minContains", 1),
            place.schema.get("maxContains", len(value)),
        )
        if not least <= held <= most:
            yield Fault(
                place.path, f"{held} of its items are of the kind of which it must hold {least}"
            )


def _properties(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if isinstance(value, dict):
        for name, inner in said.items():
            if name in value:
                yield from place.check(value[name], inner, f".{name}")


def _patterns(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if isinstance(value, dict):
        for pattern, inner in said.items():
            for name in value:
                if re.search(pattern, name):
                    yield from place.check(value[name], inner, f".{name}")


def _others(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if isinstance(value, dict):
        patterns = place.schema.get("patternProperties", ())
        for name in value:
            if name in place.schema.get("properties", ()) or any(
                re.search(each, name) for each in patterns
            ):
                continue
            if said is False:
                yield Fault(f"{place.path}.{name}", "is not a property of this object")
            else:
                yield from place.check(value[name], said, f".{name}")


def _names(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if isinstance(value, dict):
        for name in value:
            yield from place.check(name, said, f".{name}")


def _required(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if isinstance(value, dict):
        for name in said:
            if name not in value:
                yield Fault(f"{place.path}.{name}", "is required, and missing")


def _dependent(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if isinstance(value, dict):
        for name, needed in said.items():
            if name in value:
                yield from _required(needed, value, place)


def _dependents(said: Any, value: Any, place: _Place) -> Iterator[Fault]:
    if isinstance(value, dict):
        for name, inner in said.items():
            if name in value:
                yield from place.check(value, inner)


def _undecided(_said: Any, _value: Any, place: _Place) -> Iterator[Fault]:
    raise UnsupportedError(
        f"a schema with unevaluated… or dynamic references ({place.path}) cannot be validated here; "
        "write additionalProperties, or give a type that validates itself"
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


_KEYWORDS: dict[str, _Check] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "$ref": _ref,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "minimum": _bound("number", lambda value, said: value >= said, "must be at least {}"),
    "maximum": _bound("number", lambda value, said: value <= said, "must be at most {}"),
    "exclusiveMinimum": _bound("number", lambda value, said: value > said, "must be above {}"),
    "exclusiveMaximum": _bound("number", lambda value, said: value < said, "must be below {}"),
    "multipleOf": _bound("number", _is_multiple, "must be a multiple of {}"),
    "minLength": _bound(
        "string", lambda n, said: n >= said, "must have {} characters or more", len
    ),
    "maxLength": _bound(
        "string", lambda n, said: n <= said, "must have {} characters or less", len
    ),
    "pattern": _bound(
        "string", lambda value, said: re.search(said, value) is not None, "must match {}"
    ),
    "minItems": _bound("array", lambda n, said: n >= said, "must have {} items or more", len),
    "maxItems": _bound("array", lambda n, said: n <= said, "must have {} items or less", len),
    "uniqueItems": _unique,
    "prefixItems": _prefix,
    "items": _items,
    "contains": _contains,
    "minProperties": _bound(
        "object", lambda n, said: n >= said, "must have {} properties or more", len
    ),
    "maxProperties": _bound(
        "object", lambda n, said: n <= said, "must have {} properties or less", len
    ),
    "properties": _properties,
    "patternProperties": _patterns,
    "additionalProperties": _others,
    "propertyNames": _names,
    "required": _required,
    "dependentRequired": _dependent,
    "dependentSchemas": _dependents,
    "unevaluatedProperties": _undecided,
    "unevaluatedItems": _undecided,
    "$dynamicRef": _undecided,
}
