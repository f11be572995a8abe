"""One HTTP/1.1 connection: the callbacks of the loop and of the parser, one exchange at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from modelway.call import Timeouts
from modelway.errors import APIConnectionError, APITimeoutError, LLMError, ResponseError
from modelway.ports import WireRequest
from modelway.transport.inflate import too_large

if TYPE_CHECKING:
    from modelway.transport.pool import Host

JOINED_BYTES = 8 * 1024
"""A body up to this is copied behind its head; that costs less than to hand over two pieces."""

SLICE_BYTES = 128 * 1024
"""A body up to this goes out in one write with its head; a larger one as the socket takes it."""


class Connection(asyncio.Protocol):
    """The parser's and the loop's callbacks. Deadlines are numbers that the pool's sweep looks at.

    An exchange begins with ``begin`` and ends with ``release``; until then the connection is busy.
    """

    __slots__ = (
        "answer",
        "barren_bytes",
        "buffered_bytes",
        "chunks",
        "complete",
        "failure",
        "head_only",
        "headers",
        "host",
        "idle_since",
        "interim",
        "keep_alive",
        "loop",
        "lost",
        "on_body",
        "parser",
        "paused_reading",
        "paused_writing",
        "received_bytes",
        "started_at",
        "status",
        "timeouts",
        "touched_at",
        "transport",
        "unsent",
        "unsent_bytes",
        "waiter",
        "whole",
    )

    transport: asyncio.Transport
    timeouts: Timeouts
    answer: asyncio.Future[None]
    started_at: float
    touched_at: float

    def __init__(self, host: Host) -> None:
        self.host = host
        self.loop = host.pool.loop
        self.chunks: list[bytes] = []
        self.on_body = self.chunks.append
        """The parser calls this with each piece of a body."""
        self.headers: list[tuple[bytes, bytes]] = []
        self.status = 0
        self.complete = True
        self.keep_alive = True
        self.interim = False
        self.head_only = False
        self.lost = False
        self.paused_reading = False
        self.paused_writing = False
        self.whole = False
        """The reader wants the body in one piece and is not to be woken for less."""
        self.received_bytes = 0
        self.buffered_bytes = 0
        self.barren_bytes = 0
        """Received since the last piece of body: chunk headers and trailers."""
        self.unsent: memoryview | None = None
        self.unsent_bytes = 0
        self.waiter: asyncio.Future[None] | None = None
        self.failure: LLMError | None = None
        self.idle_since = 0.0
        self.parser = HttpResponseParser(self)

    # the exchange

    def begin(self, request: WireRequest, head: bytes) -> asyncio.Future[None]:
        """Send, and give what is done when the response's head has arrived or ``failure`` is set."""
        self.headers = []
        self.status = 0
        self.complete = False
        self.whole = False
        self.received_bytes = 0
        self.buffered_bytes = 0
        self.timeouts = request.timeouts
        self.started_at = self.touched_at = self.loop.time()
        self.answer = answer = self.loop.create_future()
        self.host.pool.watch(self)
        body = request.body
        if request.method == "HEAD":
            self.head_only = True
        if len(body) <= JOINED_BYTES:
            self.transport.write(head + body)
        elif len(body) <= SLICE_BYTES:
            self.transport.writelines((head, body))
        else:
            self.unsent = memoryview(body)
            self.transport.write(head)
            self._send_more()
        return answer

    def release(self) -> None:
        """End the exchange: back to the pool if nothing of it is left on the wire, else closed."""
        self.chunks.clear()
        self.waiter = None
        self.host.pool.busy.discard(self)
        if self.complete and self.keep_alive and not self.lost:
            self.host.put(self)
        else:
            self.complete = True
            self.keep_alive = False
            self.unsent = None
            self.transport.abort()

    def fail(self, failure: LLMError) -> None:
        """End the exchange with an error that its reader gets after what had arrived."""
        if self.failure is None and not self.complete:
            self.failure = failure
            self._wake()
        self.keep_alive = False
        self.unsent = None
        self.transport.abort()

    def wait(self) -> asyncio.Future[None]:
        """Done when something of the body has arrived, or its end, or ``failure``."""
        if self.paused_reading:
            self.paused_reading = False
            self.transport.resume_reading()
        self.touched_at = self.loop.time()
        self.waiter = waiter = self.loop.create_future()
        return waiter

    def check_deadlines(self, now: float) -> None:
        """Fail where a deadline has passed. A reader that does not read stops the idle clock."""
        timeouts = self.timeouts
        if self.complete or self.failure is not None:
            return
        if now - self.started_at > timeouts.total_s:
            self._late("total", f"the answer took longer than {timeouts.total_s:g} s in all")
        elif self.status == 0:
            unsent = self.transport.get_write_buffer_size()
            if self.unsent is not None:
                unsent += len(self.unsent)
            if unsent != self.unsent_bytes:
                self.unsent_bytes = unsent
                self.touched_at = now
            elif unsent:
                if now - self.touched_at > timeouts.idle_s:
                    self._late("idle", f"the request was not read for {timeouts.idle_s:g} s")
            elif now - self.touched_at > timeouts.first_byte_s:
                self._late("first_byte", f"no answer began within {timeouts.first_byte_s:g} s")
        elif self.waiter is None:
            self.touched_at = now
        elif now - self.touched_at > timeouts.idle_s:
            self._late("idle", f"the answer paused for longer than {timeouts.idle_s:g} s")

    def _late(self, code: str, what: str) -> None:
        self.fail(APITimeoutError(f"{what} ({self.host.name}); raise the timeout", code=code))

    def _wake(self) -> None:
        if not self.answer.done():
            self.answer.set_result(None)
        if self.waiter is not None:
            self._notify(self.waiter)

    def _notify(self, waiter: asyncio.Future[None]) -> None:
        self.waiter = None
        if not waiter.done():
            waiter.set_result(None)

    # called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's is always a Transport

    def data_received(self, data: bytes) -> None:
        unasked = self.complete
        if unasked:
            # whatever it is, it must not answer the next request
            self.keep_alive = False
            self.transport.abort()
            return
        size = len(data)
        pieces = len(self.chunks)
        self.received_bytes += size
        self.buffered_bytes += size
        self.touched_at = self.loop.time()
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:
            self.fail(ResponseError("the answer switches protocols, which was not asked for"))
            return
        except HttpParserError as error:
            self._malformed(error)
            return
        if self.complete:
            if self.waiter is not None:
                self._notify(self.waiter)
            if self.head_only:
                self._end_head_only()
        elif len(self.chunks) == pieces:
            self._no_progress(size)
        else:
            self.barren_bytes = 0
            if not self.whole:
                if self.waiter is not None:
                    self._notify(self.waiter)
                elif self.buffered_bytes > self.host.pool.limits.high_water_bytes:
                    self._pause_reading()
            elif self.received_bytes > self.host.pool.limits.max_body_bytes:
                self._check_whole()

    def pause_writing(self) -> None:
        self.paused_writing = True

    def resume_writing(self) -> None:
        self.paused_writing = False
        self._send_more()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.unsent = None
        if self.complete:
            self.host.drop(self)
        elif self.failure is None:
            if exc is None and self._ends_with_connection():
                self.complete = True
                self._wake()
            else:
                self.fail(self._broken(exc))
        # the parser holds our methods, and so us
        del self.parser

    # called by the parser

    def on_message_begin(self) -> None:
        if self.complete:
            # bytes after the answer: it stands, the connection does not
            self.fail(ResponseError("bytes follow the answer"))
            raise _Stop

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status == 0:
            self.headers.append((name.lower(), value.strip()))

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if status < 200:
            self.interim = True
            self.headers = []
            return
        limit = self.host.pool.limits.max_head_bytes
        if self.received_bytes > limit and (
            sum(len(name) + len(value) + 4 for name, value in self.headers) > limit
        ):
            self.fail(self._head_too_large())
            raise _Stop
        self.status = status
        self.barren_bytes = 0
        if status >= 400:
            # refused already: the rest of the request is not wanted
            self._stop_sending()
        if not self.answer.done():
            self.answer.set_result(None)
        if self.head_only:
            self.on_message_complete()

    def on_message_complete(self) -> None:
        if self.interim:
            self.interim = False
        elif not self.complete:
            self.complete = True
            self.keep_alive = (
                self.keep_alive and self.unsent is None and self.parser.should_keep_alive()
            )

    # off the hot path

    def _send_more(self) -> None:
        while self.unsent is not None and not self.paused_writing:
            piece, rest = self.unsent[:SLICE_BYTES], self.unsent[SLICE_BYTES:]
            self.unsent = rest if len(rest) else None
            self.transport.write(piece)
            self.touched_at = self.loop.time()

    def _stop_sending(self) -> None:
        if self.unsent is not None:
            self.unsent = None
            self.keep_alive = False

    def _pause_reading(self) -> None:
        if not self.paused_reading and not self.transport.is_closing():
            self.paused_reading = True
            self.transport.pause_reading()

    def _no_progress(self, size: int) -> None:
        self.barren_bytes += size
        if self.barren_bytes > self.host.pool.limits.max_head_bytes:
            self.fail(self._head_too_large())

    def _check_whole(self) -> None:
        limit = self.host.pool.limits.max_body_bytes
        if sum(map(len, self.chunks)) > limit:
            self.fail(too_large(limit))

    def _end_head_only(self) -> None:
        # the parser waits for a body that a HEAD does not have
        self.head_only = False
        if self.chunks:
            self.keep_alive = False
            self.chunks.clear()
        self.parser = HttpResponseParser(self)

    def _malformed(self, error: HttpParserError) -> None:
        if self.complete or self.failure is not None:
            # a callback has dealt with it
            self._wake()
        else:
            self.fail(
                ResponseError(
                    f"{self.host.name} does not answer in HTTP/1.1 ({error}); check the address",
                    code="malformed",
                )
            )

    def _head_too_large(self) -> ResponseError:
        limit = self.host.pool.limits.max_head_bytes
        return ResponseError(f"the answer's headers are over {limit} bytes", code="too_large")

    def _ends_with_connection(self) -> bool:
        """Whether the body has no length of its own, so that the connection's end is its end."""
        if self.status == 0:
            return False
        for name, value in self.headers:
            if name == b"content-length":
                return False
            if name == b"transfer-encoding" and value.lower().endswith(b"chunked"):
                return False
        return True

    def _broken(self, reason: Exception | None) -> APIConnectionError:
        where = self.host.name
        why = "" if reason is None else f" ({reason})"
        if self.status:
            return APIConnectionError(
                f"the connection to {where} broke in the middle of the answer{why}", code="cut"
            )
        return APIConnectionError(
            f"{where} closed the connection before an answer had begun{why}", code="closed"
        )


class _Stop(Exception):  # noqa: N818  # tells the parser to stop; nobody else sees it
    pass
