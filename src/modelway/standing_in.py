"""The simulator in this process, for who asks the one at its usual port, where none listens there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

from modelway.ports import Origin, Transport, WireRequest, WireResponse
from modelway.transport.url import parse_base_url


class Rerouted:
    """A transport that leads to an own simulator what is meant for the one at its usual port."""

    def __init__(self, transport: Transport, resources: AsyncExitStack, usual: Origin) -> None:
        self._transport = transport
        self._resources = resources
        self._usual = usual
        self._there = self._usual
        self._starting = asyncio.Lock()
        self._started = False

    def send(self, request: WireRequest) -> Coroutine[Any, Any, WireResponse]:
        if request.origin != self._usual:
            return self._transport.send(request)
        return self._send(request)

    async def _send(self, request: WireRequest) -> WireResponse:
        if not self._started:
            async with self._starting:
                if not self._started:
                    await self._start()
        return await self._transport.send(request._replace(origin=self._there))

    async def _start(self) -> None:
        if not await _listens(self._usual):
            from modelway.simulator.serve import serve  # noqa: PLC0415  # only where it is asked

            self._there = parse_base_url(await self._resources.enter_async_context(serve()))[0]
        self._started = True

    async def aclose(self) -> None:
        await self._transport.aclose()


async def _listens(origin: Origin) -> bool:
    try:
        _, writer = await asyncio.open_connection(origin.host, origin.port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
