"""``modelway health``: does each provider answer, with this key, now?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from modelway.cli import output
from modelway.cli.options import Config, Json
from modelway.client import Client
from modelway.errors import ConfigError
from modelway.inquiry import ProviderHealth


def health(
    provider: str | None = None,
    *,
    config: Config = None,
    json: Json = False,
) -> int:
    """Ask every configured provider whether it answers, all at once.

    It is asked for its models, which costs nothing and tries the key. The exit
    code is 1 when one of them does not answer.

    For example:
        modelway health
        modelway health openai
        modelway health --json

    Parameters
    ----------
    provider
        Only this one.
    """
    found = asyncio.run(_ask(provider, config))
    if not found:
        raise ConfigError(
            "no provider is configured: set a key, such as OPENAI_API_KEY, start a local server, "
            "or write a file with: modelway config init"
        )
    if json:
        output.show_json(found)
    else:
        show(found)
    return 0 if all(one.ok for one in found) else 1


async def _ask(provider: str | None, config: Path | None) -> tuple[ProviderHealth, ...]:
    async with Client(config) as client:
        return await client.health_check(provider)


def show(found: Sequence[ProviderHealth]) -> None:
    """The table of ``health`` and of ``config check --online``."""
    output.table(
        ("PROVIDER", "STATE", "TIME", "MODELS", ""),
        [
            (
                one.provider,
                "ok" if one.ok else one.error or "failed",
                output.duration(one.latency_s),
                output.count(one.models),
                one.message,
            )
            for one in found
        ],
    )
