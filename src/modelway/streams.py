"""A streamed answer on its way: bytes from a transport, read through a decoder or a relay.

A stream is settled exactly once: at its end, at a fault, on cancellation or on ``aclose``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sized
from typing import Generic, Protocol, TypeVar

from modelway.call import Settled
from modelway.errors import APIConnectionError, LLMError, ResponseError, StreamInterruptedError
from modelway.fold import Fold, generated_chars
from modelway.ports import WireResponse
from modelway.types import ChatResponse, Finish, StreamEvent, Usage

LEFT = "left"
"""The code of a stream that its reader did not read to the end."""

Item = TypeVar("Item", list[StreamEvent], bytes)
Item_co = TypeVar("Item_co", list[StreamEvent], bytes, covariant=True)


class Reader(Protocol[Item_co]):
    """What decoders and relays have in common."""

    error: LLMError | None

    def feed(self, data: bytes) -> Item_co: ...
    def close(self) -> Item_co: ...


class Live(Generic[Item]):
    """Iterates batches of what has arrived; each ``Item`` is never empty.

    ``located`` makes an error say who it is from, and hold no key.
    """

    def __init__(
        self,
        response: WireResponse,
        reader: Reader[Item],
        *,
        located: Callable[[LLMError], LLMError],
        request_id: str | None,
        keep_partial: bool,
        mark: bytes = b"",
    ) -> None:
        self.usage: Usage | None = None
        self.finished = False
        self.on_settled: list[Settled] = []
        self.on_batch: list[Callable[[Sized], None]] = []
        self._response = response
        self._pieces: AsyncIterator[bytes] = aiter(response)
        self._reader: Reader[Item] = reader
        self._located = located
        self._request_id = request_id
        self._mark = mark
        self._kept: list[list[StreamEvent]] | None = [] if keep_partial else None
        self._chars = 0
        self._held: Item | None = None
        self._drained = False
        self._settled = False
        self._ended = False
        """Whether the last event has come that says what was used."""

    async def begin(self) -> None:
        """Wait for the first event. Until it is there, failing is free: nothing has been handed on."""
        try:
            first = await self._read()
            while isinstance(first, bytes) and self._mark not in first:
                first += await self._read()
        except StopAsyncIteration:
            raise self._told(ResponseError("the provider sent an empty stream")) from None
        except StreamInterruptedError as error:
            unbegun = APIConnectionError("the stream ended before its first event")
            raise self._told(unbegun) from error
        self._held = first

    @property
    def received_chars(self) -> int:
        """Generated characters so far, what waits to be handed on among them."""
        relayed: int | None = getattr(self._reader, "received_chars", None)
        return self._chars if relayed is None else relayed

    @property
    def billed(self) -> bool:
        return self.usage is not None and (
            self.finished or self._ended or getattr(self._reader, "finish", None) is not None
        )

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        item = self._held
        if item is None:
            item = await self._read()
        else:
            self._held = None
        for told in self.on_batch:
            told(item)
        return item

    async def _read(self) -> Item:
        reader = self._reader
        try:
            while not self._drained:
                if reader.error is not None:
                    break
                item = reader.feed(await anext(self._pieces))
                if item:
                    self._note(item)
                    return item
        except StopAsyncIteration:
            item = self._close()
            if item:
                return item
        except LLMError as error:
            item = self._close()
            if reader.error is not None:  # the stream had not ended in itself
                reader.error = _interrupted(error)
            if item:
                return item
        except BaseException:
            await self.aclose()
            raise
        if reader.error is not None:
            raise await self._fail(reader.error)
        self.finished = True
        self._settle(None)
        raise StopAsyncIteration

    def _close(self) -> Item:
        self._drained = True
        item = self._reader.close()
        if item:
            self._note(item)
        return item

    def _note(self, item: Item) -> None:
        if isinstance(item, bytes):
            return
        if self._kept is not None:
            self._kept.append(item)
        for event in item:
            self._chars += generated_chars(event)
        last = item[-1]
        if isinstance(last, Finish) and last.usage is not None:
            self.usage = last.usage
            self._ended = True

    async def _fail(self, error: LLMError) -> LLMError:
        self._drained = True
        self._reader.error = None
        if isinstance(error, StreamInterruptedError):
            error.partial = self.partial()
        self._settle(self._told(error))
        await self._response.aclose()
        return error

    def _told(self, error: LLMError) -> LLMError:
        error.request_id = error.request_id or self._request_id
        return self._located(error)

    def partial(self) -> ChatResponse | None:
        """What had arrived, where it was decoded and kept."""
        if not self._kept:
            return None
        folding = Fold()
        for batch in self._kept:
            for event in batch:
                folding.add(event)
        return folding.response()

    def _settle(self, error: LLMError | None) -> None:
        if self._settled:
            return
        self._settled = True
        self.usage = getattr(self._reader, "usage", None) or self.usage
        for told in self.on_settled:
            told(self.usage, error)

    async def aclose(self) -> None:
        """Stop reading. An undrained response's socket is closed. Safe at any time, any number."""
        self._drained = True
        if not self._settled:
            self._settle(StreamInterruptedError("the reader left", code=LEFT))
        await self._response.aclose()


class Passed:
    """A provider's bytes as they come, of an endpoint that is not modelled: what it used is unknown."""

    def __init__(self, response: WireResponse, located: Callable[[LLMError], LLMError]) -> None:
        self.usage: Usage | None = None
        self.finished = False
        self.on_settled: list[Settled] = []
        self.on_batch: list[Callable[[Sized], None]] = []
        self.received_chars: int | None = None
        self.billed = False
        self._response = response
        self._pieces: AsyncIterator[bytes] = aiter(response)
        self._located = located
        self._settled = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await anext(self._pieces)
        except StopAsyncIteration:
            self.finished = True
            self._settle(None)
            raise
        except LLMError as error:
            cut = self._located(_interrupted(error))
            self._settle(cut)
            raise cut from error
        for told in self.on_batch:
            told(piece)
        return piece

    def _settle(self, error: LLMError | None) -> None:
        if not self._settled:
            self._settled = True
            for told in self.on_settled:
                told(self.usage, error)

    async def aclose(self) -> None:
        self._settle(StreamInterruptedError("the reader left", code=LEFT))
        await self._response.aclose()


class Replay(Generic[Item]):
    """A stream of an answer that came whole."""

    def __init__(self, item: Item, usage: Usage | None) -> None:
        self.usage = usage
        self.finished = False
        self.on_settled: list[Settled] = []
        self.on_batch: list[Callable[[Sized], None]] = []
        self.billed = usage is not None
        self.received_chars: int | None = None
        self._item: Item | None = item
        self._settled = False

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        item, self._item = self._item, None
        if item is None:
            self.finished = True
            await self.aclose()
            raise StopAsyncIteration
        for told in self.on_batch:
            told(item)
        return item

    async def aclose(self) -> None:
        if not self._settled:
            self._settled = True
            for told in self.on_settled:
                told(self.usage, None)


def _interrupted(error: LLMError) -> StreamInterruptedError:
    cut = StreamInterruptedError(f"the stream broke off: {error.message}", code=error.code)
    cut.__cause__ = error
    return cut
