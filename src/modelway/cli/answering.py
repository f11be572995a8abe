"""An answer on its way to a terminal: text as it comes, reasoning dim, what it took in one line."""

from __future__ import annotations

import sys

from modelway.chat_stream import ChatStream
from modelway.cli import output
from modelway.types import (
    CallWarning,
    ChatResponse,
    Citation,
    CitationDelta,
    Finish,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    StreamEvent,
    Text,
    TextDelta,
    ToolCallDelta,
    Usage,
)

_NOTES = {
    "length": "the answer was cut at the output limit; --max-tokens raises it",
    "content_filter": "the provider's content filter ended the answer",
    "pause": "the provider paused its turn before the answer was whole",
}


class Printer:
    """Prints the events of one answer. ``quiet``: the text and nothing else."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._thinking = False
        self._ends_line = True

    async def stream(self, stream: ChatStream) -> ChatResponse:
        """Print the stream to its end, which comes back whole."""
        try:
            async with stream:
                self.warn(stream.warnings)
                async for batch in stream.batches():
                    for event in batch:
                        self._event(event)
                response = await stream.collect()
        finally:
            self.end()
        self.footer(response)
        return response

    def whole(self, response: ChatResponse) -> None:
        """Print an answer that came at once."""
        self.warn(response.warnings)
        if response.reasoning and not self._quiet:
            output.aside(response.reasoning)
        for part in response.message.parts:
            if isinstance(part, Text | Refusal):
                self._say(part.text)
        self.end()
        for call in response.tool_calls:
            output.note(f"the model calls {call.name}({call.arguments})")
        self.footer(response)

    def _event(self, event: StreamEvent) -> None:
        match event:
            case TextDelta(choice=0) | RefusalDelta(choice=0):
                self._spoken()
                self._say(event.text)
            case ReasoningDelta(choice=0) if event.text and not self._quiet:
                self._thinking = True
                output.aside(event.text, end="")
            case ToolCallDelta(choice=0) if event.name:
                self._spoken()
                output.note(f"the model calls {event.name}")
            case CitationDelta(choice=0):
                self._cite(event.citation)
            case Finish():
                self._spoken()
            case _:
                pass

    def _say(self, text: str) -> None:
        if text:
            output.say(text)
            self._ends_line = text.endswith("\n")

    def _cite(self, citation: Citation) -> None:
        if citation.url and not self._quiet:
            output.aside(f" [{citation.url}]", end="")

    def _spoken(self) -> None:
        if self._thinking:
            self._thinking = False
            output.aside("\n")

    def end(self) -> None:
        """End the line that the answer stands in."""
        if self._thinking:
            self._spoken()
        if not self._ends_line:
            self._ends_line = True
            sys.stdout.write("\n")
            sys.stdout.flush()

    def warn(self, warnings: tuple[CallWarning, ...]) -> None:
        for warning in warnings:
            output.note(f"{warning.setting}: {warning.message}")

    def footer(self, response: ChatResponse) -> None:
        """Who answered, and what it took."""
        if said := _NOTES.get(response.finish_reason):
            output.note(said)
        if not response.message.parts:
            output.note("the answer is empty")
        if not self._quiet:
            output.aside(summary(response))


def summary(response: ChatResponse) -> str:
    """``openai/gpt-4o-mini · 12 → 34 tokens · 0.81 s (first after 320 ms)``"""
    facts = [response.deployment or response.model, tokens(response.usage)]
    if response.latency_s is not None:
        first_s = response.time_to_first_token_s
        first = "" if first_s is None else f" (first after {output.duration(first_s)})"
        facts.append(output.duration(response.latency_s) + first)
    if response.usage.reported_cost_usd is not None:
        facts.append(f"${response.usage.reported_cost_usd:.6f}")
    return " · ".join([fact for fact in facts if fact])


def tokens(usage: Usage) -> str:
    if usage.input_tokens is None and usage.output_tokens is None:
        return ""
    cached = f" ({output.count(usage.cached_tokens)} cached)" if usage.cached_tokens else ""
    return (
        f"{output.count(usage.input_tokens)}{cached} → {output.count(usage.output_tokens)} tokens"
    )
