"""Functions as tools: schemas from signatures, words from docstrings in three styles."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

import modelway
from modelway.functions import definition_of, tool
from modelway.functions.docstrings import told


class Unit(enum.Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


@dataclass
class Place:
    lat: float
    lon: float = 0.0


def weather(
    city: str,
    unit: Unit = Unit.CELSIUS,
    at: Place | None = None,
    days: Annotated[int, "How many days."] = 3,
    kinds: list[Literal["rain", "wind"]] = [],  # noqa: B006 - a default that is no constant
    anything=None,
    sentinel=object(),  # noqa: B008
) -> str:
    """The weather in a city.

    For some days.

    Args:
        city: Its name,
            in English.
        unit (Unit): Of the degrees.

    Returns:
        Words.
    """
    return f"{city} {unit} {at} {days} {kinds} {anything}"


def test_a_schema_from_a_signature():
    found = definition_of(weather)
    assert (found.name, found.description) == (
        "weather",
        "The weather in a city.\n\nFor some days.",
    )
    definitions = found.parameters["$defs"]
    assert definitions["Place"]["required"] == ["lat"]
    assert sorted(definitions["Unit"]["enum"]) == ["c", "f"]
    assert {
        name: found.parameters[name] for name in ("type", "required", "additionalProperties")
    } == {
        "type": "object",
        "required": ["city"],
        "additionalProperties": False,
    }
    assert found.parameters["properties"] == {
        "city": {"type": "string", "description": "Its name, in English."},
        "unit": {"$ref": "#/$defs/Unit", "description": "Of the degrees.", "default": "c"},
        "at": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}], "default": None},
        "days": {"type": "integer", "description": "How many days.", "default": 3},
        "kinds": {"type": "array", "items": {"enum": ["rain", "wind"]}, "default": []},
        "anything": {"default": None},
        "sentinel": {},
    }


def test_a_decorator_says_it_otherwise_and_leaves_the_function():
    @tool(name="add_up", description="Add.", timeout_s=2.0, strict=True)
    def add(one: int, two: int) -> int:
        return one + two

    assert add(1, 2) == 3
    found = definition_of(add)
    assert (found.name, found.description, found.strict, add.timeout_s) == (
        "add_up",
        "Add.",
        True,
        2.0,
    )


class Greeter:
    def greet(self, name: str) -> str:
        return name

    def __call__(self, name: str) -> str:
        return name


def test_methods_and_objects_are_functions_too():
    assert list(definition_of(Greeter().greet).parameters["properties"]) == ["name"]
    found = definition_of(tool(name="greeter")(Greeter()))
    assert found.parameters["properties"] == {"name": {"type": "string"}}


def anything_goes(**more):
    pass


def untold(x: Unknown):  # noqa: F821
    pass


def complex_one(x: complex):
    pass


@pytest.mark.parametrize(
    ("offered", "kind", "why"),
    [
        (anything_goes, modelway.UnsupportedError, r"\*more"),
        (untold, modelway.UnsupportedError, "Unknown"),
        (complex_one, modelway.UnsupportedError, "complex"),
        (lambda: 1, modelway.ConfigError, "no name"),
        (7, TypeError, "neither"),
    ],
)
def test_what_is_no_tool_is_refused(offered, kind, why):
    with pytest.raises(kind, match=why):
        definition_of(offered)


GOOGLE = """Do it.

    Parameters:
        one (int, optional): The first:
            with a colon.
        *two: The second.

    Raises:
        KeyError: never
    """
NUMPY = """Do it.

    Parameters
    ----------
    one : int, optional
        The first:
        with a colon.
    two, three
        The second.

    Returns
    -------
    int
        A number.
    """
SPHINX = """Do it.

    :param int one: The first:
        with a colon.
    :param two: The second.
    :type two: str
    :returns: A number.
    """


@pytest.mark.parametrize(
    ("docstring", "parameters"),
    [
        (GOOGLE, {"one": "The first: with a colon.", "two": "The second."}),
        (
            NUMPY,
            {"one": "The first: with a colon.", "two": "The second.", "three": "The second."},
        ),
        (SPHINX, {"one": "The first: with a colon.", "two": "The second."}),
        ("Do it.", {}),
        ("Do it.\n\nArgs:\n", {}),
    ],
)
def test_three_styles_of_docstrings(docstring, parameters):
    assert told(docstring) == ("Do it.", parameters)


def test_a_docstring_of_no_style_is_all_text():
    text = "Note that: this is text.\n\nIt has: colons."
    assert told(text) == (text, {})
    assert told("") == ("", {})
