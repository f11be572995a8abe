"""Cache breakpoints within what Anthropic's models take, over whichever API.

Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching and
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html, 2026-11-21: at most four, and
those that live an hour before those that live five minutes, in the order tools, system, messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec.structs import replace

from modelway.types import CacheTTL, ChatRequest, Message, Tool, ToolResult

MOST = 4

T = TypeVar("T")


def within(request: ChatRequest, warn: Callable[[str, str], None]) -> ChatRequest:
    """The request with breakpoints that are taken; itself where they all are.

    The earliest are left out: what they end is the beginning of what the later ones end.
    """
    if not _has_any(request):
        return request
    told: list[CacheTTL] = []
    _walked(request, lambda cache: told.append(cache) or cache)  # type: ignore[func-returns-value]
    wanted: list[CacheTTL | None] = list(told)
    if len(told) > MOST:
        warn("cache", f"{len(told)} breakpoints, of which {MOST} are taken: the last are sent")
        wanted[:-MOST] = [None] * (len(told) - MOST)
    short = False
    for number, cache in enumerate(wanted):
        short = short or cache == "5m"
        if short and cache == "1h":
            warn("cache", "a breakpoint of 1h behind one of 5m is refused: sent as 5m")
            wanted[number] = "5m"
    if wanted == told:
        return request
    left = iter(wanted)
    return _walked(request, lambda _: next(left))


def _has_any(request: ChatRequest) -> bool:
    """Whether there is a breakpoint at all: most requests have none."""
    for tool in request.tools:
        if isinstance(tool, Tool) and tool.cache is not None:
            return True
    for message in request.messages:
        for part in message.parts:
            if getattr(part, "cache", None) is not None:
                return True
            if isinstance(part, ToolResult):
                for inner in part.parts:
                    if getattr(inner, "cache", None) is not None:
                        return True
    return False


def _walked(request: ChatRequest, change: Callable[[CacheTTL], CacheTTL | None]) -> ChatRequest:
    """Each breakpoint in the order of the prompt, changed; a later system message goes to the front."""

    def one(part: T) -> T:
        held: Any = part
        if isinstance(part, ToolResult):
            held = replace(part, parts=tuple([one(inner) for inner in part.parts]))
        cache: CacheTTL | None = getattr(held, "cache", None)
        return held if cache is None else replace(held, cache=change(cache))  # type: ignore[no-any-return]

    def of(message: Message) -> Message:
        return replace(message, parts=tuple([one(part) for part in message.parts]))

    tools = tuple([one(tool) if isinstance(tool, Tool) else tool for tool in request.tools])
    messages: dict[int, Message] = {}
    for first in (True, False):
        for number, message in enumerate(request.messages):
            if (message.role in ("system", "developer")) is first:
                messages[number] = of(message)
    return replace(
        request, tools=tools, messages=tuple([messages[number] for number in sorted(messages)])
    )
