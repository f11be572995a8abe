"""What stands where the network would: it opens no socket, and says what was missed."""

from __future__ import annotations

from typing import NoReturn

from modelway.errors import OfflineError
from modelway.ports import Fetched, Origin, WireRequest, WireResponse

_WHAT_ANSWERS = (
    "offline, answers come from what a cache has kept, from models in this process and from "
    "cassettes that are replayed"
)


class OfflineTransport:
    """A ``Transport`` that sends nothing."""

    async def send(self, request: WireRequest) -> WireResponse:
        """OfflineError, always."""
        _missed(f"{request.method} {_place(request.origin)}{request.target.partition('?')[0]}")

    async def aclose(self) -> None:
        """There is nothing to close."""


async def fetch_nothing(url: str) -> Fetched:
    """OfflineError, always."""
    _missed(url.partition("?")[0])


def _place(origin: Origin) -> str:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return f"{origin.scheme}://{host}:{origin.port}"


def _missed(what: str) -> NoReturn:
    raise OfflineError(
        f"{what} is not asked, because no socket is opened: {_WHAT_ANSWERS}", code="offline"
    )
