"""What is wrong with a configuration: every problem at once, each with its place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from modelway.errors import ConfigError

Severity = Literal["error", "notice"]

_KEY_LIKE = re.compile(r"(?:sk-|gsk_|xai-|hf_|pplx-|csk-|fw_|key-|Bearer )\S+|(?=\S*\d)[\w-]{24,}")


class Problem(Struct, frozen=True, kw_only=True):
    """``path`` is as the person wrote it; a ``notice`` does not keep the configuration from use."""

    path: str
    message: str
    line: int | None = None
    suggestion: str | None = None
    severity: Severity = "error"


class InvalidConfigError(ConfigError):
    """The configuration cannot be used. ``problems`` are all that is wrong, notices included."""

    def __init__(
        self, message: str, *, source: str = "", problems: tuple[Problem, ...] = ()
    ) -> None:
        super().__init__(message)
        self.source = source
        self.problems = problems


def invalid(source: str, problems: Iterable[Problem]) -> InvalidConfigError:
    """The error of these problems, in the order of their lines."""
    ordered = tuple(sorted(problems, key=lambda problem: problem.line or 0))
    wrong = [problem for problem in ordered if problem.severity == "error"]
    count = "1 problem" if len(wrong) == 1 else f"{len(wrong)} problems"
    lines = [f"{source} has {count}:", *[f"  {describe(problem)}" for problem in wrong]]
    return InvalidConfigError("\n".join(lines), source=source, problems=ordered)


def describe(problem: Problem) -> str:
    """One line for a person: where, what, and what may have been meant."""
    line = "" if problem.line is None else f"line {problem.line}: "
    path = f"{problem.path}: " if problem.path else ""
    hint = f" (did you mean {problem.suggestion}?)" if problem.suggestion else ""
    return f"{line}{path}{problem.message}{hint}"


def nearest(name: str, known: Iterable[str], *, count: int = 1) -> list[str]:
    """The known names most like this one, the best first; none when nothing is near."""
    candidates = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.casefold(), candidates, n=count, cutoff=0.6)
    return [candidates[match] for match in found]


def shown(value: object) -> str:
    """A value as a message may show it: short, and never when it could be a key."""
    text = repr(value)
    if _KEY_LIKE.search(str(value)):
        return "a value not shown here, because it looks like a key"
    return text if len(text) <= 60 else text[:57] + "..."
