"""The gateway inside somebody else's ASGI server: opened by the first request or by lifespan."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from modelway.config.settings import Settings
from modelway.errors import ConfigError
from modelway.gateway.app import Gateway, Receive, Scope, Send
from modelway.gateway.authorise import Keys, has_keys, open_keys
from modelway.gateway.operating import operated
from modelway.gateway.stored import FILE, Responses
from modelway.installation import state_directory
from modelway.opening import Opened, open_engine


def asgi(
    config: str | Path | Mapping[str, Any] | None = None, *, keys: Sequence[str] = ()
) -> Mounted:
    """An ASGI application: ``app.mount("/llm", modelway.gateway.mounted.asgi("modelway.yaml"))``.

    ``keys`` are those that callers may show; without any, those in the configuration, or else this
    installation's own.
    """
    return Mounted(config, keys)


class Mounted:
    """Opens its engine once, on the event loop of whoever serves it.

    Where the server runs lifespan events, a changed configuration file is loaded and providers are looked
    after; else only what is asked happens.
    """

    def __init__(self, config: str | Path | Mapping[str, Any] | None, keys: Sequence[str]) -> None:
        self._config = config
        self._keys = tuple(keys)
        self._opened: Opened | None = None
        self._gateway: Gateway | None = None
        self._opening = asyncio.Lock()
        self._around = AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        gateway = self._gateway or await self._open()
        await gateway(scope, receive, send)

    async def _open(self) -> Gateway:
        async with self._opening:
            if self._gateway is None:
                opened = await open_engine(self._config, ledger=True, metrics=True)
                try:
                    self._gateway = self._made(opened)
                except BaseException:
                    await opened.aclose()
                    raise
                self._opened = opened
            return self._gateway

    def _made(self, opened: Opened) -> Gateway:
        settings = opened.engine.settings.gateway
        configured = self._keys or settings.keys
        directory = state_directory()
        if not configured and not has_keys(directory):
            raise ConfigError("a mounted gateway has nowhere to show a new key: give keys=[…]")

        def rekeyed(now: Settings) -> Keys:
            return open_keys(directory, self._keys or now.gateway.keys)[0]

        return Gateway(
            opened.engine,
            rekeyed(opened.engine.settings),
            opened=opened,
            rekey=rekeyed,
            max_body_bytes=settings.max_body_bytes,
            responses=Responses(directory / FILE, life_s=settings.responses_life_s),
        )

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    gateway = await self._open()
                    if self._opened is not None:
                        around = operated(gateway, self._opened, signals=False)
                        await self._around.enter_async_context(around)
                except ConfigError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
            else:
                await self.aclose()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def aclose(self) -> None:
        """Close what was opened; for servers that do not run lifespan events of mounted apps."""
        await self._around.aclose()
        opened, self._opened, self._gateway = self._opened, None, None
        if opened is not None:
            await opened.aclose()
