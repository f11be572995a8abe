"""A call as strategies look at it: what costs time to find out is found out when it is first asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import msgspec

from modelway.call import Call
from modelway.dialects import requested
from modelway.policies.affinity import affinity
from modelway.policies.estimate import estimate
from modelway.types import Audio, ChatRequest, Image, JsonSchema, Part, Tool, ToolResult

if TYPE_CHECKING:
    from modelway.policies.task.values import Task

_PLAIN_BYTES = 32 * 1024
"""Bodies below are text; larger ones may be pictures, whose bytes are not what they cost."""
_CAPS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_NOT_SAID = msgspec.Raw(b"null")
_integer = msgspec.json.Decoder(int | None).decode


class AskedCall:
    """An ``Asked``."""

    def __init__(self, call: Call, budget_pico_usd: int | None = None) -> None:
        self.call = call
        self.budget_pico_usd = budget_pico_usd

    @cached_property
    def request(self) -> ChatRequest | None:
        request = requested(self.call) if self.call.operation in ("chat", "count_tokens") else None
        return request if isinstance(request, ChatRequest) else None

    @cached_property
    def place(self) -> bytes | None:
        """What it goes on with, by which calls are kept at one deployment; ``None``: nothing."""
        return affinity(self.call)

    @cached_property
    def input_tokens(self) -> int:
        call = self.call
        size = 0
        if call.body is not None:
            size = call.body.size_bytes
        elif call.passing is not None:
            size = len(call.passing.body)
        if 0 < size < _PLAIN_BYTES or self.request is None:
            return -(-size // 4)
        return estimate(self.request).input_tokens

    @cached_property
    def output_tokens(self) -> int | None:
        if self.request is None or self.request.max_tokens is None:
            return None
        return _cap(self.request.max_tokens, self.request.n)

    @cached_property
    def task(self) -> Task | None:
        """What it asks for, found out by rules where nobody said it; ``None``: not of a chat."""
        said: Task | None = self.call.task
        if said is not None or self.request is None:
            return said
        from modelway.policies.task.analyse import analyse  # noqa: PLC0415  # few strategies look

        return analyse(self.request, input_tokens=self.input_tokens)

    @property
    def category(self) -> str:
        return self.task.category if self.task else "other"

    @property
    def difficulty(self) -> Literal["simple", "moderate", "complex"]:
        return self.task.difficulty if self.task else "moderate"

    @property
    def coding_heavy(self) -> bool:
        return self.task is not None and self.task.coding_heavy

    @property
    def sensitive(self) -> bool:
        return self.task is not None and self.task.sensitive

    @cached_property
    def needs(self) -> frozenset[str]:
        return frozenset() if self.request is None else frozenset(_needs(self.request))


def _needs(request: ChatRequest) -> Iterator[str]:
    if any(isinstance(tool, Tool) for tool in request.tools):
        yield "tools"
    if isinstance(request.response_format, JsonSchema):
        yield "schema"
    if request.thinking is not None:
        yield "reasoning"
    for message in request.messages:
        yield from _perceived(message.parts)


def _perceived(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        match part:
            case Image():
                yield "vision"
            case Audio():
                yield "audio"
            case ToolResult():
                yield from _perceived(part.parts)
            case _:
                pass


def _number(said: msgspec.Raw) -> int | None:
    try:
        number: int | None = _integer(said)
    except msgspec.MsgspecError:  # its provider refuses it, in better words
        return None
    return number


def _cap(each: int | None, choices: int | None) -> int | None:
    """What all choices may have; what makes no sense says nothing, for it would give limits back."""
    if each is None or each < 0:
        return None
    return each * max(1, choices or 1)


def estimated_tokens(call: Call, usual_output: float) -> int:
    """What the call is counted as before it is sent: its input, and the cap of its output.

    ``usual_output`` stands for a cap that is not said.
    """
    body = call.body
    if body is None:
        asked = AskedCall(call)
        cap, read = asked.output_tokens, asked.input_tokens
    else:
        cap, fields = None, body.fields
        for name in _CAPS:
            if name in fields:
                cap = _cap(_number(fields[name]), _number(fields.get("n", _NOT_SAID)))
        size = body.size_bytes
        read = -(-size // 4) if size < _PLAIN_BYTES else AskedCall(call).input_tokens
    return read + (round(usual_output) if cap is None else cap)
