"""The loop: the model is asked, its calls are run, and their results go back to it.

The messages go back unchanged, reasoning and its signatures with them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import NamedTuple, Self, TypeAlias

from msgspec.structs import replace

from modelway.chat_stream import ChatStream
from modelway.errors import BadRequestError, ConfigError, StepLimitError, StreamInterruptedError
from modelway.functions import FunctionTool, function_tool
from modelway.question import Prompt, chat_request
from modelway.tools.calling import called
from modelway.tools.values import Loop, RunEvent, RunParameters, StepEnded, StepStarted, ToolRun
from modelway.types import (
    ChatRequest,
    ChatResponse,
    Message,
    StreamEvent,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
)


class Plan(NamedTuple):
    """What a loop is run with."""

    request: ChatRequest
    tools: dict[str, FunctionTool]
    """The functions, by the names that the model knows."""
    loop: Loop


def planned(
    prompt: Prompt, model: str | None, system: str | None, parameters: RunParameters
) -> Plan:
    """The loop over a question, whose functions are among the tools that it offers."""
    said = dict(parameters)
    loop = {name: said.pop(name) for name in Loop.__annotations__ if name in said}
    request = chat_request(prompt, model, system, said)  # type: ignore[arg-type]  # what is left
    offered = [each for each in parameters.get("tools", ()) if callable(each)]
    named = {each.definition.name: each for each in map(function_tool, offered)}
    if len(named) < len(offered):
        raise ConfigError("two tools have the same name: give one another by modelway.tool")
    if not all(at_least_one(loop.get(name)) for name in ("max_steps", "parallel")):
        raise BadRequestError("max_steps and parallel are whole numbers from 1", param="max_steps")
    return Plan(request, named, loop)  # type: ignore[arg-type]  # a TypedDict, by its own names


def at_least_one(count: object) -> bool:
    """Whether this is a count from 1, or not given."""
    return count is None or (isinstance(count, int) and count >= 1)


_Answers: TypeAlias = Callable[[ChatRequest], AsyncGenerator[StreamEvent | ChatResponse, None]]
"""Asks once: the events of the answer, if it streams, and last the whole of it."""


async def steps(plan: Plan, answers: _Answers) -> AsyncGenerator[RunEvent | ToolRun, None]:
    """What happens, in order, and last the whole run. Closing it cancels the functions that run."""
    request, loop = plan.request, plan.loop
    responses: list[ChatResponse] = []
    last = loop.get("max_steps", 8)
    may_add = loop.get("at_limit", "raise") == "answer"
    while True:
        step = len(responses) + 1
        yield StepStarted(step=step)
        async with aclosing(answers(request)) as answering:
            async for said in answering:
                if isinstance(said, ChatResponse):
                    responses.append(said)
                else:
                    yield said
        response = responses[-1]
        yield StepEnded(step=step, response=response)
        history = (*request.messages, response.message)
        calls = response.tool_calls
        answered = calls and (not plan.tools or _is_external(calls, plan))
        if answered or not (calls or response.finish_reason == "pause") or step > last:
            yield ToolRun(messages=history, responses=tuple(responses))
            return
        if step == last and not may_add:
            raise _limit(response, history, responses)
        results: dict[int, ToolResult] = {}
        async with aclosing(called(plan.tools, loop, calls, step, results)) as calling:
            async for event in calling:
                yield event
        told = [Message(role="tool", parts=(results[number],)) for number in range(len(calls))]
        # a choice that was forced is made: forced again, the loop would have no end
        choice = "none" if step == last else None if request.tool_choice != "auto" else "auto"
        request = replace(request, messages=(*history, *told), tool_choice=choice)


def _is_external(calls: Sequence[ToolCall], plan: Plan) -> bool:
    """Whether one of these is of a tool that was described, and that the caller answers himself."""
    described = {tool.name for tool in plan.request.tools if isinstance(tool, Tool)}
    return any(call.name in described and call.name not in plan.tools for call in calls)


def _limit(
    response: ChatResponse, said: tuple[Message, ...], responses: list[ChatResponse]
) -> StepLimitError:
    names = ", ".join([call.name for call in response.tool_calls]) or "another turn"
    error = StepLimitError(
        f"the model still asks for {names} after {len(responses)} steps: raise max_steps, "
        "or let it answer without tools by at_limit='answer'",
        provider=response.provider,
        model=response.model,
        code="max_steps",
    )
    error.messages, error.responses = said, tuple(responses)
    return error


async def run(plan: Plan, ask: Callable[[ChatRequest], Awaitable[ChatResponse]]) -> ToolRun:
    """Run the loop to its end."""

    async def answers(request: ChatRequest) -> AsyncGenerator[StreamEvent | ChatResponse, None]:
        yield await ask(request)

    async with aclosing(steps(plan, answers)) as events:
        async for event in events:
            if isinstance(event, ToolRun):
                return event
    raise AssertionError("a loop ends with its run")


class RunStream:
    """A loop as it goes: the events of each answer, and of the steps and functions between them.

    Use it as ``async with``. Leaving it cancels the functions that run and closes the socket.
    """

    def __init__(self, plan: Plan, stream: Callable[[ChatRequest], ChatStream]) -> None:
        self._stream = stream
        self._events = steps(plan, self._answers)
        self._run: ToolRun | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncIterator[RunEvent]:
        async for event in self._events:
            if isinstance(event, ToolRun):
                self._run = event
            else:
                yield event

    async def text(self) -> AsyncIterator[str]:
        """Only the answers' text, of all steps, in pieces as they arrive."""
        async for event in self:
            if isinstance(event, TextDelta) and event.choice == 0 and event.text:
                yield event.text

    async def collect(self) -> ToolRun:
        """Wait for the end of the loop."""
        async with aclosing(self):
            async for _ in self:
                pass
        if self._run is None:
            raise StreamInterruptedError("the run was closed before its end")
        return self._run

    async def aclose(self) -> None:
        """Stop. Safe at any time."""
        await self._events.aclose()

    async def _answers(
        self, request: ChatRequest
    ) -> AsyncGenerator[StreamEvent | ChatResponse, None]:
        async with self._stream(request) as stream:
            async for event in stream:
                yield event
            yield await stream.collect()
