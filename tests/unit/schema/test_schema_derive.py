"""JSON Schemas from Python types."""

from dataclasses import dataclass
from typing import Literal, TypedDict

import msgspec
import pytest

from modelway.errors import UnsupportedError
from modelway.question import chat_request
from modelway.schema import answer_schema, schema_of
from modelway.types import JsonSchema


class Pet(msgspec.Struct):
    name: str
    kind: Literal["cat", "dog"]
    age: int | None = None


@dataclass
class House:
    pets: list[Pet]


class Tree(msgspec.Struct):
    children: "list[Tree]" = []


class Row(TypedDict):
    id: int


class LikePydantic:
    @classmethod
    def model_json_schema(cls):
        return {"type": "object", "title": "LikePydantic"}


def test_a_struct_is_written_in_place():
    schema = schema_of(Pet)
    assert schema["type"] == "object"
    assert schema["required"] == ["name", "kind"]
    assert sorted(schema["properties"]["kind"]["enum"]) == ["cat", "dog"]
    assert "$defs" not in schema


def test_what_is_referred_to_stays_a_definition():
    schema = schema_of(House)
    assert schema["properties"]["pets"]["items"] == {"$ref": "#/$defs/Pet"}
    assert list(schema["$defs"]) == ["Pet"]


def test_a_recursive_type_refers_to_itself():
    schema = schema_of(Tree)
    assert schema["$ref"] == "#/$defs/Tree"
    assert schema["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(int, {"type": "integer"}), (LikePydantic, {"type": "object", "title": "LikePydantic"})],
)
def test_other_types(kind, expected):
    assert schema_of(kind) == expected
    assert schema_of(Row)["properties"] == {"id": {"type": "integer"}}


def test_a_type_without_a_schema_is_named():
    with pytest.raises(UnsupportedError, match="complex"):
        schema_of(complex)


def test_a_type_asks_for_its_answer():
    assert answer_schema(Pet) == JsonSchema(schema=schema_of(Pet), name="Pet")
    asked = chat_request("a pet", "m", None, {"response_format": Pet})
    assert asked.response_format == answer_schema(Pet)
