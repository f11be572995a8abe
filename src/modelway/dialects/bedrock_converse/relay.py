"""A provider's stream forwarded to a client of the same dialect, watched on the way."""

from __future__ import annotations

from modelway.dialects.bedrock_converse.stream import INTERRUPTED, read_frame
from modelway.dialects.bedrock_converse.usage import finish_reason, read_usage
from modelway.dialects.bedrock_converse.wire import StreamDelta
from modelway.errors import LLMError, StreamInterruptedError
from modelway.framing.eventstream import Frames
from modelway.types import FinishReason, Usage


class Relay:
    """Bytes of a stream → the same bytes, whole frames at a time. See ``ports.Relay``.

    A frame that is an exception is not forwarded: it is in ``error``, and leaves as every other
    error does. Nor is anything that follows the last event, ``metadata``.
    """

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self.usage: Usage | None = None
        self.finish: FinishReason | None = None
        self.received_chars = 0
        self._frames = Frames()
        self._finished = False

    def feed(self, data: bytes) -> bytes:
        if self.error is not None or self._finished:
            return b""
        forwarded: list[bytes] = []
        try:
            for frame in self._frames.feed(data):
                name, event = read_frame(frame)
                match name:
                    case "contentBlockDelta":
                        if event.delta is not None:
                            self.received_chars += _chars(event.delta)
                    case "messageStop":
                        self.finish = finish_reason(event.stop_reason)
                    case "metadata" if self.finish is not None:
                        self.usage = read_usage(event.usage)
                        self._finished = True
                    case _:
                        pass
                forwarded.append(frame.raw)
                if self._finished:
                    break
            else:
                self.error = self._frames.error
        except LLMError as error:
            self.error = error
        return b"".join(forwarded)

    def close(self) -> bytes:
        """A message that has ended is whole, though its usage did not come."""
        if self.error is None and self.finish is None:
            self.error = StreamInterruptedError(INTERRUPTED)
        return b""


def _chars(delta: StreamDelta) -> int:
    chars = len(delta.text)
    if delta.tool_use is not None:
        chars += len(delta.tool_use.input)
    if delta.reasoning_content is not None:
        chars += len(delta.reasoning_content.text)
    return chars


def relay(hide_usage: bool) -> Relay:  # noqa: ARG001 - usage is part of every stream of this API
    return Relay()
