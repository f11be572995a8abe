"""Questions and answers that every dialect is asked to carry: the material of ``contracts``."""

from __future__ import annotations

from modelway.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    FinishReason,
    Image,
    Inline,
    JsonSchema,
    Message,
    NamedTool,
    Part,
    Remote,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg"
    "YGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="
)
"""A PNG image of one pixel, in base64."""

UNICODE = 'Grüße 👩‍🚀 \u2028 \x7f \\ " \u202e עברית 中文 \U0001f9ff'
FORGERY = 'data: {"choices": []}\n\ndata: [DONE]\n\nevent: error\r\ndata: {}\r\n\r\n'

WEATHER = Tool(
    name="get_weather",
    description="The weather of a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city"],
    },
)
CLOCK = Tool(name="clock")


def said(role: str, *parts: Part | str) -> Message:
    """A message; strings are texts."""
    told = tuple([Text(text=part) if isinstance(part, str) else part for part in parts])
    return Message(role=role, parts=told)  # type: ignore[arg-type]


def asked(*messages: Message, **settings: object) -> ChatRequest:
    """A question to ``model-1`` with an output cap, which some dialects require."""
    return ChatRequest(
        model="model-1",
        messages=messages,
        **{"max_tokens": 100, **settings},  # type: ignore[arg-type]
    )


def answered(
    *parts: Part | str,
    finish: FinishReason = "stop",
    usage: Usage | None = None,
) -> ChatResponse:
    """A whole answer."""
    return ChatResponse(
        id="answer-1",
        model="model-1",
        choices=(Choice(message=said("assistant", *parts), finish_reason=finish),),
        usage=usage or Usage(input_tokens=11, output_tokens=7),
    )


_BERLIN = ToolCall(id="call_1", name="get_weather", arguments='{"city":"Berlin","days":3}')
_PARIS = ToolCall(id="call_2", name="get_weather", arguments='{"city":"Paris"}')

QUESTIONS: dict[str, ChatRequest] = {
    "text": asked(said("user", "Hello")),
    "system": asked(said("system", "Be brief."), said("user", "Hello")),
    "several turns": asked(
        said("user", "Hello"), said("assistant", "Hello! How are you?"), said("user", "Well.")
    ),
    "unicode": asked(said("system", UNICODE), said("user", UNICODE)),
    "event syntax in a text": asked(said("user", FORGERY)),
    "settings": asked(said("user", "Hello"), temperature=0.5, top_p=0.25, stop=("END", "\n\n#")),
    "end user": asked(said("user", "Hello"), user="user-7"),
    "tools": asked(said("user", "Weather?"), tools=(WEATHER, CLOCK), tool_choice="auto"),
    "a required tool": asked(said("user", "?"), tools=(WEATHER,), tool_choice="required"),
    "no tool": asked(said("user", "?"), tools=(WEATHER,), tool_choice="none"),
    "one tool by name": asked(
        said("user", "?"), tools=(WEATHER, CLOCK), tool_choice=NamedTool(name="clock")
    ),
    "a call and its result": asked(
        said("user", "Weather in Berlin?"),
        said("assistant", "Let me look.", _BERLIN),
        said("tool", ToolResult(call_id="call_1", parts=(Text(text='{"rain": true}'),))),
        tools=(WEATHER,),
    ),
    "parallel calls and their results": asked(
        said("user", "Weather in Berlin and Paris?"),
        said("assistant", _BERLIN, _PARIS),
        said("tool", ToolResult(call_id="call_1", parts=(Text(text="rain"),))),
        said("tool", ToolResult(call_id="call_2", parts=(Text(text="sun"),))),
        said("user", "Thanks. And tomorrow?"),
        tools=(WEATHER,),
    ),
    "an image by address": asked(
        said("user", "What is this?", Image(source=Remote(url="https://example.org/cat.png")))
    ),
    "an image in bytes": asked(
        said("user", Image(source=Inline(media_type="image/png", data=PIXEL)), "What is this?")
    ),
    "a schema": asked(
        said("user", "A city?"),
        response_format=JsonSchema(
            schema={
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
            name="city",
            strict=True,
        ),
    ),
}
"""Name → a question, in the forms that decoders give: system first, one result in one message."""

ANSWERS: dict[str, ChatResponse] = {
    "text": answered("Hello!"),
    "a long text": answered("All work and no play makes Jack a dull boy.\n" * 200),
    "unicode": answered(UNICODE),
    "event syntax in a text": answered(FORGERY),
    "nothing": answered(),
    "the cap reached": answered("Once upon", finish="length"),
    "refused by a filter": answered("", finish="content_filter"),
    "a call": answered(_BERLIN, finish="tool_calls"),
    "a call without arguments": answered(
        ToolCall(id="call_3", name="clock", arguments="{}"), finish="tool_calls"
    ),
    "text and parallel calls": answered("Let me look.", _BERLIN, _PARIS, finish="tool_calls"),
    "arguments with odd characters": answered(
        ToolCall(
            id="call_4",
            name="get_weather",
            arguments='{"city": "S\\u00e3o \\"P\\"\\n\\n", "big": 12345678901234567890, "x": 1.50}',
        ),
        finish="tool_calls",
    ),
    "cached input": answered(
        "Hi",
        usage=Usage(input_tokens=1000, output_tokens=7, cached_tokens=600, cache_write_tokens=300),
    ),
    "reasoning in the usage": answered(
        "Hi", usage=Usage(input_tokens=10, output_tokens=70, reasoning_tokens=60)
    ),
    "no tokens at all": answered("Hi", usage=Usage(input_tokens=0, output_tokens=0)),
}
"""Name → an answer that every chat dialect has words for."""
