"""What a docstring says of a function and its parameters, in Google's, NumPy's or Sphinx's style."""

from __future__ import annotations

import inspect
import re
from typing import NamedTuple

_GOOGLE = re.compile(
    r"^(?P<name>Args|Arguments|Parameters|Params|Returns?|Yields?|Raises|Examples?|Notes?|"
    r"Attributes|See Also|Warnings?|Todo)\s*:[ \t]*$",
    re.MULTILINE,
)
_NUMPY = re.compile(
    r"^(?P<name>Parameters|Other Parameters|Returns|Yields|Raises|Examples|Notes|See Also|"
    r"Attributes|Warnings|References)[ \t]*\n-{3,}[ \t]*$",
    re.MULTILINE,
)
_SPHINX = re.compile(
    r"^:(?:param|parameter|arg|argument|key)\s+(?:[^:]*?\s)?\*{0,2}(?P<name>\w+)\s*:"
)
_SPHINX_FIELD = re.compile(r"^:\w+[^:]*:", re.MULTILINE)
_GOOGLE_PARAMETER = re.compile(r"^\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?\s*:\s*(?P<text>.*)$")
_NUMPY_PARAMETERS = re.compile(r"^(?P<names>\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")
_OF_PARAMETERS = frozenset({"Args", "Arguments", "Parameters", "Params", "Other Parameters"})


class Told(NamedTuple):
    """The text before any section, and what is said of each parameter, on one line each."""

    text: str
    parameters: dict[str, str]


def told(docstring: str) -> Told:
    """Read a docstring. What is in none of the three styles is all text."""
    docstring = inspect.cleandoc(docstring)
    parameters: dict[str, str] = {}
    end = len(docstring)
    for heading, read in ((_NUMPY, _numpy), (_GOOGLE, _google)):
        found = list(heading.finditer(docstring))
        borders = [each.start() for each in found[1:]] + [len(docstring)] * bool(found)
        for each, border in zip(found, borders, strict=True):
            if each["name"] in _OF_PARAMETERS:
                parameters |= read(docstring[each.end() : border])
        if found:
            end = min(end, found[0].start())
    field = _SPHINX_FIELD.search(docstring)
    if field is not None:
        parameters |= _sphinx(docstring[field.start() :])
        end = min(end, field.start())
    return Told(docstring[:end].strip(), parameters)


def _google(section: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    lines = section.strip("\n").splitlines()
    margin = _margin(lines[0]) if lines else 0
    current: list[str] = []
    for line in lines:
        if line.strip() and _margin(line) < max(margin, 1):
            break  # the section is over: what comes is text again
        named = _GOOGLE_PARAMETER.match(line.strip()) if _margin(line) == margin else None
        if named:
            current = found.setdefault(named["name"], [])
            current.append(named["text"])
        elif line.strip():
            current.append(line.strip())
    return _joined(found)


def _numpy(section: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in section.strip("\n").splitlines():
        named = _NUMPY_PARAMETERS.match(line) if line and not line[0].isspace() else None
        if named:
            current = []
            for name in named["names"].split(","):
                found[name.strip().lstrip("*")] = current
        elif line.strip():
            current.append(line.strip())
    return _joined(found)


def _sphinx(section: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in section.splitlines():
        named = _SPHINX.match(line)
        if named:
            current = found.setdefault(named["name"], [])
            current.append(line[named.end() :].strip())
        elif line.startswith(":"):
            current = []
        elif line.strip():
            current.append(line.strip())
    return _joined(found)


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())


def _joined(found: dict[str, list[str]]) -> dict[str, str]:
    return {name: " ".join(lines).strip() for name, lines in found.items() if any(lines)}
