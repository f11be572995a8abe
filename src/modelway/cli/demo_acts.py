"""The demo's four acts, played by the official SDKs against the gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import anthropic
import openai

from modelway.cli import output
from modelway.cli.demo_screen import Screen, Stopwatch
from modelway.cli.demo_stage import ASKED, FALLBACK, QUESTION, STREAMED, TOOLS, Stage

_MAX_TOKENS = 300
_TIMEOUT_S = 40.0
_WEATHER = "Get the weather in Lisbon, please."
_TOOL: Any = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
_ID = re.compile(r"\b((?:call|toolu)_\w{4})\w+")
_RESULT = "21 °C and sunny"


class Acts:
    """The SDKs' clients, as anybody would make them, but for proxies: all of this is loopback."""

    def __init__(self, url: str, key: str, stage: Stage, screen: Screen) -> None:
        self._stage = stage
        self._screen = screen
        self._headers: Mapping[str, str] = {}
        hooks: Any = {"response": [self._note]}
        self._openai = openai.AsyncOpenAI(
            base_url=f"{url}/v1",
            api_key=key,
            max_retries=0,
            timeout=_TIMEOUT_S,
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False, event_hooks=hooks),
        )
        self._anthropic = anthropic.AsyncAnthropic(
            base_url=url,
            api_key=key,
            max_retries=0,
            timeout=_TIMEOUT_S,
            http_client=anthropic.DefaultAsyncHttpxClient(trust_env=False, event_hooks=hooks),
        )
        self._openai_label = f"openai {_version(openai.__version__)}"
        self._anthropic_label = f"anthropic {_version(anthropic.__version__)}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._openai.close()
        await self._anthropic.close()

    async def _note(self, response: Any) -> None:
        self._headers = response.headers

    async def play(self) -> int:
        """All acts in order; how many failed."""
        acts = (
            ("The same question, through both official SDKs", self._same_question),
            ("A stream, as it comes, through OpenAI's SDK", self._stream),
            (
                "A tool call between dialects: Anthropic's SDK, a provider that speaks OpenAI's",
                self._tool,
            ),
            ("A provider fails, and the fallback answers", self._fallback),
        )
        failed = 0
        for number, (title, act) in enumerate(acts, 1):
            self._screen.act(number, title)
            failed += not await self._played(act)
        return failed

    async def _played(self, act: Callable[[], Awaitable[None]]) -> bool:
        try:
            await act()
        except Exception as error:  # noqa: BLE001  whatever an SDK raises, the act failed
            self._screen.line("failed", f"{type(error).__name__}: {error}")
            return False
        return True

    # ------------------------------------------------------------ the acts

    async def _same_question(self) -> None:
        screen = self._screen
        screen.line("question", QUESTION)
        watch = Stopwatch()
        answer = await self._openai.chat.completions.create(
            model=ASKED, messages=[{"role": "user", "content": QUESTION}], max_tokens=_MAX_TOKENS
        )
        self._show_failed()
        screen.line(self._openai_label, answer.choices[0].message.content or "")
        screen.took(self._who(), _openai_tokens(answer.usage), str(watch))
        watch = Stopwatch()
        message = await self._anthropic.messages.create(
            model=ASKED, messages=[{"role": "user", "content": QUESTION}], max_tokens=_MAX_TOKENS
        )
        self._show_failed()
        screen.line(self._anthropic_label, _text(message))
        screen.took(self._who(), _anthropic_tokens(message.usage), str(watch))

    async def _stream(self) -> None:
        screen = self._screen
        watch, first, pieces, usage = Stopwatch(), "", 0, None
        stream = await self._openai.chat.completions.create(
            model=STREAMED,
            messages=[{"role": "user", "content": QUESTION}],
            max_tokens=_MAX_TOKENS,
            stream=True,
            stream_options={"include_usage": True},
        )
        self._show_failed()
        screen.begin(self._openai_label)
        try:
            async for chunk in stream:
                usage = chunk.usage or usage
                piece = chunk.choices[0].delta.content if chunk.choices else None
                if piece:
                    first = first or str(watch)
                    pieces += 1
                    screen.grow(piece)
        finally:
            screen.end()
        screen.took(
            self._who(),
            _openai_tokens(usage),
            f"{watch}, first of {pieces} after {first}",
        )

    async def _tool(self) -> None:
        screen, watch = self._screen, Stopwatch()
        messages: list[Any] = [{"role": "user", "content": _WEATHER}]
        first = await self._anthropic.messages.create(
            model=TOOLS, messages=messages, tools=[_TOOL], max_tokens=_MAX_TOKENS
        )
        screen.cut("SDK sends", f"tools: [{_brief(_TOOL)}]")
        screen.cut("provider gets", f"tools: {_brief(self._sent()['tools'])}")
        calls = [block for block in first.content if block.type == "tool_use"]
        shown = "; ".join([f"{call.name}({_brief(call.input)})" for call in calls]) or "no call"
        screen.line("SDK gets", f"{first.stop_reason}: {shown}")
        messages += [
            {"role": "assistant", "content": first.content},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": call.id, "content": _RESULT}
                    for call in calls
                ],
            },
        ]
        last = await self._anthropic.messages.create(
            model=TOOLS, messages=messages, tools=[_TOOL], max_tokens=_MAX_TOKENS
        )
        screen.cut("SDK sends", _brief(messages[-1]["content"]))
        screen.cut("provider gets", _brief(self._sent()["messages"][-1]))
        screen.line(self._anthropic_label, _text(last))
        used = [_anthropic_tokens(first.usage), _anthropic_tokens(last.usage)]
        screen.took(self._who(), " and ".join(used), f"{watch} in all")

    async def _fallback(self) -> None:
        screen, watch = self._screen, Stopwatch()
        answer = await self._openai.chat.completions.create(
            model=FALLBACK, messages=[{"role": "user", "content": QUESTION}], max_tokens=_MAX_TOKENS
        )
        self._show_failed()
        screen.line(self._openai_label, answer.choices[0].message.content or "")
        screen.took(self._who(), _openai_tokens(answer.usage), f"{watch} in all")

    def _who(self) -> str:
        """Who answered, as the gateway's headers say."""
        named = self._headers.get
        return f"{named('x-modelway-provider', '?')}/{named('x-modelway-model', '?')}"

    def _show_failed(self) -> None:
        """Who was asked before the one that answered, and why that went wrong."""
        failed = self._headers.get("x-modelway-failed")
        if failed:
            self._screen.line("failed", failed)

    def _sent(self) -> Any:
        """The last body that the simulated provider was sent."""
        return self._stage.openai.requests[-1].json


# ---------------------------------------------------------------- words


def _version(text: str) -> str:
    return ".".join(text.split(".")[:2])


def _openai_tokens(usage: Any) -> str:
    return "" if usage is None else f"{usage.prompt_tokens} → {usage.completion_tokens} tokens"


def _anthropic_tokens(usage: Any) -> str:
    return f"{usage.input_tokens} → {usage.output_tokens} tokens"


def _text(message: Any) -> str:
    return "".join([block.text for block in message.content if block.type == "text"])


def _brief(value: Any) -> str:
    """JSON in few letters, long ids cut."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return output.plain(_ID.sub(r"\1…", text))
