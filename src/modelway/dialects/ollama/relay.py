"""A server's stream forwarded to a client of the same dialect, watched on the way."""

from __future__ import annotations

from modelway.dialects.ollama.stream import INTERRUPTED, is_cut, read_line
from modelway.dialects.ollama.usage import finish_reason, read_usage
from modelway.errors import LLMError, StreamInterruptedError
from modelway.framing.ndjson import Borders, parse
from modelway.types import FinishReason, Usage


class Relay:
    """Bytes of a stream → the same bytes, whole lines at a time. See ``ports.Relay``.

    A line that is an error is not forwarded: it is in ``error``, and leaves as every other error
    does. Nor is anything that follows the last line.
    """

    def __init__(self) -> None:
        self.error: LLMError | None = None
        self.usage: Usage | None = None
        self.finish: FinishReason | None = None
        self.received_chars = 0
        self._borders = Borders()
        self._called = False

    def feed(self, data: bytes) -> bytes:
        if self.error is not None or self.finish is not None:
            return b""
        try:
            return self._watched(self._borders.feed(data))
        except LLMError as error:
            self.error = error
            return b""

    def close(self) -> bytes:
        if self.error is not None or self.finish is not None:
            return b""
        rest = self._borders.close()
        forwarded = b"" if not rest.strip() or is_cut(rest) else self._watched(rest)
        if self.error is None and self.finish is None:
            self.error = StreamInterruptedError(INTERRUPTED)
        return forwarded

    def _watched(self, whole: bytes) -> bytes:
        """What may be forwarded of these lines."""
        at = 0
        for line in _lines(whole):
            for told in parse(line):
                try:
                    answer, said = read_line(told)
                except LLMError as error:
                    self.error = error
                    return whole[:at]
                self.received_chars += len(said.content or "") + len(said.thinking or "")
                for call in said.tool_calls or ():
                    self._called = True
                    self.received_chars += len(bytes(call.function.arguments))
                if answer.done:
                    self.finish = finish_reason(answer.done_reason, self._called)
                    self.usage = read_usage(told)
            at += len(line)
            if self.finish is not None:
                return whole[:at]
        return whole


def _lines(whole: bytes) -> list[bytes]:
    """With their ends. Only LF is one: ``bytes.splitlines`` cuts behind CR too."""
    lines = [line + b"\n" for line in whole.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines


def relay(hide_usage: bool) -> Relay:  # noqa: ARG001 - usage is part of every stream of this API
    return Relay()
