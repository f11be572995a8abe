"""Python functions as tools: the schema from the signature, the words from the docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias, get_args, get_origin, get_type_hints, overload

import msgspec
from msgspec import UNSET, Struct, UnsetType

from modelway.errors import ConfigError, UnsupportedError
from modelway.functions.docstrings import told
from modelway.schema.derive import schema_of
from modelway.types import JSON, HostedTool, Tool

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Source: https://platform.openai.com/docs/api-reference/chat/create (tools.function.name), 2026-11-21."""


class FunctionTool(Struct, frozen=True, kw_only=True):
    """A tool, and the function that is it."""

    definition: Tool
    function: Callable[..., Any]
    arguments: Any
    """The Struct type that its arguments are read as."""
    timeout_s: float | None = None
    """``None``: as the run says."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function itself, so that a decorated one can still be called."""
        return self.function(*args, **kwargs)


AnyTool: TypeAlias = Tool | HostedTool | FunctionTool | Callable[..., Any]
"""What can be offered: a description alone, a tool that the provider runs, or a function."""


@overload
def tool(function: Callable[..., Any], /) -> FunctionTool: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float | None = None,
    strict: bool | None = None,
) -> Callable[[Callable[..., Any]], FunctionTool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float | None = None,
    strict: bool | None = None,
) -> FunctionTool | Callable[[Callable[..., Any]], FunctionTool]:
    """A function as a tool, said differently than its signature and docstring say; a decorator too."""

    def made(function: Callable[..., Any]) -> FunctionTool:
        words = told(inspect.getdoc(function) or "")
        called = str(name or getattr(function, "__name__", ""))
        if not _NAME.fullmatch(called):
            raise ConfigError(
                f"{called!r} is no name for a tool (letters, digits, _ and -, 64 at most): "
                "give one by modelway.tool(name=…)"
            )
        arguments, schema = _parameters(function, called, words.parameters)
        return FunctionTool(
            definition=Tool(
                name=called,
                description=description or words.text or None,
                parameters=schema,
                strict=strict,
            ),
            function=function,
            arguments=arguments,
            timeout_s=timeout_s,
        )

    return made if function is None else made(function)


def definition_of(offered: AnyTool) -> Tool | HostedTool:
    """What the model is shown of anything that can be offered."""
    if isinstance(offered, Tool | HostedTool):
        return offered
    return function_tool(offered).definition


def function_tool(offered: FunctionTool | Callable[..., Any]) -> FunctionTool:
    """The function as a tool; TypeError for what is none."""
    if isinstance(offered, FunctionTool):
        return offered
    if not callable(offered):
        raise TypeError(f"{offered!r} is neither a tool nor a function")
    return tool(offered)


def _parameters(function: Callable[..., Any], name: str, words: dict[str, str]) -> tuple[Any, JSON]:
    """The type of a function's arguments, and its schema."""
    hints = _hints(function, name)
    fields: list[tuple[str, Any, Any]] = []
    defaults: JSON = {}
    described = dict(words)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise UnsupportedError(
                f"the tool {name!r} takes *{parameter.name}: name its parameters, "
                "for a model must be told of each"
            )
        kind = hints.get(parameter.name, Any)
        said = _annotated(kind)
        if said is not None:
            described[parameter.name] = said
        if parameter.default is parameter.empty:
            fields.append((parameter.name, kind, msgspec.NODEFAULT))
        else:
            fields.append((parameter.name, kind if kind is Any else kind | UnsetType, UNSET))
            defaults[parameter.name] = parameter.default
    struct = msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)
    schema = _self_contained(schema_of(struct))
    for field, each in schema["properties"].items():
        if field in described:
            each["description"] = described[field]
        if field in defaults:
            each.pop("default", None)
            if (encoded := _encoded(defaults[field])) is not UNSET:
                each["default"] = encoded
    return struct, schema


def _self_contained(schema: JSON) -> JSON:
    """The schema of a call's arguments: an object, without the name that its type has."""
    schema.pop("title", None)
    schema.setdefault("required", [])
    return {**schema, "additionalProperties": False}


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        return get_type_hints(target, include_extras=True)
    except (NameError, TypeError) as error:
        raise UnsupportedError(
            f"the annotations of the tool {name!r} cannot be read: {error}"
        ) from None


def _annotated(kind: Any) -> str | None:
    """The words in ``Annotated[int, "how many"]``."""
    if get_origin(kind) is not Annotated:
        return None
    return next((each for each in get_args(kind)[1:] if isinstance(each, str)), None)


def _encoded(default: Any) -> Any:
    """The default as JSON; UNSET where it is none, as for a sentinel."""
    try:
        return msgspec.to_builtins(default)
    except (TypeError, ValueError):
        return UNSET
