"""Fetches what a caller's URL names: through the outbound guard, a few redirects, a bounded body."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urljoin

from modelway.call import Timeouts
from modelway.errors import BadRequestError, ForbiddenError, LLMError
from modelway.ports import Fetched, Origin, WireRequest, WireResponse
from modelway.transport.dial import Resolve, system_resolve
from modelway.transport.http1 import Http1Transport
from modelway.transport.outbound import OutboundGuard
from modelway.transport.settings import TLS

MAX_BYTES = 20 * 1024 * 1024
"""The most that is fetched for one part, unless an operator says otherwise."""
_MOST_REDIRECTS = 3
_TIMEOUTS = Timeouts(connect_s=10.0, first_byte_s=15.0, idle_s=15.0, total_s=30.0)
"""Of each step: a host that a caller names does not hold a call for as long as a model may."""
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_VAGUE = frozenset(("", "application/octet-stream", "binary/octet-stream"))
_NO_TLS = TLS()


class Fetcher:
    """A ``ports.Fetch`` with connections of its own, which lead to checked addresses only."""

    def __init__(
        self,
        *,
        trusted: Iterable[Origin] = (),
        max_bytes: int = MAX_BYTES,
        tls: TLS = _NO_TLS,
        resolve: Resolve = system_resolve,
    ) -> None:
        self._guard = OutboundGuard(trusted=trusted, resolve=resolve)
        self._transport = Http1Transport(tls=tls, resolve=self._guard.resolve)
        self._max_bytes = max_bytes

    async def __call__(self, url: str) -> Fetched:
        """The content at the URL. ForbiddenError for a private place, BadRequestError for the rest.

        No error holds anything of what was fetched.
        """
        place = url
        for _ in range(_MOST_REDIRECTS + 1):
            checked = await self._guard.check(place)
            headers = ((b"accept", b"*/*"), (b"user-agent", b"modelway"))
            request = WireRequest("GET", checked.origin, checked.target, headers, b"", _TIMEOUTS)
            try:
                response = await self._transport.send(request)
                try:
                    if response.status in _REDIRECTS:
                        place = urljoin(place, _header(response, b"location"))
                        continue
                    if response.status != 200:
                        raise _refused(url, f"its host answers with status {response.status}")
                    return await self._content(url, response)
                finally:
                    await response.aclose()
            except (BadRequestError, ForbiddenError):
                raise
            except LLMError as error:
                raise _refused(url, error.message) from error
        raise _refused(url, f"it is redirected more than {_MOST_REDIRECTS} times")

    async def _content(self, url: str, response: WireResponse) -> Fetched:
        data = bytearray()
        async for piece in response:
            data += piece
            if len(data) > self._max_bytes:
                raise _refused(url, f"it is larger than {self._max_bytes} bytes")
        if not data:
            raise _refused(url, "it is empty")
        said = _header(response, b"content-type").partition(";")[0].strip().lower()
        return Fetched(_media_type(bytes(data[:16])) if said in _VAGUE else said, bytes(data))

    async def aclose(self) -> None:
        await self._transport.aclose()


def _header(response: WireResponse, wanted: bytes) -> str:
    found = [value for name, value in response.headers if name == wanted]
    return found[0].decode("latin-1") if found else ""


def _media_type(begins: bytes) -> str:
    """What the first bytes say, where the host does not."""
    for magic, media_type in _MAGIC:
        if begins.startswith(magic):
            return media_type
    if begins.startswith(b"RIFF"):
        return _RIFF.get(begins[8:12], "application/octet-stream")
    return "application/octet-stream"


def _refused(url: str, why: str) -> BadRequestError:
    shown = url.partition("?")[0][:200]
    return BadRequestError(f"{shown} cannot be fetched: {why}; send the content itself instead")
