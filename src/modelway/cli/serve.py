"""``modelway serve``: the gateway as a process of its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelway.errors import ConfigError
from modelway.gateway.app import Gateway
from modelway.gateway.authorise import Keys, is_loopback, no_keys, open_keys, state_directory
from modelway.gateway.serve import listen, new_event_loop, run
from modelway.opening import Opened, open_engine


def serve(
    *,
    config: Annotated[Path | None, Parameter(name=["--config", "-c"])] = None,
    host: str | None = None,
    port: Annotated[int | None, Parameter(name=["--port", "-p"])] = None,
    auth: bool = True,
) -> int:
    """Serve OpenAI- and Anthropic-compatible HTTP on this machine.

    Without a configuration, keys in the environment make their providers available; without keys,
    local servers are looked for; without those, a simulator answers and says so.

    Examples:

        modelway serve
        modelway serve --config modelway.yaml --port 8080

    Parameters
    ----------
    config
        A YAML or TOML file; else modelway.yaml here, or the environment alone.
    host
        The address to listen on. Anything but loopback needs a configured key.
    port
        The port to listen on; 0 takes a free one.
    auth
        Whether callers must show a key. --no-auth is for loopback only.
    """
    loop = new_event_loop()
    try:
        loop.run_until_complete(_serve(config, host, port, auth=auth))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    return 0


async def _serve(config: Path | None, host: str | None, port: int | None, *, auth: bool) -> None:
    opened = await open_engine(config, embedded="if_nothing_else")
    try:
        settings = opened.engine.settings.gateway
        host = settings.host if host is None else host
        listening = listen(host, settings.port if port is None else port)
        keys, made = _keys(opened, host, auth=auth)
        gateway = Gateway(opened.engine, keys, max_body_bytes=settings.max_body_bytes)
        address = listening.getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]

        def ready() -> None:
            for notice in opened.notices:
                print(f"note: {notice}", file=sys.stderr)
            print(f"modelway serves on http://{shown}:{address[1]}", flush=True)
            if made is not None:
                print(f"key: {made}  (shown once; kept only as a hash)", flush=True)

        await run(gateway, listening, ready, drain_s=settings.drain_s)
    finally:
        await opened.aclose()


def _keys(opened: Opened, host: str, *, auth: bool) -> tuple[Keys, str | None]:
    if not auth:
        return no_keys(host), None
    configured = [key.secret for key in opened.engine.settings.gateway.keys]
    directory = state_directory()
    if not is_loopback(host) and not configured and not (directory / "keys.json").exists():
        raise ConfigError(
            f"refusing to listen on {host} without a key: set gateway.keys in the configuration, "
            "or start once on 127.0.0.1 to be given one"
        )
    return open_keys(directory, configured)
