"""``modelway health reset``: a gateway's circuit breakers are closed by hand."""

from __future__ import annotations

import asyncio

import msgspec

from modelway.cli import output
from modelway.cli.gateways import Gateway, KeyVariable
from modelway.cli.options import Flag, Json
from modelway.errors import ConfigError, ResponseError


class _Reset(msgspec.Struct, frozen=True):
    """What the gateway answers."""

    reset: tuple[str, ...] = ()


def reset(
    deployment: str | None = None,
    *,
    all: Flag = False,  # --all
    url: str = "http://127.0.0.1:4000",
    key_variable: KeyVariable = "MODELWAY_KEY",
    json: Json = False,
) -> int:
    """Close the circuit breaker of a deployment of a running gateway, or all.

    Its replicas hear of it within a second. The next failures open it again.

    For example:
        MODELWAY_KEY=mw-… modelway health reset openai/gpt-4o
        MODELWAY_KEY=mw-… modelway health reset --all --url http://10.0.0.5:4000

    Parameters
    ----------
    deployment
        Its id, as `modelway health --url` shows it.
    all
        Every one.
    url
        The gateway's address. Its key must be an admin's.
    """
    if all == (deployment is not None):
        raise ConfigError("say which deployment, or --all for every one")
    body = msgspec.json.encode({} if deployment is None else {"deployment": deployment})
    answer = asyncio.run(_post(Gateway(url, key_variable), body))
    try:
        done = msgspec.json.decode(answer, type=_Reset).reset
    except msgspec.MsgspecError:
        raise ResponseError("what answered is no gateway of modelway's") from None
    if json:
        output.show_json({"reset": done})
    else:
        print(f"reset: {', '.join(map(output.plain, done))}" if done else "there is no breaker yet")
    return 0


async def _post(gateway: Gateway, body: bytes) -> bytes:
    async with gateway:
        return await gateway.ask("POST", "/v1/health/reset", body)
