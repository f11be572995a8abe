"""A schema written within what one provider takes, and what that changed.

What narrows a schema (closing an object, requiring a property, a constant as an enum) is silent: every
answer under the new schema is one under the old. What widens it is a warning, and a constraint that is
dropped is told to the model in the description. So is a property that must be given although it is
optional: its null stands for being absent, see ``nulls.without_nulls``.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import msgspec

from modelway.errors import BadRequestError, UnsupportedError
from modelway.schema.nulls import accepts_null, is_constant
from modelway.schema.references import (
    LISTED,
    MOST_DEPTH,
    MOST_NODES,
    NAMED,
    SINGLE,
    check_size,
    is_recursive,
    resolved,
    too_large,
)
from modelway.schema.shapes import (
    ANNOTATIONS,
    are_told_apart,
    has_properties,
    nullable,
    object_schema,
    of_kind,
)
from modelway.schema.subsets import Limit, Subset
from modelway.types import JSON, CallWarning

_DEFINITIONS = ("$defs", "definitions")


class Fitted(NamedTuple):
    """A schema that a provider takes, and what was dropped or changed for it."""

    schema: JSON
    warnings: tuple[CallWarning, ...] = ()


def fitted(schema: JSON, subset: Subset, setting: str = "response_format") -> Fitted:
    """The schema within the subset; the given one is left as it is, and returned where it fits.

    ``setting`` is where the schema stands in the request: the beginning of the warnings' settings.
    UnsupportedError for what the subset cannot say at all (recursion, open maps, a root that is no
    object, more than it counts), BadRequestError for what is no schema, or too deep or too large.
    """
    if not isinstance(schema, dict):
        raise BadRequestError(f"the schema in {setting} must be an object", param=setting)
    check_size(schema, setting)
    if subset.keywords is None and not subset.closed:
        return Fitted(schema)
    work = _Fitting(schema, subset, setting)
    try:
        made = work.root()
    except (TypeError, AttributeError, KeyError, ValueError, RecursionError) as error:
        raise BadRequestError(
            f"the schema in {setting} is malformed: {error}", param=setting
        ) from error
    warnings = tuple(
        [
            CallWarning(setting=f"{setting}.{path}" if path else setting, message=message)
            for path, message in work.told.items()
        ]
    )
    return Fitted(schema if made == schema else made, warnings)


class _Fitting:
    """One schema being written anew. ``path`` is dotted, from the root."""

    def __init__(self, root: JSON, subset: Subset, setting: str) -> None:
        self._root = root
        self._subset = subset
        self._keywords = subset.keywords
        self._setting = setting
        self._nodes = 0
        self._counted: Counter[Limit] = Counter()
        self.told: dict[str, str] = {}

    def root(self) -> JSON:
        schema = self._root
        if not self._subset.recursion and is_recursive(schema):
            raise self._unsupported("", "refers to itself, which {} does not take")
        if self._subset.object_root:
            rooted = object_schema(schema)
            if rooted is None:
                raise self._unsupported("", "is not of an object, which {} requires")
            schema = rooted
        made = self._schema(schema, "", 1, ())
        for limit, most in self._subset.limits.items():
            if self._counted[limit] > most:
                raise self._unsupported(
                    "", f"has {self._counted[limit]} {_COUNTED[limit]}, of which {{}} takes {most}"
                )
        return made

    # ------------------------------------------------------------ one schema

    def _schema(self, schema: Any, path: str, depth: int, within: tuple[str, ...]) -> JSON:
        self._nodes += 1
        if self._nodes > MOST_NODES or depth > 4 * MOST_DEPTH:
            raise too_large(self._setting)
        if schema is True:
            return {}
        if not isinstance(schema, dict):
            kind = type(schema).__name__
            raise self._unsupported(path, f"has a {kind} for a schema, which {{}} does not take")
        schema, within = self._referred(schema, path, within)
        schema = self._composed(schema, path)
        schema = self._typed(schema, path)
        made: JSON = {}
        said: list[str] = []
        for keyword, value in schema.items():
            if self._takes(keyword, value):
                made[keyword] = self._value(keyword, value, path, depth, within)
            elif keyword not in ANNOTATIONS and not keyword.startswith("x-"):
                self._dropped(keyword, value, path, said)
        self._closed(schema, made, path)
        self._count(made, depth)
        if said:
            words = made.get("description")
            made["description"] = (f"{words} " if words else "") + f"({'; '.join(said)})"
        return made

    def _value(
        self, keyword: str, value: Any, path: str, depth: int, within: tuple[str, ...]
    ) -> Any:
        at = f"{path}.{keyword}" if path else keyword
        if keyword in _DEFINITIONS and isinstance(value, dict):
            return {name: self._schema(each, f"{at}.{name}", 1, ()) for name, each in value.items()}
        if keyword in NAMED and isinstance(value, dict):
            return {
                name: self._schema(each, f"{at}.{name}", depth + 1, within)
                for name, each in value.items()
            }
        if keyword in LISTED and isinstance(value, list | tuple):
            return [
                self._schema(each, f"{at}.{number}", depth, within)
                for number, each in enumerate(value)
            ]
        if keyword in SINGLE and not isinstance(value, bool):
            return self._schema(value, at, depth + 1, within)
        return value

    def _takes(self, keyword: str, value: Any) -> bool:
        subset = self._subset
        if self._keywords is not None and keyword not in self._keywords:
            return False
        match keyword:
            case "format":
                return subset.formats is None or value in subset.formats
            case "minItems":
                return subset.most_min_items is None or value <= subset.most_min_items
            case "enum" if subset.enum_of_strings:
                return all(isinstance(each, str) for each in value)
            case "$defs" | "definitions":
                return subset.references != "inlined"
            case _:
                return True

    def _dropped(self, keyword: str, value: Any, path: str, said: list[str]) -> None:
        if keyword in {*_DEFINITIONS, "additionalProperties"}:
            if keyword == "additionalProperties" and isinstance(value, dict):
                self._warn(path, keyword, "the names of properties cannot be left open; dropped")
            return
        if keyword == "default" and value is None:
            return
        text = msgspec.json.encode(value).decode()
        said.append(f"{keyword}: {text[:200]}")
        if keyword != "default":
            self._warn(path, keyword, "not taken here; said in the description instead")

    # ------------------------------------------------------------ references and composition

    def _referred(
        self, schema: JSON, path: str, within: tuple[str, ...]
    ) -> tuple[JSON, tuple[str, ...]]:
        """The schema without what may not stand beside a reference, or with it written out."""
        while isinstance(reference := schema.get("$ref"), str):
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            target = resolved(self._root, reference)
            inlined = self._subset.references == "inlined" or (
                self._subset.references == "alone" and not beside.keys() <= {*_DEFINITIONS}
            )
            if not inlined:
                return schema, within
            if reference in within:
                if self._subset.references == "inlined":
                    raise self._unsupported(path, "refers to itself, which {} does not take")
                return {"$ref": reference}, within
            within = (*within, reference)
            schema = {**target, **beside} if isinstance(target, dict) else beside
        return schema, within

    def _composed(self, schema: JSON, path: str) -> JSON:
        """``oneOf``, ``allOf`` and ``anyOf`` in the words that the subset has."""
        if "allOf" in schema and not self._has("allOf"):
            schema = self._merged(schema, path)
        if "oneOf" in schema and not self._has("oneOf") and "anyOf" not in schema:
            schema = {("anyOf" if name == "oneOf" else name): each for name, each in schema.items()}
            if "discriminator" not in schema and not are_told_apart(schema["anyOf"]):
                self._warn(path, "oneOf", "sent as anyOf: more than one may hold")
        if "anyOf" not in schema:
            return schema
        others = [each for each in schema["anyOf"] if each != {"type": "null"}]
        optional = len(others) < len(schema["anyOf"])
        if not (optional and (self._subset.nullable or not self._has("anyOf"))):
            return schema
        rest = {name: each for name, each in schema.items() if name != "anyOf"}
        if len(others) == 1 and isinstance(others[0], dict):
            rest = {**others[0], **rest}
        elif others:
            rest["anyOf"] = others
        if self._subset.nullable:
            return {**rest, "nullable": True}
        self._warn(path, "anyOf", "null cannot be an answer here")
        return rest

    def _merged(self, schema: JSON, path: str) -> JSON:
        """``allOf`` written as one schema; of what two of its parts say differently, the first holds."""
        made = {name: value for name, value in schema.items() if name != "allOf"}
        for part in schema["allOf"]:
            seen: set[str] = set()
            while isinstance(part, dict) and isinstance(reference := part.get("$ref"), str):
                if reference in seen:
                    raise self._unsupported(path, "refers to itself, which {} does not take")
                seen.add(reference)
                beside = {name: value for name, value in part.items() if name != "$ref"}
                target = resolved(self._root, reference)
                part = {**target, **beside} if isinstance(target, dict) else beside  # noqa: PLW2901
            if not isinstance(part, dict):
                continue
            if "allOf" in part:
                part = self._merged(part, path)  # noqa: PLW2901 - the same part, written flat
            for name, value in part.items():
                if name == "properties":
                    made[name] = {**made.get(name, {}), **value, **made.get(name, {})}
                elif name == "required":
                    made[name] = list(dict.fromkeys([*made.get(name, ()), *value]))
                elif made.setdefault(name, value) != value and name not in ANNOTATIONS:
                    self._warn(
                        path, f"allOf.{name}", "said twice, and differently: the first is sent"
                    )
        return made

    # ------------------------------------------------------------ types and objects

    def _typed(self, schema: JSON, path: str) -> JSON:
        if "const" in schema and not self._has("const"):
            rest = {name: value for name, value in schema.items() if name != "const"}
            schema = {**rest, "enum": [schema["const"]]}
        kinds = schema.get("type")
        if not isinstance(kinds, list | tuple) or self._subset.type_lists:
            return schema
        rest = {name: value for name, value in schema.items() if name != "type"}
        others = [kind for kind in kinds if kind != "null"]
        if self._subset.nullable and len(others) < len(kinds):
            rest["nullable"] = True
            if isinstance(rest.get("enum"), list):
                rest["enum"] = [each for each in rest["enum"] if each is not None]
            kinds = others
        if not kinds:
            return rest
        if len(kinds) == 1:
            return {"type": kinds[0], **rest}
        if "anyOf" in rest or not self._has("anyOf"):
            self._warn(path, "type", "only one type can be said: the first is sent")
            return {"type": kinds[0], **rest}
        return {"anyOf": [of_kind(kind, rest) for kind in kinds]} | {
            name: value for name, value in rest.items() if name in ANNOTATIONS
        }

    def _closed(self, schema: JSON, made: JSON, path: str) -> None:
        subset = self._subset
        if not (subset.closed or subset.all_required) or not has_properties(schema):
            return
        if subset.closed:
            if self._leaves_names_open(schema):
                raise self._unsupported(
                    path, "leaves the names of properties open, which {} does not take"
                )
            made["additionalProperties"] = False
            made.setdefault("properties", {})
        properties = made["properties"] if subset.closed else made.get("properties", {})
        required = [name for name in schema.get("required", ()) if name in properties]
        if subset.all_required:
            for name in [name for name in properties if name not in required]:
                required.append(name)
                given = schema["properties"][name]
                if not (is_constant(given) or accepts_null(given, self._root)):
                    properties[name] = nullable(properties[name], type_lists=subset.type_lists)
                    self._warn(path, f"properties.{name}", "must be given here: null if absent")
        if required or subset.all_required or "required" in schema:
            made["required"] = required

    @staticmethod
    def _leaves_names_open(schema: JSON) -> bool:
        """Whether closing the object would forbid what it is for."""
        others = schema.get("additionalProperties")
        if "properties" not in schema:
            return others is not False
        return isinstance(others, dict) or "patternProperties" in schema

    def _count(self, made: JSON, depth: int) -> None:
        counted = self._counted
        counted["depth"] = max(counted["depth"], depth)
        properties = made.get("properties")
        if isinstance(properties, dict):
            counted["properties"] += len(properties)
            counted["optional"] += len(properties) - len(made.get("required", ()))
        counted["enum_values"] += len(made.get("enum", ()))
        counted["unions"] += "anyOf" in made or isinstance(made.get("type"), list)

    # ------------------------------------------------------------ telling

    def _has(self, keyword: str) -> bool:
        return self._keywords is None or keyword in self._keywords

    def _warn(self, path: str, keyword: str, message: str) -> None:
        self.told.setdefault(f"{path}.{keyword}" if path else keyword, message)

    def _unsupported(self, path: str, what: str) -> UnsupportedError:
        where = f"{self._setting}.{path}" if path else self._setting
        return UnsupportedError(
            f"the schema in {where} {what.format(self._subset.name)}", param=where
        )


_COUNTED: dict[Limit, str] = {
    "depth": "levels",
    "properties": "properties",
    "enum_values": "enum values",
    "optional": "optional properties",
    "unions": "unions",
}
