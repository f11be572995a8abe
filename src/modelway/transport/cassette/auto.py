"""The transport that plays what it has, and records the rest."""

from __future__ import annotations

from modelway.ports import WireRequest, WireResponse
from modelway.transport.cassette.player import Player
from modelway.transport.cassette.recorder import Recorder


class Auto:
    """A ``Transport``. What is recorded now is played the next time the cassette is opened."""

    def __init__(self, player: Player, recorder: Recorder) -> None:
        self._player = player
        self._recorder = recorder

    async def send(self, request: WireRequest) -> WireResponse:
        if self._player.holds(request):
            return await self._player.send(request)
        return await self._recorder.send(request)

    async def aclose(self) -> None:
        await self._recorder.aclose()
