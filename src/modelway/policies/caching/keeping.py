"""Finds out what of an answer is to be kept: all of it, if it came whole and ended of itself.

What failed, was cut, filtered or refused, and what ended for a reason that is not known, is not.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Sized
from typing import Any, Protocol

from msgspec.structs import replace

from modelway.call import ByteStream, Call, EventStream, Reply, Settled
from modelway.dialects import dialect
from modelway.errors import LLMError
from modelway.policies.caching.glance import ended
from modelway.policies.caching.kept import VALUES, Form, encode, written
from modelway.ports import Codec, Decoder
from modelway.types import ChatResponse, Finish, Refusal, RefusalDelta, Start, StreamEvent, Usage

BATCH_BYTES = 80
"""What a batch of a stream takes beyond its own bytes."""
_WHOLE = ("stop", "tool_calls")


class Told(Protocol):
    """Hears once what of an answer is to be kept; or, with ``None``, why nothing is."""

    def __call__(self, data: bytes | None, why: str = "") -> None: ...


class Room:
    """How many bytes all streams together may hold that are being listened to."""

    def __init__(self, most_bytes: float = math.inf) -> None:
        self.left_bytes = most_bytes


def keep(
    call: Call, reply: Reply, most_bytes: int, told: Told, *, room: Room | None = None
) -> Reply:
    """The same answer, listened to: ``told`` hears at once of a whole one, of a stream at its end.

    No fault of ours in reading it does it any harm: it is then not kept.
    """
    stream = reply.chunks or reply.events
    if stream is None:
        try:
            data, why = _whole(call, reply)
        except Exception:  # noqa: BLE001 - the answer itself is good
            data, why = b"", "form"
        if not why and len(data) > most_bytes:
            why = "size"
        told(None if why else data, why)
        return reply
    codec = _codec(call)
    decoder: Decoder | None = None
    if reply.chunks is not None:
        if codec is None or codec.decoder is None:
            told(None, "form")
            return reply
        decoder = codec.decoder()
    ear = _Ear(call, reply, decoder, most_bytes, room or Room())
    heard = _Heard(stream, ear, told)
    return replace(reply, chunks=heard) if decoder is not None else replace(reply, events=heard)


def _codec(call: Call) -> Codec | None:
    """Of the dialect that the call's client speaks, as one who is answered in it."""
    return dialect(call.body.dialect).upstream.get(call.operation) if call.body else None


def _whole(call: Call, reply: Reply) -> tuple[bytes, str]:
    """What is to be kept of an answer that came in one piece, or why it is not."""
    if reply.body is not None:
        why, usage = ("", None) if _is_plain(call, reply) else _looked_into(call, reply.body)
        return (b"", why) if why else (_plain(call, reply, "body", reply.body, usage), "")
    value = reply.value
    form: Form | None = next(
        (name for name, kind in VALUES.items() if isinstance(value, kind)), None
    )
    if form is None:
        return b"", "form"
    why = _of_response(value) if isinstance(value, ChatResponse) else ""
    return (b"", why) if why else (_plain(call, reply, form, encode(value), value.usage), "")


def _is_plain(call: Call, reply: Reply) -> bool:
    """Whether it is plain without decoding it that its answer may be kept, and its usage is known."""
    if call.operation != "chat" or call.body is None or reply.usage is None or reply.body is None:
        return False
    return ended(call.body.dialect, reply.body)


def _plain(call: Call, reply: Reply, form: Form, content: bytes, usage: Usage | None) -> bytes:
    return written(call, reply, form, (content,), reply.usage or usage)


def _looked_into(call: Call, body: bytes) -> tuple[str, Usage | None]:
    """Why an answer in a client's own bytes is not kept, and its usage."""
    codec = _codec(call)
    if codec is None:
        return "form", None
    try:
        if call.operation in ("embed", "rerank") and codec.usage is not None:
            return "", codec.usage(body)
        value = codec.decode(body)
    except LLMError:
        return "form", None
    return _of_response(value) if isinstance(value, ChatResponse) else "", value.usage


