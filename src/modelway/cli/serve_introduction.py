"""What a person is told who has started a gateway."""

from __future__ import annotations

import sys

from modelway.cli import output
from modelway.config.resolve import default_model
from modelway.config.settings import Settings
from modelway.gateway.authorise import Keys
from modelway.gateway.worker import Started
from modelway.opening import Opened, only_named

_NAMES_SHOWN = 8


def introduction(
    url: str,
    opened: Opened,
    keys: Keys,
    made: str | None,
    *,
    workers: int = 1,
    notices: tuple[str, ...] = (),
) -> Started:
    """Where it serves, for whom, what can be asked, and what else they should know."""
    settings = opened.engine.settings
    by = f" by {workers} processes" if workers > 1 else ""
    if made is not None:
        key = f"{made}  (shown once; only its hash is kept)"
    elif not keys.required:
        key = "none is asked for"
    elif settings.gateway.keys:
        key = "one of gateway.keys, or the one shown at the first start"
    else:
        key = "the one shown at the first start (lost it? modelway serve --new-key)"
    return Started(
        notices=(*notices, *opened.notices, *_unusable(settings)),
        lines=(
            f"modelway serves on {url}{by}",
            f"key: {key}",
            f"  OpenAI clients     OPENAI_BASE_URL={url}/v1  OPENAI_API_KEY=<key>",
            f"  Anthropic clients  ANTHROPIC_BASE_URL={url}  ANTHROPIC_API_KEY=<key>",
            f"  models             {_models(settings)}",
        ),
    )


def introduce(started: Started) -> None:
    for notice in started.notices:
        output.note(notice)
    for line in started.lines:
        print(line)
    sys.stdout.flush()


def _models(settings: Settings) -> str:
    names = list(settings.routes) or [
        f"{name}/…"
        for name, one in settings.providers.items()
        if not (one.row.in_process and only_named(one))  # no file is configured for callers
    ]
    default = default_model(settings)
    shown = list(dict.fromkeys([*([default] if default else []), *names]))
    more = f" and {len(shown) - _NAMES_SHOWN} more" if len(shown) > _NAMES_SHOWN else ""
    return ", ".join(shown[:_NAMES_SHOWN]) + more


def _unusable(settings: Settings) -> list[str]:
    """Why configured providers cannot be asked, so that nobody learns it from the first request."""
    unusable = [one for one in settings.providers.values() if one.problem]
    return [f"{one.name} cannot be asked: {one.problem}" for one in unusable]
