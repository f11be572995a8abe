"""What is fetched from a caller's URL, as exchanges: so that a cassette holds pictures too."""

from __future__ import annotations

from collections.abc import AsyncIterator

from modelway.errors import ConfigError, ForbiddenError
from modelway.ports import Fetch, Fetched, Headers, Transport, WireRequest
from modelway.transport.head import authority
from modelway.transport.url import split_url

_CONTENT_TYPE = b"content-type"


class FetchTransport:
    """A ``Transport`` that gets what a ``Fetch`` gets. Raises what that raises."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def send(self, request: WireRequest) -> FetchedResponse:
        url = f"{request.origin.scheme}://{authority(request.origin)}{request.target}"
        return FetchedResponse(await self._fetch(url))

    async def aclose(self) -> None:
        """Whoever made the ``Fetch`` closes it."""


class FetchedResponse:
    """A ``WireResponse`` that is there already."""

    def __init__(self, fetched: Fetched) -> None:
        self.status = 200
        self.headers: Headers = ((_CONTENT_TYPE, fetched.media_type.encode("latin-1")),)
        self._data = fetched.data

    async def read(self) -> bytes:
        return self._data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._data:
            yield self._data

    async def aclose(self) -> None:
        """Nothing is open."""


class TransportFetch:
    """A ``Fetch`` over a transport of such exchanges; where it may lead is the inner one's to say."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def __call__(self, url: str) -> Fetched:
        try:
            origin, path, query = split_url(url)
        except ConfigError as error:
            raise ForbiddenError(error.message, code="outbound") from None
        response = await self._transport.send(
            WireRequest("GET", origin, (path or "/") + query, ((b"accept", b"*/*"),))
        )
        media_type = dict(response.headers).get(_CONTENT_TYPE, b"application/octet-stream")
        return Fetched(media_type.decode("latin-1"), await response.read())
