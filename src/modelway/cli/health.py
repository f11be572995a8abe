"""``modelway health``: does each provider answer, with this key, now? And what does a gateway say?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import cyclopts

from modelway.cli import output
from modelway.cli.gateways import Gateway, KeyVariable
from modelway.cli.options import Config, Flag, Json
from modelway.client import Client
from modelway.errors import ConfigError
from modelway.inquiry import ProviderHealth

_HELP = """\
Ask every configured provider whether it answers, all at once.

It is asked for its models, which costs nothing and tries the key. The exit
code is 1 when one of them does not answer. With --url a running gateway is
asked how its providers and breakers are.

For example:
    modelway health
    modelway health openai
    modelway health --watch
    MODELWAY_KEY=mw-… modelway health --url http://127.0.0.1:4000
    MODELWAY_KEY=mw-… modelway health reset openai/gpt-4o
"""
_NOBODY = (
    "no provider is configured: set a key, such as OPENAI_API_KEY, start a local server, "
    "or write a file with: modelway config init"
)

health = cyclopts.App(name="health", help=_HELP)


@health.default
def ask(
    provider: str | None = None,
    *,
    watch: Flag = False,
    url: str | None = None,
    key_variable: KeyVariable = "MODELWAY_KEY",
    config: Config = None,
    json: Json = False,
) -> int:
    """Ask every configured provider whether it answers, all at once.

    Parameters
    ----------
    provider
        Only this one.
    watch
        Go on asking, and show what changes, until Ctrl-C.
    url
        A gateway's address: it is asked instead. Its key must be an admin's.
    """
    if watch:
        from modelway.cli import health_watch  # noqa: PLC0415  # only where it is asked for

        watching = (
            health_watch.here(config, provider)
            if url is None
            else health_watch.there(Gateway(url, key_variable), provider)
        )
        return health_watch.show(watching, json=json)
    if url is not None:
        from modelway.cli import health_watch  # noqa: PLC0415

        return health_watch.show_once(Gateway(url, key_variable), provider, json=json)
    found = asyncio.run(_ask(provider, config))
    if not found:
        raise ConfigError(_NOBODY)
    if json:
        output.show_json(found)
    else:
        show(found)
    return 0 if all(one.ok for one in found) else 1


health.command("modelway.cli.health_reset:reset", name="reset")


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
