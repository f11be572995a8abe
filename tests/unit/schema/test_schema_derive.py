"""JSON Schemas from Python types."""

from dataclasses import dataclass
from typing import Literal, TypedDict

import msgspec
import pytest

from modelway.errors import UnsupportedError
from modelway.functions import definition_of
from modelway.question import chat_request
from modelway.schema import answer_schema, schema_of
from modelway.structured import Invalid, form_of
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


def test_pydantic_models_inside_other_types():
    pydantic = pytest.importorskip("pydantic")

    class Wheel(pydantic.BaseModel):
        size: int = pydantic.Field(ge=1)

    class Car(pydantic.BaseModel):
        wheels: list[Wheel]

    schema = schema_of(list[Car])
    assert schema["type"] == "array"
    assert schema["items"]["properties"]["wheels"]["items"] == {"$ref": "#/$defs/Wheel"}
    assert schema["$defs"]["Wheel"]["properties"]["size"]["minimum"] == 1
    form = form_of(dict[str, Car])
    assert form.read('{"a": {"wheels": [{"size": 2}]}}') == {"a": Car(wheels=[Wheel(size=2)])}
    with pytest.raises(Invalid, match="greater than or equal to 1"):
        form.read('{"a": {"wheels": [{"size": 0}]}}')

    def drive(car: Car, by: Wheel | None = None) -> None: ...

    found = definition_of(drive).parameters
    assert found["properties"]["car"]["properties"]["wheels"]["items"] == {"$ref": "#/$defs/Wheel"}
    assert "Wheel" in found["$defs"]
