"""Options that several commands share, in the same words everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

Config: TypeAlias = Annotated[
    Path | None,
    Parameter(
        name=["--config", "-c"],
        help="A YAML or TOML file; else modelway.yaml here, or the environment alone.",
    ),
]
File: TypeAlias = Annotated[
    Path | None,
    Parameter(
        name=["--file", "--config", "-c"],
        help="A YAML or TOML file; else modelway.yaml here, or the environment alone.",
    ),
]
"""The same where the configuration is what the command is about."""
Model: TypeAlias = Annotated[
    str | None,
    Parameter(
        name=["--model", "-m"],
        help="A configured name, PROVIDER/MODEL, or a model's own name.",
    ),
]
System: TypeAlias = Annotated[
    str | None,
    Parameter(name=["--system", "-s"], help="Instructions that stand above the conversation."),
]
Temperature: TypeAlias = Annotated[
    float | None,
    Parameter(name=["--temperature", "-t"], help="How freely words are chosen; 0 is the least."),
]
MaxTokens: TypeAlias = Annotated[int | None, Parameter(help="The most tokens to answer with.")]
Quiet: TypeAlias = Annotated[
    bool,
    Parameter(
        name=["--quiet", "-q"],
        negative="",
        show_default=False,
        help="The answer only: no reasoning, no line on tokens and time.",
    ),
]
Json: TypeAlias = Annotated[
    bool, Parameter(negative="", show_default=False, help="JSON instead of words.")
]
Flag: TypeAlias = Annotated[bool, Parameter(negative="", show_default=False)]
"""A switch without an opposite."""
Switch: TypeAlias = Annotated[bool, Parameter(show_default=False)]
"""A switch with an opposite, --no-…"""
Several: TypeAlias = Annotated[tuple[str, ...], Parameter(negative="", show_default=False)]
"""An option that may be repeated."""
Port: TypeAlias = Annotated[
    int, Parameter(name=["--port", "-p"], validator=Number(gte=0, lte=65535))
]
"""Where to listen; 0 takes a free port."""
