"""How OpenAI words its refusals of a field: absent, of the wrong type, or not a known value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelway.simulator.question import WireError, refuse

_TYPES = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def missing(path: str) -> WireError:
    """A required field is not there."""
    return refuse(
        f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter"
    )


def wrong_type(path: str, expected: str, value: Any) -> WireError:
    """A field has a value of another type."""
    return refuse(
        f"Invalid type for '{path}': expected {expected}, but got {_TYPES[type(value)]} instead.",
        param=path,
        code="invalid_type",
    )


def not_one_of(path: str, value: Any, allowed: Sequence[str]) -> WireError:
    """A field's value is not among those that are known."""
    listed = ", ".join([f"'{each}'" for each in allowed[:-1]])
    listed = f"{listed}, and '{allowed[-1]}'" if listed else f"'{allowed[-1]}'"
    return refuse(
        f"Invalid value: '{value}'. Supported values are: {listed}.",
        param=path,
        code="invalid_value",
    )
