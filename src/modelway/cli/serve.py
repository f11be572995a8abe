"""``modelway serve``: the gateway as a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from modelway.cli import output
from modelway.cli.options import Config, Flag, Port, Switch
from modelway.config.resolve import default_model
from modelway.config.settings import Settings
from modelway.errors import ConfigError
from modelway.gateway.app import Gateway
from modelway.gateway.authorise import (
    Keys,
    has_keys,
    is_loopback,
    no_keys,
    open_keys,
    state_directory,
)
from modelway.gateway.operating import operated
from modelway.gateway.serve import listen, new_event_loop, run
from modelway.gateway.stored import FILE, Responses
from modelway.opening import Opened, only_named, open_engine

_NAMES_SHOWN = 8


def serve(
    *,
    config: Config = None,
    host: str | None = None,
    port: Port | None = None,
    auth: Switch = True,
    new_key: Flag = False,
) -> int:
    """Serve OpenAI- and Anthropic-compatible HTTP on this machine.

    Without a configuration, keys in the environment make their providers
    available; without keys, local servers are looked for; without those, a
    simulator answers and says so.

    The first start makes a key for callers and prints it once. Ctrl-C or SIGTERM
    lets open answers end first; a second one does not wait.

    For example:
        modelway serve
        modelway serve --config modelway.yaml --port 8080
        modelway serve --host 0.0.0.0    # for others too, once there is a key

    Parameters
    ----------
    host
        The address to listen on. Anything but loopback needs a key.
    port
        The port to listen on; 0 takes a free one.
    auth
        Whether callers must show a key. --no-auth is for loopback only.
    new_key
        Make a new key in place of those made before, when the key is lost.
    """
    run_gateway(config, host, port, auth=auth, new_key=new_key)
    return 0


def run_gateway(
    config: Config,
    host: str | None,
    port: int | None,
    *,
    auth: bool = True,
    new_key: bool = False,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Serve until a signal says to end."""
    loop = new_event_loop()
    serving = _serve(config, host, port, auth=auth, new_key=new_key, environment=environment)
    try:
        loop.run_until_complete(serving)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _serve(
    config: Config,
    host: str | None,
    port: int | None,
    *,
    auth: bool,
    new_key: bool,
    environment: Mapping[str, str] | None,
) -> None:
    opened = await open_engine(config, environment=environment, embedded="if_nothing_else")
    try:
        settings = opened.engine.settings
        host = settings.gateway.host if host is None else host
        _check(settings, host, auth=auth, new_key=new_key)
        listening = listen(host, settings.gateway.port if port is None else port)
        with contextlib.closing(listening):
            keys, made = _keys(settings, host, auth=auth, new_key=new_key)
            responses = Responses(
                state_directory() / FILE, life_s=settings.gateway.responses_life_s
            )
            gateway = Gateway(
                opened.engine,
                keys,
                max_body_bytes=settings.gateway.max_body_bytes,
                responses=responses,
                opened=opened,
                rekey=lambda new: _keys(new, host, auth=auth, new_key=False)[0],
            )
            url = url_of(listening.getsockname())

            def ready() -> None:
                _introduce(url, opened, keys, made)

            async with operated(gateway, opened):
                await run(gateway, listening, ready, drain_s=settings.gateway.drain_s)
    finally:
        await opened.aclose()


def url_of(address: tuple[str, int]) -> str:
    """A socket's address as clients write it."""
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"http://{host}:{address[1]}"


def _introduce(url: str, opened: Opened, keys: Keys, made: str | None) -> None:
    settings = opened.engine.settings
    for notice in [*opened.notices, *_unusable(settings)]:
        output.note(notice)
    print(f"modelway serves on {url}")
    if made is not None:
        print(f"key: {made}  (shown once; only its hash is kept)")
    elif not keys.required:
        print("key: none is asked for")
    elif settings.gateway.keys:
        print("key: one of gateway.keys, or the one shown at the first start")
    else:
        print("key: the one shown at the first start (lost it? modelway serve --new-key)")
    print(f"  OpenAI clients     OPENAI_BASE_URL={url}/v1  OPENAI_API_KEY=<key>")
    print(f"  Anthropic clients  ANTHROPIC_BASE_URL={url}  ANTHROPIC_API_KEY=<key>")
    print(f"  models             {_models(settings)}", flush=True)


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


def _check(settings: Settings, host: str, *, auth: bool, new_key: bool) -> None:
    """Refuse what would be open to others, or means nothing."""
    if new_key and not auth:
        raise ConfigError("--new-key and --no-auth exclude each other")
    if not auth or new_key or is_loopback(host) or settings.gateway.keys:
        return
    if not has_keys(state_directory()):
        raise ConfigError(
            f"refusing to listen on {host} without a key: set gateway.keys in the configuration, "
            "or start once on 127.0.0.1 to be given one"
        )


def _keys(settings: Settings, host: str, *, auth: bool, new_key: bool) -> tuple[Keys, str | None]:
    if not auth:
        return no_keys(host), None
    directory = state_directory()
    configured = settings.gateway.keys
    if not new_key:
        return open_keys(directory, configured)
    (directory / "keys.json").unlink(missing_ok=True)
    _, made = open_keys(directory)
    return open_keys(directory, configured)[0], made
