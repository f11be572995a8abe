"""Values made from schemas are valid, and use what the prompt says."""

import re

from modelway.simulator.example import example
from modelway.simulator.schemas import schema_fault


def test_strings_take_the_prompts_names_numbers_its_numbers_and_enums_its_choice():
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "unit": {"enum": ["kelvin", "celsius"]},
            "query": {"type": "string"},
            "unsaid": {"type": "string"},
        },
        "required": ["city", "days", "unit", "query"],
    }
    prompt = "What is the weather in New York for 3 days in Celsius?"
    assert example(schema, prompt) == {
        "city": "New York",
        "days": 3,
        "unit": "celsius",
        "query": prompt,
    }


def test_bounds_are_kept():
    assert example({"type": "integer", "minimum": 10, "multipleOf": 4}, "take 7") == 12
    assert example({"type": "integer", "maximum": 5, "multipleOf": 4}, "take 7") == 4
    assert example({"type": "integer", "exclusiveMinimum": 7}, "take 7") == 8
    assert example({"type": "number", "exclusiveMaximum": 7}, "take 7") == 6.5
    assert len(example({"type": "string", "minLength": 30}, "")) == 30
    assert example({"type": "string", "maxLength": 3}, "elephants") == "ele"
    assert len(example({"type": "array", "items": {"type": "null"}, "minItems": 3}, "")) == 3
    assert example({"type": "array", "items": {"type": "null"}, "maxItems": 0}, "") == []
    assert re.search(r"^\d+$", example({"type": "string", "pattern": r"^\d+$"}, "hello"))
    assert example({"type": "string", "format": "date"}, "now") == "2026-01-01"


def test_references_alternatives_and_compositions_are_followed():
    schema = {
        "type": "object",
        "properties": {
            "one": {"$ref": "#/$defs/one"},
            "two": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
            "three": {
                "allOf": [
                    {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
                    {"properties": {"b": {"const": 2}}, "required": ["b"]},
                ]
            },
            "four": {"type": ["null", "integer"]},
        },
        "$defs": {"one": {"type": "array", "prefixItems": [{"const": "x"}, {"const": "y"}]}},
    }
    assert example(schema, "") == {
        "one": ["x", "y"],
        "two": True,
        "three": {"a": 1, "b": 2},
        "four": 1,
    }


def test_a_schema_that_holds_itself_ends():
    node = {
        "type": "object",
        "properties": {"next": {"$ref": "#/$defs/node"}},
        "required": ["next"],
    }
    assert "next" in example({"$ref": "#/$defs/node", "$defs": {"node": node}}, "")
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert isinstance(example(loop, ""), str)


def test_what_is_no_schema_is_told():
    assert schema_fault({"type": "object", "properties": {"a": {"type": "string"}}}) is None
    assert "'str' is not a type" in schema_fault({"properties": {"a": {"type": "str"}}})
    assert ".properties.a" in schema_fault({"properties": {"a": {"type": "str"}}})
    assert "not of type" in schema_fault({"items": 3})
    assert "non-empty" in schema_fault({"enum": []})
    assert "multipleOf" in schema_fault({"multipleOf": 0})
