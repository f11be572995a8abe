"""The calls of one answer, run side by side: each ends in a result that the model can be told."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from modelway.functions import FunctionTool
from modelway.schema.derive import own_value
from modelway.tools.values import Loop, ToolEnded, ToolStarted
from modelway.types import File, Image, Opaque, Text, ToolCall, ToolResult


async def called(
    tools: Mapping[str, FunctionTool],
    loop: Loop,
    calls: Sequence[ToolCall],
    step: int,
    results: dict[int, ToolResult],
) -> AsyncGenerator[ToolStarted | ToolEnded, None]:
    """Run the calls of one answer side by side, and tell of each as it ends."""
    room = asyncio.Semaphore(loop.get("parallel", 8))
    ended: asyncio.Queue[tuple[int, float]] = asyncio.Queue()

    async def run(number: int, call: ToolCall) -> None:
        async with room:
            started = time.monotonic()
            try:
                results[number] = await _result(tools, loop, call)
            finally:
                ended.put_nowait((number, time.monotonic() - started))

    for call in calls:
        yield ToolStarted(step=step, call=call)
    tasks = [asyncio.create_task(run(number, call)) for number, call in enumerate(calls)]
    try:
        for _ in calls:
            number, duration_s = await ended.get()
            if number not in results:
                await tasks[number]  # raises what the function raised
            call, result = calls[number], results[number]
            yield ToolEnded(step=step, call=call, result=result, duration_s=duration_s)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _result(tools: Mapping[str, FunctionTool], loop: Loop, call: ToolCall) -> ToolResult:
    """What the model is told of a call: the result, or why there is none."""
    tool = tools.get(call.name)
    if tool is None:
        names = ", ".join(tools)
        return _told(call, f"there is no tool {call.name!r}; there are: {names}", is_error=True)
    said = call.arguments.strip()
    try:
        # models that have nothing to say send nothing, or null
        text = "{}" if said in ("", "null") else said
        given = msgspec.json.decode(text, type=tool.arguments, dec_hook=own_value)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        return _told(call, f"the arguments are not valid: {error}", is_error=True)
    approve = loop.get("approve")
    if approve is not None:
        verdict = approve(call)
        if inspect.isawaitable(verdict):
            verdict = await verdict
        if verdict is not True:
            why = verdict if isinstance(verdict, str) else "this call was not allowed"
            return _told(call, why, is_error=True)
    limit_s = loop.get("tool_timeout_s", 60.0) if tool.timeout_s is None else tool.timeout_s
    try:
        async with asyncio.timeout(limit_s) as limit:
            return _told(call, await _run(tool, given))
    except Exception as error:
        if limit.expired():
            return _told(call, f"the tool did not end within {limit_s:g} s", is_error=True)
        if loop.get("raise_errors", False):
            raise
        return _told(call, f"{type(error).__name__}: {error}", is_error=True)


async def _run(tool: FunctionTool, given: Any) -> Any:
    """Call the function: a coroutine here, another on a thread, which cannot be cancelled."""
    arguments = {
        name: value
        for name in tool.arguments.__struct_fields__
        if (value := getattr(given, name)) is not UNSET
    }
    if is_async(tool.function):
        return await tool.function(**arguments)
    result = await asyncio.to_thread(tool.function, **arguments)
    return await result if inspect.isawaitable(result) else result


def is_async(function: Callable[..., Any]) -> bool:
    """Whether a function, or an object that can be called, is a coroutine function."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - to look at it, not to call it
    )


def _told(call: ToolCall, value: Any, *, is_error: bool | None = None) -> ToolResult:
    return ToolResult(call_id=call.id, name=call.name, parts=_parts(value), is_error=is_error)


def _parts(value: Any) -> tuple[Text | Image | File | Opaque, ...]:
    """What a function returned, as the model is shown it: words as they are, other values as JSON."""
    match value:
        case str():
            return (Text(text=value),)
        case Text() | Image() | File():
            return (value,)
        case [*parts] if parts and all(isinstance(part, Text | Image | File) for part in parts):
            return tuple(parts)
        case _:
            return (Text(text=_json(value)),)


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value, enc_hook=_encoded).decode()
    except (TypeError, ValueError, RecursionError):
        return str(value)


def _encoded(value: Any) -> Any:
    """Values that say themselves what they are as JSON, as pydantic's models do."""
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else str(value)
