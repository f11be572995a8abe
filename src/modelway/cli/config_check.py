"""``modelway config check``: every problem at once, with its place."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from modelway.cli import output
from modelway.cli.options import File, Flag, Json
from modelway.client import Client
from modelway.config.load import find, load
from modelway.config.problems import InvalidConfigError, Problem
from modelway.config.resolve import default_model
from modelway.config.settings import Settings
from modelway.inquiry import ProviderHealth

_BROKEN, _UNREACHED, _GOOD = 2, 1, 0


def check(
    file: File = None,
    *,
    online: Flag = False,
    json: Json = False,
) -> int:
    """Find every problem of a configuration at once, with its place.

    The exit code is 2 when the file has a problem, and 1 when --online finds a
    provider that does not answer or refuses its key.

    For example:
        modelway config check
        modelway config check production.yaml --online
        modelway config check --json | jq '.problems[].line'

    Parameters
    ----------
    online
        Ask every provider too, all at once, whether it answers and takes the key.
    """
    source = file or find(os.environ)
    place = "environment" if source is None else str(source)
    try:
        settings = load(source)
    except InvalidConfigError as error:
        _refuse(place, error.problems, json=json)
        return _BROKEN
    found = asyncio.run(_ask(settings)) if online else ()
    if json:
        output.show_json(
            {
                "source": place,
                "ok": all(one.ok for one in found),
                "problems": settings.notices,
                "providers": {name: one.problem for name, one in settings.providers.items()},
                "models": list(settings.routes),
                "default_model": default_model(settings),
                **({"health": found} if online else {}),
            }
        )
    else:
        _describe(place, settings, found)
    return _GOOD if all(one.ok for one in found) else _UNREACHED


async def _ask(settings: Settings) -> tuple[ProviderHealth, ...]:
    async with Client(settings) as client:
        return await client.health_check()


def _refuse(place: str, problems: Sequence[Problem], *, json: bool) -> None:
    if json:
        shown: dict[str, Any] = {"source": place, "ok": False, "problems": problems}
        output.show_json(shown)
        return
    for problem in problems:
        print(output.plain(_line(place, problem)))
    wrong = sum([problem.severity == "error" for problem in problems])
    output.complain(f"{place} has {wrong} problem{'' if wrong == 1 else 's'}")


def _describe(place: str, settings: Settings, found: Sequence[ProviderHealth]) -> None:
    for problem in settings.notices:
        print(output.plain(_line(place, problem)))
    for one in settings.providers.values():
        if one.problem:
            print(output.plain(f"{place}: notice: {one.name} cannot be used: {one.problem}"))
    if found:
        from modelway.cli.health import show  # noqa: PLC0415  # only with --online

        show(found)
    numbers = f"{_number(settings.providers, 'provider')}, {_number(settings.routes, 'model')}"
    default = default_model(settings)
    answers = f"{default} answers by default" if default else "no model answers by default"
    print(f"{place} is good: {numbers}; {answers}")


def _line(place: str, problem: Problem) -> str:
    """``modelway.yaml:12: error: providers.x.y: unknown field (did you mean z?)``, as compilers do."""
    where = place if problem.line is None else f"{place}:{problem.line}"
    path = f"{problem.path}: " if problem.path else ""
    hint = f" (did you mean {problem.suggestion}?)" if problem.suggestion else ""
    return f"{where}: {problem.severity}: {path}{problem.message}{hint}"


def _number(things: dict[str, Any], word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"
