"""What a tool loop is told, what it tells on the way, and what it comes to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias, TypedDict

from msgspec import Struct

from modelway.question import Parameters
from modelway.totals import total_cost, total_usage
from modelway.types import (
    CallWarning,
    ChatResponse,
    Message,
    StreamEvent,
    ToolCall,
    ToolResult,
    Usage,
)

Approve: TypeAlias = Callable[[ToolCall], "bool | str | Awaitable[bool | str]"]
"""Asked before each call: True runs it; False, or words for the model, does not."""


class Loop(TypedDict, total=False):
    """How a tool loop goes."""

    max_steps: int
    """The most answers that the model is asked for; 8 unless said."""
    at_limit: Literal["raise", "answer"]
    """What follows the last step if it asks for tools: StepLimitError, or one answer without them."""
    parallel: int
    """The most functions that run at once; 8 unless said."""
    tool_timeout_s: float | None
    """For each call, unless its tool says otherwise; 60 unless said."""
    approve: Approve | None
    raise_errors: bool
    """Raise what a function raises, instead of telling the model."""


class RunParameters(Parameters, Loop, total=False):
    """What ``run`` takes by keyword: how to answer, and how the loop goes."""


class StepStarted(Struct, frozen=True, kw_only=True, tag="step_started"):
    """The model is asked. Steps count from 1."""

    step: int


class StepEnded(Struct, frozen=True, kw_only=True, tag="step_ended"):
    """The model has answered; its tool calls, if any, are about to be run."""

    step: int
    response: ChatResponse


class ToolStarted(Struct, frozen=True, kw_only=True, tag="tool_started"):
    """A function is about to be run."""

    step: int
    call: ToolCall


class ToolEnded(Struct, frozen=True, kw_only=True, tag="tool_ended"):
    """A call is over, run or not; ``result`` is what the model is told."""

    step: int
    call: ToolCall
    result: ToolResult
    duration_s: float


RunEvent: TypeAlias = StreamEvent | StepStarted | StepEnded | ToolStarted | ToolEnded


class ToolRun(Struct, frozen=True, kw_only=True):
    """A loop that came to its end."""

    messages: tuple[Message, ...]
    """The whole conversation, the last answer included, to go on with."""
    responses: tuple[ChatResponse, ...]
    """The model's answers, one a step."""

    @property
    def response(self) -> ChatResponse:
        """The last answer."""
        return self.responses[-1]

    @property
    def text(self) -> str:
        """The last answer's text."""
        return self.response.text

    @property
    def pending(self) -> tuple[ToolCall, ...]:
        """Calls of the last answer that no function was given for: the caller's to answer."""
        return self.response.tool_calls

    @property
    def usage(self) -> Usage:
        """What all the answers used together."""
        return total_usage([response.usage for response in self.responses])

    @property
    def cost_pico_usd(self) -> int | None:
        """What all the answers cost, where each one's price is known."""
        return total_cost(self.responses)

    @property
    def warnings(self) -> tuple[CallWarning, ...]:
        """What was not sent as asked, in any step, each once."""
        return tuple(dict.fromkeys([each for one in self.responses for each in one.warnings]))
