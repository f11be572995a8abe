"""The simulator as a transport: the same answers without a socket, for unit tests."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable

from modelway.errors import APIConnectionError, APITimeoutError
from modelway.ports import Headers, WireRequest
from modelway.simulator.app import Simulator
from modelway.simulator.playing import Cut, SimulatedResponse
from modelway.simulator.script import Script


class MockTransport:
    """A ``ports.Transport`` that plays a simulator's responses, faults and pauses included.

    ``sleep`` takes the place of real waiting. A wait that passes the request's timeout raises
    APITimeoutError at once.
    """

    def __init__(
        self,
        simulator: Simulator | Script | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.simulator = simulator if isinstance(simulator, Simulator) else Simulator(simulator)
        self.closed = False
        self._sleep = sleep

    async def send(self, request: WireRequest) -> MockResponse:
        """The head of the answer."""
        response = self.simulator.handle(
            request.method, request.target, request.headers, request.body
        )
        if response.dropped:
            raise APIConnectionError("the server closed the connection without answering")
        await _wait(response.delay_s, request.timeouts.first_byte_s, "first_byte", self._sleep)
        return MockResponse(response, request.timeouts.idle_s, self._sleep)

    async def aclose(self) -> None:
        """Note that the transport was closed."""
        self.closed = True


class MockResponse:
    """A ``ports.WireResponse``. ``closed`` and ``drained`` tell a test how it was left."""

    def __init__(
        self,
        response: SimulatedResponse,
        idle_s: float,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.status = response.status
        self.headers: Headers = response.headers
        self.closed = False
        self.drained = False
        self._steps = response.steps
        self._idle_s = idle_s
        self._sleep = sleep

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self._steps:
            if self.closed:
                return
            match step:
                case bytes():
                    yield step
                case Cut():
                    if step.torn:
                        yield step.torn
                    raise APIConnectionError("the connection broke before the answer's end")
                case _:
                    await _wait(step, self._idle_s, "idle", self._sleep)
        self.drained = True

    async def aclose(self) -> None:
        """Let go."""
        self.closed = True


async def _wait(
    seconds: float, most_s: float, code: str, sleep: Callable[[float], Awaitable[None]]
) -> None:
    if seconds > most_s:
        if seconds != math.inf:
            await sleep(most_s)
        raise APITimeoutError(f"nothing came for {most_s:g} s", code=code)
    if seconds:
        await sleep(seconds)