def _of_response(response: ChatResponse) -> str:
    """Why it is not kept; ``""``: it is."""
    for choice in response.choices:
        if choice.finish_reason not in _WHOLE:
            return choice.finish_reason
        if not choice.message.parts:
            return "empty"
        if any(isinstance(part, Refusal) for part in choice.message.parts):
            return "refusal"
    return "" if response.choices else "empty"


class _Ear:
    """What has been heard of a stream, and ``why`` none of it is to be kept; ``""``: all may be."""

    def __init__(
        self, call: Call, reply: Reply, decoder: Decoder | None, most_bytes: int, room: Room
    ) -> None:
        self.why = ""
        self._call = call
        self._reply = reply
        self._decoder = decoder
        self._most_bytes = most_bytes
        self._room = room
        self._bytes = 0
        self._content: list[bytes] = []
        self._speak: set[int] = set()
        self._ended: set[int] = set()
        """Choices that have said something, and such as are at their end."""
        self._usage: Usage | None = None
        """As its events tell it."""

    def hear(self, batch: Any) -> None:
        decoder = self._decoder
        try:
            data = encode(batch) if decoder is None else batch
            self._look(batch if decoder is None else decoder.feed(batch))
        except Exception:  # noqa: BLE001 - the stream itself is good
            self.why = "form"
        else:
            self._content.append(data)
            self._take(len(data) + BATCH_BYTES)
        if self.why:
            self._let_go()

    def kept(self, usage: Usage | None, error: LLMError | None) -> bytes | None:
        """What is to be kept of a stream that is over."""
        try:
            self._close(error)
            if self.why:
                return None
            form: Form = "events" if self._decoder is None else "chunks"
            return written(self._call, self._reply, form, self._content, usage or self._usage)
        except Exception:  # noqa: BLE001 - the stream itself was good
            self.why = "form"
            return None
        finally:
            self._let_go()

    def __del__(self) -> None:
        self._let_go()

    def _take(self, size_bytes: int) -> None:
        self._bytes += size_bytes
        self._room.left_bytes -= size_bytes
        if self._bytes > self._most_bytes:
            self.why = "size"
        elif self._room.left_bytes < 0:
            self.why = "busy"

    def _let_go(self) -> None:
        self._room.left_bytes += self._bytes
        self._bytes = 0
        self._content.clear()

    def _look(self, events: list[StreamEvent]) -> None:
        for event in events:
            if isinstance(event, Finish):
                self._ended.add(event.choice)
                self._usage = event.usage or self._usage
                if event.reason not in _WHOLE:
                    self.why = event.reason
            elif isinstance(event, RefusalDelta):
                self.why = "refusal"
            elif not isinstance(event, Start):
                self._speak.add(event.choice)

    def _close(self, error: LLMError | None) -> None:
        decoder = self._decoder
        if error is not None:
            self.why = "partial"
        if self.why:
            return
        if decoder is not None:
            self._look(decoder.close())
        if not self._ended or (decoder is not None and decoder.error is not None):
            self.why = "partial"
        elif not self.why and not self._speak.issuperset(self._ended):
            self.why = "empty"


class _Heard:
    """A stream that is listened to on its way; all else is the inner stream's."""

    def __init__(self, inner: ByteStream | EventStream, ear: _Ear, told: Told) -> None:
        self.on_settled: list[Settled] = inner.on_settled
        self.on_batch: list[Callable[[Sized], None]] = inner.on_batch
        self._inner = inner
        self._batches: AsyncIterator[Any] = aiter(inner)
        self._ear = ear
        self._told = told
        self.on_settled.append(self._over)

    @property
    def usage(self) -> Usage | None:
        return self._inner.usage

    @property
    def finished(self) -> bool:
        return self._inner.finished

    @property
    def billed(self) -> bool:
        return self._inner.billed

    @property
    def received_chars(self) -> int | None:
        return self._inner.received_chars

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        batch = await anext(self._batches)
        if not self._ear.why:
            self._ear.hear(batch)
        return batch

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _over(self, usage: Usage | None, error: LLMError | None) -> None:
        data = self._ear.kept(usage, error)
        self._told(data, self._ear.why)
