"""A client's body → the request."""

from __future__ import annotations

import json

import pytest

from modelway.dialects.openai_chat import DIALECT
from modelway.errors import BadRequestError
from modelway.framing.fields import split
from modelway.types import (
    File,
    Image,
    Inline,
    JsonObject,
    JsonSchema,
    Message,
    NamedTool,
    Opaque,
    Reasoning,
    Remote,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)

HI = [{"role": "user", "content": "hi"}]


def decode(**fields):
    body = json.dumps({"model": "m", "messages": HI, **fields}).encode()
    return DIALECT.downstream["chat"].decode(split(body))


def test_stream_and_its_options_are_not_part_of_the_question():
    request = decode(stream=True, stream_options={"include_usage": True})
    assert request.extra == {}
    assert request.extra_dialect is None


def test_what_is_not_modelled_is_kept_by_its_name():
    request = decode(logit_bias={"1": -1}, service_tier="flex")
    assert request.extra == {"logit_bias": {"1": -1}, "service_tier": "flex"}
    assert request.extra_dialect == "openai-chat"


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"max_tokens": 5}, "max_tokens", 5),
        ({"max_completion_tokens": 5}, "max_tokens", 5),
        ({"max_completion_tokens": 5, "max_tokens": 5}, "max_tokens", 5),
        ({"max_tokens": None}, "max_tokens", None),
        ({"stop": "a"}, "stop", ("a",)),
        ({"stop": ["a", "b"]}, "stop", ("a", "b")),
        ({"stop": None}, "stop", ()),
        ({"user": "u"}, "user", "u"),
        ({"safety_identifier": "u"}, "user", "u"),
        ({"tool_choice": "any"}, "tool_choice", "required"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            "tool_choice",
            NamedTool(name="f"),
        ),
        ({"function_call": {"name": "f"}}, "tool_choice", NamedTool(name="f")),
        ({"function_call": "auto"}, "tool_choice", "auto"),
        ({"response_format": {"type": "text"}}, "response_format", None),
        ({"response_format": {"type": "json_object"}}, "response_format", JsonObject()),
        (
            {"response_format": {"type": "json_object", "schema": {}}},
            "response_format",
            JsonSchema(schema={}),
        ),
        ({"reasoning_effort": "high"}, "thinking", Thinking(effort="high")),
        ({"reasoning": {"max_tokens": 9}}, "thinking", Thinking(budget_tokens=9)),
        ({"reasoning": {"enabled": False}}, "thinking", Thinking(mode="disabled")),
        (
            {"functions": [{"name": "f", "parameters": {"type": "object"}}]},
            "tools",
            (Tool(name="f", parameters={"type": "object"}),),
        ),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", (Tool(name="f"),)),
    ],
)
def test_settings(fields, name, value):
    request = decode(**fields)
    assert getattr(request, name) == value
    assert request.extra == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reasoning_effort", "ludicrous"),
        ("tool_choice", {"type": "allowed_tools", "allowed_tools": {}}),
        ("response_format", {"type": "grammar", "grammar": "x"}),
        ("reasoning", {"exclude": True}),
    ],
)
def test_forms_that_are_not_modelled_are_kept_whole(name, value):
    assert decode(**{name: value}).extra == {name: value}


def test_parts_by_type():
    content = [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "image_url", "image_url": "https://x/y.png"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
        {"type": "file", "file": {"file_data": "AAAA", "filename": "a.pdf"}},
        {"type": "video_url", "video_url": {"url": "https://x/v.mp4"}},
    ]
    request = decode(messages=[{"role": "user", "content": content}])
    assert request.messages[0].parts == (
        Text(text="a", cache="1h"),
        Image(source=Remote(url="https://x/y.png")),
        Image(source=Inline(media_type="image/png", data="AAAA"), detail="low"),
        File(source=Inline(media_type="application/pdf", data="AAAA"), name="a.pdf"),
        Opaque(dialect="openai-chat", kind="video_url", data=content[4]),
    )


def test_the_form_before_tools_is_converted():
    request = decode(
        messages=[
            *HI,
            {
                "role": "assistant",
                "content": None,
                "function_call": {"name": "f", "arguments": "{}"},
            },
            {"role": "function", "name": "f", "content": "1"},
        ]
    )
    call = request.messages[1].parts[0]
    assert call == ToolCall(id="call_1", name="f", arguments="{}")
    assert request.messages[2] == Message(
        role="tool", parts=(ToolResult(call_id="call_1", parts=(Text(text="1"),), name="f"),)
    )


def test_reasoning_comes_back_as_a_streams_reader_collected_it():
    pieces = [
        {"type": "reasoning.text", "text": "th", "index": 0},
        {"type": "reasoning.text", "text": "ink", "index": 0},
        {"type": "reasoning.text", "text": "", "signature": "sig", "index": 0},
        {"type": "reasoning.encrypted", "data": "E", "index": 1},
    ]
    message = {"role": "assistant", "content": "x", "reasoning_content": "think"}
    request = decode(messages=[*HI, {**message, "reasoning_details": pieces}, *HI])
    assert request.messages[1].parts == (
        Reasoning(text="think", signature="sig"),
        Reasoning(encrypted="E"),
        Text(text="x"),
    )
    assert decode(messages=[*HI, message]).messages[1].parts == (
        Reasoning(text="think"),
        Text(text="x"),
    )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": "hi"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [1]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": 1}]}, "messages[0].role"),
        ({"messages": [*HI, {"role": "user", "content": 1}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0]"),
        (
            {"messages": [*HI, {"role": "user", "content": [{"type": "text", "text": 1}]}]},
            "messages[1].content[0].text",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "data:x,y"}}],
                    }
                ]
            },
            "messages[0].content[0].image_url.url",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {
                "messages": [
                    {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": 5}}]}
                ]
            },
            "messages[0].tool_calls[0].function.name",
        ),
        ({"messages": [{"role": "function", "name": "f", "content": "1"}]}, "messages[0].name"),
        ({"max_tokens": "1e9"}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 9}, "temperature"),
        ({"n": 1000}, "n"),
        ({"stop": [1]}, "stop[0]"),
        ({"stream": "yes"}, "stream"),
        ({"model": None}, "model"),
        ({"metadata": {"a": 1}}, "metadata[...]"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function"),
        ({"tools": "f"}, "tools"),
        ({"tool_choice": "f"}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}, "name": 1}}},
            "response_format.json_schema.name",
        ),
        ({"reasoning": "high"}, "reasoning"),
    ],
)
def test_a_fault_is_named_by_its_path(fields, param):
    with pytest.raises(BadRequestError) as caught:
        decode(**fields)
    assert caught.value.param == param


@pytest.mark.parametrize("name", ["model", "messages"])
def test_what_is_required(name):
    fields = split(b'{"model": "m", "messages": []}')
    del fields[name]
    with pytest.raises(BadRequestError) as caught:
        DIALECT.downstream["chat"].decode(fields)
    assert caught.value.param == name
