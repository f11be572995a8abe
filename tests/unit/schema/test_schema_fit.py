"""Schemas written within what a provider takes, and what is said of it."""

import contextlib
import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import BadRequestError, ConfigError, UnsupportedError
from modelway.schema import SUBSETS, fitted, object_schema, subset
from modelway.schema.nulls import without_nulls
from modelway.schema.references import inner_schemas
from modelway.schema.validate import faults
from modelway.simulator.example import example

EVERY = pytest.mark.parametrize("name", SUBSETS)
SMALL = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def obj(required=(), /, **properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


# before, after, the settings that are warned of
ROWS = {
    "an object is closed": ("openai", SMALL, {**SMALL, "additionalProperties": False}, []),
    "what fits is the same": ("openai", obj("a", a={"type": "string"}), None, []),
    "a property must be given": (
        "openai",
        obj(a={"type": "string"}),
        obj("a", a={"type": ["string", "null"]}),
        ["properties.a"],
    ),
    "one that may be null need not be told": (
        "openai",
        obj(a={"type": ["string", "null"]}),
        obj("a", a={"type": ["string", "null"]}),
        [],
    ),
    "a constant need not be null": ("openai", obj(a={"const": 1}), obj("a", a={"const": 1}), []),
    "an enum becomes a union": (
        "openai",
        obj(a={"enum": [1, 2]}),
        obj("a", a={"anyOf": [{"enum": [1, 2]}, {"type": "null"}]}),
        ["properties.a"],
    ),
    "a length is told in words": (
        "openai",
        obj("a", a={"type": "string", "minLength": 3, "description": "Name."}),
        obj("a", a={"type": "string", "description": "Name. (minLength: 3)"}),
        ["properties.a.minLength"],
    ),
    "a default is told, and no warning": (
        "openai",
        obj("a", a={"type": "string", "default": "x"}),
        obj("a", a={"type": "string", "description": '(default: "x")'}),
        [],
    ),
    "annotations go in silence": (
        "openai",
        obj("a", a={"type": "string", "examples": ["x"], "x-ours": 1}),
        obj("a", a={"type": "string"}),
        [],
    ),
    "a format that is not known": (
        "openai",
        obj("a", a={"type": "string", "format": "uri"}),
        obj("a", a={"type": "string", "description": '(format: "uri")'}),
        ["properties.a.format"],
    ),
    "oneOf of different types": (
        "openai",
        obj("a", a={"oneOf": [{"type": "string"}, {"type": "integer"}]}),
        obj("a", a={"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        [],
    ),
    "oneOf that may overlap": (
        "openai",
        obj("a", a={"oneOf": [{"type": "number"}, {"type": "integer"}]}),
        obj("a", a={"anyOf": [{"type": "number"}, {"type": "integer"}]}),
        ["properties.a.oneOf"],
    ),
    "allOf is merged": (
        "openai",
        {
            "allOf": [obj("a", a={"type": "string"}), {"properties": {"b": {"const": 1}}}],
            "type": "object",
        },
        {**obj("a", a={"type": "string"}, b={"const": 1}), "required": ["a", "b"]},
        [],
    ),
    "allOf that contradicts": (
        "openai",
        obj("a", a={"allOf": [{"type": "string"}, {"type": "integer"}]}),
        obj("a", a={"type": "string"}),
        ["properties.a.allOf.type"],
    ),
    "nothing beside a reference": (
        "openai",
        {
            **obj("a", a={"$ref": "#/$defs/A", "description": "d"}),
            "$defs": {"A": {"type": "string"}},
        },
        {**obj("a", a={"type": "string", "description": "d"}), "$defs": {"A": {"type": "string"}}},
        [],
    ),
    "one item at least": ("anthropic", obj("a", a={"type": "array", "minItems": 1}), None, []),
    "two items at least": (
        "anthropic",
        obj("a", a={"type": "array", "minItems": 2}),
        obj("a", a={"type": "array", "description": "(minItems: 2)"}),
        ["properties.a.minItems"],
    ),
    "optional stays optional": ("anthropic", obj(a={"type": "string"}), None, []),
    "const as enum": ("gemini", obj("a", a={"const": "x"}), obj("a", a={"enum": ["x"]}), []),
    "null by a word": (
        "gemini-openapi",
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
        {"type": "object", "properties": {"a": {"type": "string", "nullable": True}}},
        [],
    ),
    "null out of a union": (
        "gemini-openapi",
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
        {"type": "object", "properties": {"a": {"type": "string", "nullable": True}}},
        [],
    ),
    "references written out": (
        "gemini-openapi",
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/A"}},
            "$defs": {"A": {"type": "string"}},
        },
        {"type": "object", "properties": {"a": {"type": "string"}}},
        [],
    ),
    "an enum of numbers": (
        "gemini-openapi",
        {"type": "object", "properties": {"a": {"type": "integer", "enum": [1]}}},
        {"type": "object", "properties": {"a": {"type": "integer", "description": "(enum: [1])"}}},
        ["properties.a.enum"],
    ),
    "a list of types": (
        "cerebras",
        obj("a", a={"type": ["string", "null"], "description": "d"}),
        obj("a", a={"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d"}),
        [],
    ),
    "no union, no null": (
        "cohere",
        obj("a", a={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        obj("a", a={"type": "string"}),
        ["properties.a.anyOf"],
    ),
    "everything": ("any", {"not": {"const": 1}}, None, []),
}


@pytest.mark.parametrize(("name", "before", "after", "warned"), ROWS.values(), ids=ROWS)
def test_a_schema_is_written_within_the_subset(name, before, after, warned):
    given_ = copy.deepcopy(before)
    found = fitted(before, subset(name), "s")
    assert found.schema == (before if after is None else after)
    assert [warning.setting for warning in found.warnings] == [f"s.{path}" for path in warned]
    assert before == given_
    assert after is not None or found.schema is before


TREE = {
    "$ref": "#/$defs/T",
    "$defs": {"T": obj("children", children={"type": "array", "items": {"$ref": "#/$defs/T"}})},
}
LONG = obj(*"a", a={"enum": list(range(1001))})
REFUSED = {
    "a tree": ("anthropic", TREE, "refers to itself"),
    "a tree to be written out": ("gemini-openapi", TREE, "refers to itself"),
    "an open map": ("openai", obj("a", a={"type": "object"}), "names of properties open"),
    "a typed map": (
        "anthropic",
        obj("a", a={"type": "object", "additionalProperties": {"type": "integer"}}),
        "names of properties open",
    ),
    "no object": ("openai", {"type": "array", "items": SMALL}, "not of an object"),
    "a union at the root": ("openai", {"anyOf": [SMALL, SMALL]}, "not of an object"),
    "too many values": ("openai", LONG, "1001 enum values"),
    "too much that is optional": (
        "anthropic",
        obj(**{f"p{number}": {"type": "string"} for number in range(25)}),
        "25 optional properties",
    ),
    "another document": (
        "openai",
        obj("a", a={"$ref": "https://x/y", "title": "t"}),
        "another document",
    ),
    "a broken reference": (
        "openai",
        obj("a", a={"$ref": "#/$defs/X", "title": "t"}),
        "no such part",
    ),
}


@pytest.mark.parametrize(("name", "schema", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_said_is_refused(name, schema, why):
    with pytest.raises(UnsupportedError, match=why):
        fitted(schema, subset(name))


def test_a_tree_stays_one_where_it_may():
    found = fitted(TREE, subset("openai"))
    assert object_schema(found.schema)
    assert found.schema["properties"]["children"]["items"] == {"$ref": "#/$defs/T"}


def deep(levels):
    schema = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


def cyclic():
    schema = {"type": "object", "properties": {}}
    schema["properties"]["me"] = schema
    return schema


def doubling():
    """Small as written, and 2⁴⁰ values once its references are written out."""
    definitions = {
        f"d{level}": {"anyOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(40)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, "d40": {"type": "string"}}}


def chain():
    """References one after another, deeper than Python recurses."""
    definitions = {f"d{at}": {"items": {"$ref": f"#/$defs/d{at + 1}"}} for at in range(3000)}
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, "d3000": {"type": "string"}}}


@EVERY
@pytest.mark.parametrize(
    "schema", [deep(1000), deep(200_000), cyclic()], ids=["deep", "abyss", "cycle"]
)
def test_depth_and_cycles_are_refused(name, schema):
    with pytest.raises(BadRequestError, match="nested"):
        fitted(schema, subset(name))


@pytest.mark.parametrize("schema", [doubling(), chain()], ids=["doubling", "chain"])
def test_what_grows_when_written_out_is_refused(schema):
    with pytest.raises(BadRequestError, match="its references written out"):
        fitted(schema, subset("gemini-openapi"))


def test_a_wide_schema_is_refused():
    with pytest.raises(BadRequestError, match="values"):
        fitted(obj(**{f"p{number}": {"type": "string"} for number in range(60_000)}), subset("any"))


def test_an_unknown_subset_is_named():
    with pytest.raises(ConfigError, match="'nope'"):
        subset("nope")


# ---------------------------------------------------------------- laws

LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer", "minimum": 0, "default": 3},
        {"type": ["number", "null"]},
        {"enum": ["a", "b"]},
        {"const": "c"},
        {"type": "string", "minLength": 2, "title": "T"},
        {"$ref": "#/$defs/D"},
        {"$ref": "#/$defs/D", "description": "one of those"},
    ]
)


def objects(inner):
    properties = st.dictionaries(st.sampled_from("abcd"), inner, min_size=1, max_size=3)
    return properties.flatmap(
        lambda named: st.sets(st.sampled_from(sorted(named))).map(
            lambda required: {"type": "object", "properties": named, "required": sorted(required)}
        )
    )


INNER = st.recursive(
    LEAVES,
    lambda inner: (
        objects(inner)
        | inner.map(lambda each: {"type": "array", "items": each})
        | st.lists(inner, min_size=1, max_size=3).map(lambda each: {"anyOf": each})
        | inner.map(lambda each: {"allOf": [each]})
    ),
    max_leaves=5,
)
SCHEMAS = objects(INNER).map(
    lambda schema: {
        **schema,
        "$defs": {"D": {"type": "object", "properties": {"x": {"type": "string"}}}},
    }
)


def attempt(schema, name):
    try:
        return fitted(schema, subset(name))
    except UnsupportedError:
        return None


def keywords(schema):
    found, waiting = set(), [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found |= set(each)
            waiting += [*inner_schemas(each), *each.get("$defs", {}).values()]
    return found


@given(name=st.sampled_from(sorted(SUBSETS)), schema=SCHEMAS)
def test_only_what_is_taken_is_left_and_it_stays(name, schema):
    found = attempt(schema, name)
    if found is not None:
        row = subset(name)
        assert row.keywords is None or keywords(found.schema) <= row.keywords
        again = fitted(found.schema, row)
        assert again == (found.schema, ())


@given(name=st.sampled_from(sorted(SUBSETS)), schema=SCHEMAS)
def test_an_answer_under_the_fitted_schema_is_one_under_the_given(name, schema):
    """As far as no constraint was dropped; nulls that stand for absent properties apart."""
    found = attempt(schema, name)
    if found is None or any("not taken" in warning.message for warning in found.warnings):
        return
    value = example(found.schema)
    if subset(name).nullable:
        return  # the example's maker does not know OpenAPI's nullable
    assert faults(value, found.schema) == []
    assert faults(without_nulls(value, schema), schema) == []


WORDS = st.sampled_from(
    [
        *sorted(set().union(*[row.keywords or () for row in SUBSETS.values()])),
        "allOf",
        "not",
        "$ref",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 3)
    | st.sampled_from(["object", "#", "#/$defs/a", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.just("a"), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    name=st.sampled_from(sorted(SUBSETS)),
    schema=st.dictionaries(WORDS, JSON, max_size=4),
    value=JSON,
)
def test_what_is_no_schema_is_an_error_of_ours(name, schema, value):
    for work in (lambda: fitted(schema, subset(name)), lambda: faults(value, schema)):
        with contextlib.suppress(BadRequestError, UnsupportedError):
            work()
