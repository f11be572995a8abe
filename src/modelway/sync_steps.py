"""Values that grow and tool loops in a thread's hands: each step is waited for on the portal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from modelway.errors import ConfigError
from modelway.portal import Portal
from modelway.structured import Parsed
from modelway.structured import ParsedStream as AsyncParsedStream
from modelway.tools import RunEvent, ToolRun
from modelway.tools import RunStream as AsyncRunStream
from modelway.types import CallWarning

T = TypeVar("T")
Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)

_END: Any = object()


class _Steps(Protocol[Item_co]):
    """What both have in common."""

    def __aiter__(self) -> AsyncIterator[Item_co]: ...
    async def aclose(self) -> None: ...


class _Stepped(Generic[Item]):
    """Iterates what an event loop makes. Use it as ``with``, then iterate or ``collect``."""

    def __init__(self, portal: Portal, steps: _Steps[Item]) -> None:
        self._portal = portal
        self._steps = steps

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Item]:
        iterator = aiter(self._steps)

        async def step() -> Item:
            return await anext(iterator, _END)

        whole = False
        try:
            while (item := self._portal.run(step())) is not _END:
                yield item
            whole = True
        finally:
            if not whole:
                self.close()

    def close(self) -> None:
        """Stop. Safe at any time."""
        if not self._portal.here:
            return
        try:
            self._portal.run(self._steps.aclose())
        except ConfigError:
            return  # the client was closed before


class ParsedStream(_Stepped[Any], Generic[T]):
    """A value that is still being written, as far as it has come, as plain JSON."""

    def __init__(self, portal: Portal, stream: AsyncParsedStream[T]) -> None:
        super().__init__(portal, stream)
        self._stream = stream

    def collect(self) -> Parsed[T]:
        """Wait for the end: the value whole and validated."""
        return self._portal.run(self._stream.collect())

    @property
    def warnings(self) -> tuple[CallWarning, ...]:
        """What was not sent as asked; known when the stream has begun."""
        return self._stream.warnings


class RunStream(_Stepped[RunEvent]):
    """A tool loop as it goes: the answers' events, and the steps and calls between them."""

    def __init__(self, portal: Portal, stream: AsyncRunStream) -> None:
        super().__init__(portal, stream)
        self._stream = stream

    def collect(self) -> ToolRun:
        """Wait for the end of the loop."""
        return self._portal.run(self._stream.collect())
