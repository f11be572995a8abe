"""What may cross from a client's dialect to a provider's and back: material of ``crossing``.

A subject is one thing to say, and how to tell whether it is still said.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from modelway.testing.scenarios import CLOCK, PIXEL, UNICODE, WEATHER, answered, asked, said
from modelway.types import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    Citation,
    File,
    HostedTool,
    Image,
    Inline,
    JsonObject,
    JsonSchema,
    Message,
    NamedTool,
    Part,
    Reasoning,
    Refusal,
    Remote,
    Stored,
    Text,
    Thinking,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)


class Question(NamedTuple):
    """``told``: what of the request must arrive."""

    request: ChatRequest
    told: Callable[[ChatRequest], Any]


class Answer(NamedTuple):
    """``told``: what of the answer must arrive."""

    response: ChatResponse
    told: Callable[[ChatResponse], Any]


# ---------------------------------------------------------------- how to tell


def setting(*names: str) -> Callable[[ChatRequest], Any]:
    return lambda request: [getattr(request, name) for name in names]


def parts_of(messages: tuple[Message, ...]) -> Iterator[Part]:
    """Every part, those inside tool results behind them."""
    for message in messages:
        for part in message.parts:
            yield part
            if isinstance(part, ToolResult):
                yield from part.parts


def _held(*kinds: type[Any]) -> Callable[[ChatRequest], Any]:
    """Parts of these kinds, but for what has a row of its own."""

    def told(request: ChatRequest) -> Any:
        return [_bare(part) for part in parts_of(request.messages) if isinstance(part, kinds)]

    return told


def _bare(part: Any) -> Any:
    if isinstance(part, File):
        return part.source
    return part.source if isinstance(part, Image | Audio) else part


def _texts(request: ChatRequest) -> Any:
    return [
        (role if (role := message.role) != "developer" else "system", part.text)
        for message in request.messages
        for part in message.parts
        if isinstance(part, Text | Refusal)
    ]


def _calls(request: ChatRequest) -> Any:
    """Calls with their results, by number: ids may change, but must go on belonging together."""
    numbers: dict[str, int] = {}
    found: list[Any] = []
    for part in parts_of(request.messages):
        if isinstance(part, ToolCall):
            number = numbers.setdefault(part.id, len(numbers))
            found.append((number, part.name, _json(part.arguments)))
        elif isinstance(part, ToolResult):
            number = numbers.setdefault(part.call_id, len(numbers))
            found.append((number, "".join([p.text for p in part.parts if isinstance(p, Text)])))
    return found


def _json(text: str) -> Any:
    import json  # noqa: PLC0415 - beside msgspec, for numbers of any size

    return json.loads(text)


def _field(kind: type[Any], *names: str) -> Callable[[ChatRequest], Any]:
    def told(request: ChatRequest) -> Any:
        return [
            tuple([getattr(part, name) for name in names])
            for part in parts_of(request.messages)
            if isinstance(part, kind)
        ]

    return told


def _tools(*names: str) -> Callable[[ChatRequest], Any]:
    return lambda request: [
        tuple([getattr(tool, name) for name in names])
        for tool in request.tools
        if isinstance(tool, Tool)
    ]


def _form(request: ChatRequest) -> Any:
    form = request.response_format
    return form.schema if isinstance(form, JsonSchema) else form


def _choice(request: ChatRequest) -> Any:
    return "auto" if request.tool_choice is None else request.tool_choice


# ---------------------------------------------------------------- questions

_HOST = "https://example.org"
_BERLIN = ToolCall(id="call_1", name="get_weather", arguments='{"city":"Berlin","days":3}')
_PARIS = ToolCall(id="call_2", name="get_weather", arguments='{"city":"Paris"}')
_WAVE = base64.b64encode(b"RIFF\x24\x00\x00\x00WAVEfmt ").decode()
_PDF = base64.b64encode(b"%PDF-1.4\n%%EOF\n").decode()
_PLAIN = base64.b64encode(b"Rivers flow.").decode()
_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
_WEB_SEARCH = HostedTool(dialect="anthropic-messages", definition={"type": "web_search_20250305"})


def _one(part: Part) -> ChatRequest:
    return asked(said("user", "What is this?", part))


def _after_call(*parts: Any, **more: Any) -> ChatRequest:
    result = ToolResult(call_id="call_1", parts=parts, **more)
    return asked(
        said("user", "Weather in Berlin?"),
        said("assistant", _BERLIN),
        said("tool", result),
        tools=(WEATHER,),
    )


def _history(*parts: Part | str) -> ChatRequest:
    return asked(said("user", "Hello"), said("assistant", *parts), said("user", "Go on."))


def _ask(**settings: Any) -> ChatRequest:
    return asked(said("user", "Hello"), **settings)


def _tool_asked(**settings: Any) -> ChatRequest:
    return asked(said("user", "Weather?"), **{"tools": (WEATHER, CLOCK), **settings})


QUESTIONS: dict[str, Question] = {
    "text": Question(asked(said("user", UNICODE)), _texts),
    "system": Question(asked(said("system", "Be brief."), said("user", "Hello")), _texts),
    "developer, later": Question(
        asked(
            said("user", "Hello"),
            said("assistant", "Yes?"),
            said("developer", "Be brief."),
            said("user", "Go on."),
        ),
        _texts,
    ),
    "name of a speaker": Question(
        asked(Message(role="user", name="ann", parts=(Text(text="Hello"),))),
        lambda request: [message.name for message in request.messages],
    ),
    "image: URL": Question(_one(Image(source=Remote(url=f"{_HOST}/a.png"))), _held(Image)),
    "image: bytes": Question(
        _one(Image(source=Inline(media_type="image/png", data=PIXEL))), _held(Image)
    ),
    "image: uploaded": Question(_one(Image(source=Stored(id="file-1"))), _held(Image)),
    "image: detail": Question(
        _one(Image(source=Inline(media_type="image/png", data=PIXEL), detail="high")),
        _field(Image, "detail"),
    ),
    "audio: bytes": Question(
        _one(Audio(source=Inline(media_type="audio/wav", data=_WAVE))), _held(Audio)
    ),
    "document: PDF, bytes": Question(
        _one(File(source=Inline(media_type="application/pdf", data=_PDF), name="a")), _held(File)
    ),
    "document: PDF, URL": Question(
        _one(File(source=Remote(url=f"{_HOST}/a.pdf"), name="a")), _held(File)
    ),
    "document: text": Question(
        _one(File(source=Inline(media_type="text/plain", data=_PLAIN), name="a")), _held(File)
    ),
    "document: uploaded": Question(_one(File(source=Stored(id="file-1"), name="a")), _held(File)),
    "document: name": Question(
        _one(File(source=Inline(media_type="application/pdf", data=_PDF), name="a")),
        _field(File, "name"),
    ),
    "document: to be cited": Question(
        _one(
            File(source=Inline(media_type="application/pdf", data=_PDF), name="a", citations=True)
        ),
        _field(File, "citations"),
    ),
    "tools": Question(_tool_asked(), _tools("name", "parameters")),
    "tools: strict": Question(
        _tool_asked(tools=(Tool(name="find", parameters=_SCHEMA, strict=True),)), _tools("strict")
    ),
    "tools: the provider's own": Question(
        _tool_asked(tools=(_WEB_SEARCH,)),
        lambda request: [tool for tool in request.tools if isinstance(tool, HostedTool)],
    ),
    "tool choice: auto": Question(_tool_asked(tool_choice="auto"), _choice),
    "tool choice: none": Question(_tool_asked(tool_choice="none"), _choice),
    "tool choice: required": Question(_tool_asked(tool_choice="required"), _choice),
    "tool choice: by name": Question(_tool_asked(tool_choice=NamedTool(name="clock")), _choice),
    "one call at a time": Question(
        _tool_asked(tool_choice="auto", parallel_tool_calls=False), setting("parallel_tool_calls")
    ),
    "call and result": Question(_after_call(Text(text='{"rain": true}')), _calls),
    "parallel calls and results": Question(
        asked(
            said("user", "Weather in Berlin and Paris?"),
            said("assistant", "Let me look.", _BERLIN, _PARIS),
            said("tool", ToolResult(call_id="call_1", parts=(Text(text="rain"),))),
            said("tool", ToolResult(call_id="call_2", parts=(Text(text="sun"),))),
            tools=(WEATHER,),
        ),
        _calls,
    ),
    "result: failed": Question(
        _after_call(Text(text="no such city"), is_error=True), _field(ToolResult, "is_error")
    ),
    "result: image": Question(
        _after_call(Text(text="a map"), Image(source=Inline(media_type="image/png", data=PIXEL))),
        _held(Image),
    ),
    "result: document": Question(
        _after_call(
            Text(text="a page"),
            File(source=Inline(media_type="application/pdf", data=_PDF), name="a"),
        ),
        _held(File),
    ),
    "JSON object": Question(_ask(response_format=JsonObject()), _form),
    "JSON schema": Question(
        _ask(response_format=JsonSchema(schema=_SCHEMA, name="city", strict=True)), _form
    ),
    "output cap": Question(_ask(max_tokens=50), setting("max_tokens")),
    "stop sequences": Question(_ask(stop=("END", "###")), setting("stop")),
    "temperature, top_p": Question(
        _ask(temperature=0.5, top_p=0.25), setting("temperature", "top_p")
    ),
    "top_k": Question(_ask(top_k=40), setting("top_k")),
    "penalties": Question(
        _ask(frequency_penalty=0.5, presence_penalty=0.25),
        setting("frequency_penalty", "presence_penalty"),
    ),
    "seed": Question(_ask(seed=7), setting("seed")),
    "several answers (n)": Question(_ask(n=2), setting("n")),
    "log-probabilities": Question(_ask(logprobs=True, top_logprobs=2), setting("logprobs")),
    "thinking: effort": Question(
        _ask(thinking=Thinking(effort="high"), max_tokens=9000),
        lambda request: request.thinking and request.thinking.effort,
    ),
    "thinking: budget": Question(
        _ask(thinking=Thinking(mode="enabled", budget_tokens=2000), max_tokens=9000),
        lambda request: request.thinking and request.thinking.budget_tokens,
    ),
    "thinking: off": Question(
        _ask(thinking=Thinking(mode="disabled")),
        lambda request: request.thinking in (Thinking(mode="disabled"), Thinking(effort="none")),
    ),
    "thoughts sent back, unsigned": Question(
        _history(Reasoning(text="Hm."), "Hello!"), _field(Reasoning, "text")
    ),
    "a refusal sent back": Question(
        _history(Refusal(text="I cannot.")), lambda request: _texts(request)[1]
    ),
    "cache breakpoint: text": Question(
        asked(
            Message(role="system", parts=(Text(text="A long text.", cache="5m"),)),
            said("user", "Hello"),
        ),
        _field(Text, "cache"),
    ),
    "cache breakpoint: 1 hour": Question(
        asked(
            Message(role="system", parts=(Text(text="A long text.", cache="1h"),)),
            said("user", "Hello"),
        ),
        _field(Text, "cache"),
    ),
    "cache breakpoint: tools": Question(
        _tool_asked(tools=(replace(WEATHER, cache="5m"),)), _tools("cache")
    ),
    "end user": Question(_ask(user="user-7"), setting("user")),
    "metadata": Question(_ask(metadata={"team": "a"}), setting("metadata")),
}
"""Name → a question."""


# ---------------------------------------------------------------- answers


def _spoken(*kinds: type[Any]) -> Callable[[ChatResponse], Any]:
    return lambda response: [
        [part for part in choice.message.parts if isinstance(part, kinds)]
        for choice in response.choices
    ]


def _said_text(response: ChatResponse) -> Any:
    return [
        "".join([part.text for part in choice.message.parts if isinstance(part, Text)])
        for choice in response.choices
    ]


def _said_calls(response: ChatResponse) -> Any:
    return [(call.id, call.name, _json(call.arguments)) for call in response.tool_calls]


def _thought_text(response: ChatResponse) -> Any:
    return response.reasoning


def _finish(response: ChatResponse) -> Any:
    return response.finish_reason


def _counted(*names: str) -> Callable[[ChatResponse], Any]:
    return lambda response: [getattr(response.usage, name) for name in names]


def _used(**counts: int) -> ChatResponse:
    return answered("Hi", usage=Usage(**{"input_tokens": 1000, "output_tokens": 70, **counts}))  # type: ignore[arg-type]


def _logged(response: ChatResponse) -> Any:
    return [(one.token, one.logprob) for one in response.choices[0].logprobs]


def _two() -> ChatResponse:
    one, two = answered("Heads"), answered("Tails")
    return replace(one, choices=(*one.choices, *two.choices))


def _with_logprobs() -> ChatResponse:
    choice = Choice(
        message=said("assistant", "Hi"),
        finish_reason="stop",
        logprobs=(TokenLogprob(token="Hi", logprob=-0.5),),
    )
    return replace(answered("Hi"), choices=(choice,))


_CITED = Citation(url=f"{_HOST}/a", title="A", quote="Rivers flow.", start=0, end=12)

ANSWERS: dict[str, Answer] = {
    "text": Answer(answered(UNICODE), _said_text),
    "call": Answer(
        answered(
            ToolCall(id="call_1", name="get_weather", arguments='{"n": 12345678901234567890}'),
            finish="tool_calls",
        ),
        _said_calls,
    ),
    "text and parallel calls": Answer(
        answered("Let me look.", _BERLIN, _PARIS, finish="tool_calls"),
        lambda response: [_said_text(response), _said_calls(response)],
    ),
    "thoughts": Answer(answered(Reasoning(text="Hm."), "Hello"), _thought_text),
    "refusal": Answer(answered(Refusal(text="I cannot.")), _spoken(Refusal)),
    "citation": Answer(
        answered(Text(text="Rivers flow.", citations=(_CITED,))),
        lambda response: [
            (one.url, one.title)
            for part in response.message.parts
            if isinstance(part, Text)
            for one in part.citations
        ],
    ),
    "image": Answer(
        answered("Here:", Image(source=Inline(media_type="image/png", data=PIXEL))), _spoken(Image)
    ),
    "several answers (n)": Answer(_two(), _said_text),
    "log-probabilities": Answer(_with_logprobs(), _logged),
    "finish: stop": Answer(answered("Hi"), _finish),
    "finish: length": Answer(answered("Hi", finish="length"), _finish),
    "finish: tool_calls": Answer(answered(_BERLIN, finish="tool_calls"), _finish),
    "finish: content_filter": Answer(answered("Hi", finish="content_filter"), _finish),
    "finish: pause": Answer(answered("Hi", finish="pause"), _finish),
    "finish: which stop sequence": Answer(
        replace(
            answered("Hi"),
            choices=(
                Choice(message=said("assistant", "Hi"), finish_reason="stop", stop_sequence="END"),
            ),
        ),
        lambda response: response.choices[0].stop_sequence,
    ),
    "usage: input, output": Answer(_used(), _counted("input_tokens", "output_tokens")),
    "usage: cached": Answer(_used(cached_tokens=600), _counted("input_tokens", "cached_tokens")),
    "usage: written to the cache": Answer(
        _used(cache_write_tokens=300), _counted("input_tokens", "cache_write_tokens")
    ),
    "usage: written for 1 hour": Answer(
        _used(cache_write_tokens=300, cache_write_1h_tokens=200),
        _counted("cache_write_tokens", "cache_write_1h_tokens"),
    ),
    "usage: reasoning": Answer(
        _used(reasoning_tokens=60), _counted("output_tokens", "reasoning_tokens")
    ),
    "usage: audio": Answer(
        _used(input_audio_tokens=5, output_audio_tokens=6),
        _counted("input_audio_tokens", "output_audio_tokens"),
    ),
}
"""Name → an answer."""


# ---------------------------------------------------------------- state that must come back

_SIGNATURE = base64.b64encode(b"signed by its provider").decode()
_CALL = ToolCall(id="call_1", name="get_weather", arguments='{"city":"Berlin"}')

STATES: dict[str, dict[str, tuple[Part, ...]]] = {
    "signed thoughts": {
        "openai-chat": (
            Reasoning(text="Hm.", signature=_SIGNATURE, format="anthropic-claude-v1"),
            _CALL,
        ),
        "anthropic-messages": (Reasoning(text="Hm.", signature=_SIGNATURE), _CALL),
        "bedrock-converse": (
            Reasoning(text="Hm.", signature=_SIGNATURE, format="anthropic-messages"),
            _CALL,
        ),
    },
    "signed texts": {
        "gemini": (
            Reasoning(text="Hm."),
            Text(text="Let me look."),
            Reasoning(signature=_SIGNATURE, format="google-gemini-v1"),
        ),
    },
    "encrypted thoughts": {
        "openai-chat": (
            Reasoning(encrypted=_SIGNATURE, id="rs_1", format="openai-responses-v1"),
            _CALL,
        ),
        "openai-responses": (
            Reasoning(text="Hm.", encrypted=_SIGNATURE, id="rs_1", format="openai-responses-v1"),
            _CALL,
        ),
        "anthropic-messages": (Reasoning(encrypted=_SIGNATURE), _CALL),
        "bedrock-converse": (Reasoning(encrypted=_SIGNATURE, format="anthropic-messages"), _CALL),
    },
    "signed calls": {
        "gemini": (Reasoning(text="Hm."), replace(_CALL, signature=_SIGNATURE)),
    },
    "plans beside calls": {
        "cohere": (Reasoning(text="I will look.", format="cohere-tool-plan"), _CALL),
    },
}
"""What a provider answers and must be sent again in a tool loop: by what it is, then by dialect."""


def state(parts: tuple[Part, ...]) -> Any:
    """The state in these parts: of thoughts, and of calls."""
    found: list[Any] = []
    for part in parts:
        if isinstance(part, Reasoning) and (part.signature or part.encrypted or _is_plan(part)):
            found.append((_is_plan(part), part.signature, part.encrypted))
        elif isinstance(part, ToolCall) and part.signature:
            found.append((part.name, part.signature))
    return found


def _is_plan(part: Reasoning) -> bool:
    return part.format == "cohere-tool-plan"
