"""Readers of single values: each takes a node and returns a checked value, or says what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, NoReturn, TypeAlias, TypeVar

from modelway.config.nodes import Node
from modelway.config.problems import Problem, Severity, nearest, shown
from modelway.config.variables import Expanded, expand
from modelway.errors import ConfigError
from modelway.transport.url import parse_base_url

T = TypeVar("T")


class Setting(NamedTuple):
    """A checked value and its origin."""

    value: Any
    origin: str


class WrongError(Exception):
    """A value that a reader refuses."""

    def __init__(self, node: Node, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.node = node
        self.message = message
        self.suggestion = suggestion


class Context:
    """The environment that values may refer to, and the problems found so far."""

    def __init__(self, environment: Mapping[str, str], *, in_file: bool) -> None:
        self.environment = environment
        self.in_file = in_file
        self.problems: list[Problem] = []

    def error(self, node: Node, message: str, suggestion: str | None = None) -> None:
        self._report(node, message, suggestion, "error")

    def notice(self, node: Node, message: str, suggestion: str | None = None) -> None:
        self._report(node, message, suggestion, "notice")

    def _report(self, node: Node, message: str, suggestion: str | None, severity: Severity) -> None:
        problem = Problem(
            path=node.path,
            message=message,
            line=node.line,
            suggestion=suggestion,
            severity=severity,
        )
        if problem not in self.problems:
            self.problems.append(problem)

    def read(self, node: Node, read: Callable[[Node, Context], T]) -> T | None:
        """The value, or ``None`` once the problem is noted."""
        try:
            return read(node, self)
        except WrongError as wrong:
            self.error(wrong.node, wrong.message, wrong.suggestion)
            return None


Read: TypeAlias = Callable[[Node, Context], Any]
Table: TypeAlias = Mapping[str, Read]
Level: TypeAlias = dict[str, Setting]


def read_table(node: Node, table: Table, context: Context) -> Level:
    """The fields that are there and valid. Unknown ones are problems; a null is not there."""
    if not isinstance(node.value, dict):
        _refuse(node, "must be a mapping of settings")
    level: Level = {}
    for name, item in node.fields.items():
        read = table.get(name)
        if read is None:
            near = nearest(name, table)
            context.error(item, f"unknown field {shown(name)}", near[0] if near else None)
        elif item.value is not None:
            value = context.read(item, read)
            if value is not None:
                level[name] = Setting(value, origin(item, context))
    return level


def origin(node: Node, context: Context) -> str:
    """Where a value came from: the environment, when a variable was put in anywhere."""
    used = [] if node.origin.startswith("environment") else list(_variables(node, context))
    return f"environment {', '.join(used)} ({node.origin})" if used else node.origin


def _variables(node: Node, context: Context) -> Iterable[str]:
    if isinstance(node.value, str):
        yield from expand(node.value, context.environment).used
    for below in (*node.fields.values(), *node.items):
        yield from _variables(below, context)


# ---------------------------------------------------------------- text


def text(node: Node, context: Context) -> str:
    """A text that is not empty, its variables replaced."""
    expanded = expanded_text(node, context)
    if expanded.missing:
        names = ", ".join(expanded.missing)
        _refuse(
            node, f"the environment variable {names} is not set; set it or write ${{…:-default}}"
        )
    if not expanded.text.strip():
        _refuse(node, "must not be empty")
    return expanded.text


def expanded_text(node: Node, context: Context) -> Expanded:
    """A text whose variables may be missing."""
    if not isinstance(node.value, str):
        _refuse(node, f"must be text, not {_kind(node)}; quote it if it is meant as text")
    expanded = expand(node.value, context.environment)
    if expanded.malformed:
        _refuse(node, "holds a ${ that begins no ${NAME} or ${NAME:-default}; write $${ for itself")
    return expanded


def line_of_text(node: Node, context: Context) -> str:
    """A text without control characters."""
    value = text(node, context)
    if not value.isprintable():
        _refuse(node, "holds control characters")
    return value


def one_of(*known: str) -> Read:
    """One of these texts."""

    def read(node: Node, context: Context) -> str:
        value = text(node, context)
        if value not in known:
            near = nearest(value, known)
            _refuse(node, f"must be one of {', '.join(known)}, not {shown(value)}", *near)
        return value

    return read


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def variable_name(node: Node, context: Context) -> str:
    """The name of an environment variable."""
    value = text(node, context)
    if not _VARIABLE.fullmatch(value) or (len(value) > 20 and value.islower()):
        _refuse(
            node,
            "must be the name of an environment variable, such as OPENAI_API_KEY, not a key itself",
        )
    return value


def base_url(node: Node, context: Context) -> str:
    """An http or https URL with a host, and nothing that could send a key elsewhere."""
    value = text(node, context).strip()
    try:
        parse_base_url(value)
    except ConfigError as error:
        raise WrongError(node, error.message) from None
    return value


# ---------------------------------------------------------------- numbers and flags


def _number(node: Node, context: Context) -> float:
    value = node.value
    if isinstance(value, str) and "${" in value:
        written = text(node, context)
        try:
            value = float(written)
        except ValueError:
            _refuse(node, f"must be a number, not {shown(written)}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = " without quotes" if isinstance(value, str) else f", not {_kind(node)}"
        _refuse(node, f"must be a number{hint}")
    try:
        scaled = value if node.scale == 1.0 else value * node.scale
        finite = math.isfinite(scaled)
    except OverflowError:  # a whole number that no float holds
        finite = False
    if not finite:
        _refuse(node, "must be a finite number")
    return scaled


def number(minimum: float, maximum: float = math.inf) -> Read:
    """A number within bounds, both included."""

    def read(node: Node, context: Context) -> float:
        value = _number(node, context)
        if not minimum <= value <= maximum:
            _refuse(node, f"must be {_bounds(minimum, maximum)}, not {value:g}")
        return float(value)

    return read


def integer(minimum: int, maximum: float = math.inf) -> Read:
    """A whole number within bounds, both included."""

    def read(node: Node, context: Context) -> int:
        value = _number(node, context)
        if value != int(value):
            _refuse(node, f"must be a whole number, not {value:g}")
        if not minimum <= value <= maximum:
            _refuse(node, f"must be {_bounds(minimum, maximum)}, not {value:g}")
        return int(value)

    return read


def flag(node: Node, context: Context) -> bool:
    """True or false."""
    value = node.value
    if isinstance(value, str) and "${" in value:
        written = text(node, context).casefold()
        value = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
            written, written
        )
    if not isinstance(value, bool):
        _refuse(node, "must be true or false")
    return value


def _bounds(minimum: float, maximum: float) -> str:
    return f"at least {minimum:g}" if maximum == math.inf else f"from {minimum:g} to {maximum:g}"


# ---------------------------------------------------------------- compounds


def list_of(read: Read) -> Read:
    """A list, or one item alone."""

    def read_list(node: Node, context: Context) -> tuple[Any, ...]:
        if isinstance(node.value, dict):
            _refuse(node, "must be a list")
        found = [context.read(item, read) for item in node.items or [node] if item.value != []]
        return tuple([value for value in found if value is not None])

    return read_list


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS = {"host", "content-length", "connection", "transfer-encoding", "upgrade", "expect"}


def headers(node: Node, context: Context) -> Level:
    """HTTP headers that cannot break out of their line."""
    if not isinstance(node.value, dict):
        _refuse(node, "must be a mapping of header names to texts")
    found: Level = {}
    for name, item in node.fields.items():
        if not _TOKEN.fullmatch(name):
            context.error(item, "a header's name must be letters, digits and hyphens")
        elif name.casefold() in _OWN_HEADERS:
            context.error(item, "this header is the connection's own and cannot be set")
        else:
            value = context.read(item, _header_value)
            if value is not None:
                found[name] = Setting(value, origin(item, context))
    return found


def _header_value(node: Node, context: Context) -> str:
    value = text(node, context)
    if not (value.isascii() and value.isprintable()):
        _refuse(node, "a header's value must be one line of printable ASCII")
    return value


def query(node: Node, context: Context) -> Level:
    """Query parameters."""
    if not isinstance(node.value, dict):
        _refuse(node, "must be a mapping of parameter names to texts")
    return {
        name: Setting(value, origin(item, context))
        for name, item in node.fields.items()
        if (value := context.read(item, _parameter)) is not None
    }


def _parameter(node: Node, context: Context) -> str:
    if isinstance(node.value, bool):
        return "true" if node.value else "false"
    if isinstance(node.value, int | float):
        return str(node.value)
    return line_of_text(node, context)


_SET_BY_US = ("model", "messages", "stream")


def body(node: Node, context: Context) -> Level:
    """Extra fields of the request's body, by their names on the wire."""
    if not isinstance(node.value, dict):
        _refuse(node, "must be a mapping of body fields")
    for name, item in node.fields.items():
        if name in _SET_BY_US:
            context.error(item, f"{name} is set by each request and cannot be an extra field")
    return {
        name: Setting(json(item, context), origin(item, context))
        for name, item in node.fields.items()
        if name not in _SET_BY_US
    }


def json(node: Node, context: Context) -> Any:
    """Any value, the variables in its texts replaced."""
    match node.value:
        case dict() as fields:
            return {name: json(item, context) for name, item in fields.items()}
        case list() as items:
            return [json(item, context) for item in items]
        case str() as written if "${" in written:
            return context.read(node, text)
        case scalar:
            return scalar


def raw(node: Node, _context: Context) -> Node:
    """The node itself, to be read by who knows what it is."""
    return node


def _kind(node: Node) -> str:
    match node.value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case None:
            return "nothing"
        case _:
            return "text"


def _refuse(node: Node, message: str, suggestion: str | None = None) -> NoReturn:
    raise WrongError(node, message, suggestion)
