"""Decompression of a body in bounded steps, so that a small answer cannot fill the memory."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Protocol

from modelway.errors import ResponseError
from modelway.ports import Headers

STEP_BYTES = 256 * 1024
"""Most that one step produces."""


class Inflate:
    """A compressed body in pieces: ``feed`` some, then ``step`` until it gives nothing."""

    __slots__ = ("_coding", "_decoder", "_pending", "_started")

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._decoder: _Decoder | None = None
        self._pending = b""
        self._started = False

    def feed(self, data: bytes) -> None:
        self._pending = self._pending + data if self._pending else data

    def step(self) -> bytes:
        """At most STEP_BYTES; empty when more must be fed. ResponseError for damaged data."""
        while True:
            decoder = self._decoder
            if decoder is None:
                decoder = self._begin()
                if decoder is None:
                    return b""
            try:
                out = decoder.decompress(self._pending, STEP_BYTES)
            except zlib.error as error:
                raise ResponseError(
                    f"the answer's {self._coding} body is damaged: {error}", code="encoding"
                ) from None
            if decoder.eof:
                # gzip allows several members after one another
                self._pending = decoder.unused_data
                self._decoder = None
            else:
                self._pending = decoder.unconsumed_tail
            if out or not self._pending:
                return out

    def end(self) -> None:
        """ResponseError where the compressed data stops in the middle."""
        if self._decoder is not None:
            raise ResponseError(
                f"the answer's {self._coding} body ends in the middle", code="encoding"
            )

    def rest(self, data: bytes, max_bytes: int) -> bytes:
        """All that is left; ResponseError where it is damaged or grows past ``max_bytes``."""
        self.feed(data)
        pieces: list[bytes] = []
        size = 0
        while piece := self.step():
            size += len(piece)
            if size > max_bytes:
                raise too_large(max_bytes)
            pieces.append(piece)
        self.end()
        return b"".join(pieces)

    def _begin(self) -> _Decoder | None:
        if not self._pending:
            return None
        if self._started and self._coding == "deflate":
            raise ResponseError("bytes follow the answer's deflate body", code="encoding")
        self._started = True
        if self._coding == "gzip":
            window = 16 + zlib.MAX_WBITS
        else:
            # "deflate" is zlib by the standard and bare by custom; a zlib header says method 8
            window = zlib.MAX_WBITS if self._pending[0] & 0x0F == 8 else -zlib.MAX_WBITS
        self._decoder = zlib.decompressobj(window)
        return self._decoder


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def coding_of(headers: Headers) -> str | None:
    """``gzip`` or ``deflate``, None for a plain body; ResponseError for what we cannot read."""
    for name, value in headers:
        if name == b"content-encoding":
            coding = value.decode("latin-1").strip().lower()
            if coding in {"", "identity"}:
                continue
            if coding in {"gzip", "x-gzip"}:
                return "gzip"
            if coding == "deflate":
                return coding
            raise ResponseError(
                f"the answer is encoded as {coding[:40]!r}, which was not asked for",
                code="encoding",
            )
    return None


async def inflated(inflate: Inflate, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Decompress a stream, never more than a step ahead of its reader."""
    while True:
        while piece := inflate.step():
            yield piece
        try:
            inflate.feed(await anext(pieces))
        except StopAsyncIteration:
            break
    inflate.end()


def too_large(max_bytes: int) -> ResponseError:
    return ResponseError(
        f"the answer's body is over the bound of {max_bytes} bytes; stream it or raise the bound",
        code="too_large",
    )
