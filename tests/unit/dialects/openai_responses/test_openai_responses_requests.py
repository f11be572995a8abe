"""What a provider of the Responses API is sent."""

from __future__ import annotations

import json

import pytest

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects.openai_responses import DIALECT
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import split
from modelway.types import (
    Audio,
    ChatRequest,
    File,
    HostedTool,
    Image,
    Inline,
    JsonSchema,
    Message,
    NamedTool,
    Opaque,
    Reasoning,
    Remote,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)

NAME = "openai-responses"
STATE = "openai-responses-v1"
HI = (Message(role="user", parts=(Text(text="hi"),)),)
PNG = Inline(media_type="image/png", data="AA==")
PLAIN = Target(model="m")
OPENAI = Target(model="m", quirks=Quirks(developer_role=True, reasoning_field="none"))


def encode(request, target=PLAIN, stream=False, operation="chat"):
    encoded = DIALECT.upstream[operation].encode(request, target, stream)
    return json.loads(encoded.body), [warning.setting for warning in encoded.warnings]


def items(*messages, target=PLAIN, **more):
    body, warned = encode(ChatRequest(messages=messages, **more), target)
    return body["input"], warned


def said(*parts, role="assistant", **more):
    return items(Message(role=role, parts=parts), **more)


def test_nothing_is_sent_that_was_not_asked_for():
    body, warned = encode(ChatRequest(model="alias", messages=HI))
    assert body == {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": "hi"}],
    }
    assert warned == []


def test_settings_have_this_api_s_names():
    body, warned = encode(
        ChatRequest(
            messages=HI,
            max_tokens=99,
            temperature=0.5,
            top_p=0.25,
            logprobs=True,
            top_logprobs=2,
            parallel_tool_calls=False,
            user="u",
            metadata={"a": "b"},
            thinking=Thinking(effort="max"),
            tool_choice=NamedTool(name="clock"),
            response_format=JsonSchema(schema={"type": "object"}, name="x", strict=False),
            extra={"include": ["reasoning.encrypted_content"], "text": {"verbosity": "low"}},
        ),
        stream=True,
    )
    body.pop("input")
    assert body == {
        "model": "m",
        "stream": True,
        "max_output_tokens": 99,
        "temperature": 0.5,
        "top_p": 0.25,
        "top_logprobs": 2,
        "parallel_tool_calls": False,
        "user": "u",
        "metadata": {"a": "b"},
        "reasoning": {"effort": "max"},
        "tool_choice": {"type": "function", "name": "clock"},
        "text": {
            "verbosity": "low",
            "format": {
                "type": "json_schema",
                "name": "x",
                "strict": False,
                "schema": {"type": "object"},
            },
        },
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    }
    assert warned == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("top_k", 5),
        ("stop", ("END",)),
        ("seed", 1),
        ("frequency_penalty", 0.5),
        ("presence_penalty", 0.5),
    ],
)
def test_a_setting_that_the_api_lost_is_a_warning(setting, value):
    body, warned = encode(ChatRequest(messages=HI, **{setting: value}))
    assert warned == [setting]
    assert setting not in body


def test_thinking_without_an_effort():
    assert encode(ChatRequest(messages=HI, thinking=Thinking(mode="disabled")))[0]["reasoning"] == {
        "effort": "none"
    }
    _, warned = encode(
        ChatRequest(messages=HI, thinking=Thinking(mode="enabled", budget_tokens=2000))
    )
    assert warned == ["thinking.budget_tokens", "thinking.mode"]


def test_more_than_one_answer_is_refused():
    with pytest.raises(UnsupportedError, match="Chat Completions") as caught:
        encode(ChatRequest(messages=HI, n=2))
    assert caught.value.param == "n"
    assert encode(ChatRequest(messages=HI, n=1))[1] == []


def test_a_tool_says_whether_it_is_strict():
    """Left out, this API takes it for true."""
    plain, strict = Tool(name="a"), Tool(name="b", strict=True)
    hosted = HostedTool(dialect=NAME, definition={"type": "web_search"})
    body, _ = encode(ChatRequest(messages=HI, tools=(plain, strict, hosted)))
    assert body["tools"][0] == {
        "type": "function",
        "name": "a",
        "parameters": {"type": "object", "properties": {}},
        "strict": None,
    }
    assert body["tools"][1]["strict"] is True
    assert body["tools"][2] == {"type": "web_search"}


def test_a_hosted_tool_of_another_dialect_is_refused():
    tool = HostedTool(dialect="anthropic-messages", definition={"type": "web_search_20250305"})
    with pytest.raises(UnsupportedError, match="anthropic-messages"):
        encode(ChatRequest(messages=HI, tools=(tool,)))


def test_each_kind_of_content():
    written, warned = said(
        Text(text="a"),
        Image(source=PNG, detail="low"),
        Image(source=Remote(url="https://x/i.png")),
        Image(source=Stored(id="file-1")),
        File(source=Remote(url="https://x/a.pdf"), name="a.pdf"),
        File(source=Inline(media_type="application/pdf", data="AA==")),
        Audio(source=Inline(media_type="audio/mpeg", data="AA==")),
        role="user",
    )
    assert written[0]["content"] == [
        {"type": "input_text", "text": "a"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
        {"type": "input_image", "image_url": "https://x/i.png"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "filename": "a.pdf", "file_url": "https://x/a.pdf"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AA=="},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
    ]
    assert warned == []


def test_a_turn_with_tools():
    written, warned = items(
        Message(role="system", parts=(Text(text="Be brief."),)),
        *HI,
        Message(
            role="assistant",
            parts=(
                Reasoning(text="Hm.", encrypted="gAAA", id="rs_1", format=STATE),
                Text(text="Let me look."),
                ToolCall(id="c1", name="look", arguments='{"a": 1}'),
            ),
        ),
        Message(
            role="tool",
            parts=(ToolResult(call_id="c1", parts=(Text(text="x"), Image(source=PNG))),),
        ),
    )
    assert written == [
        {"type": "message", "role": "system", "content": "Be brief."},
        {"type": "message", "role": "user", "content": "hi"},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "gAAA",
        },
        {"type": "message", "role": "assistant", "content": "Let me look."},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a": 1}'},
        {
            "type": "function_call_output",
            "call_id": "c1",
            "output": [
                {"type": "input_text", "text": "x"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
            ],
        },
    ]
    assert warned == []


def test_the_role_of_a_developer():
    message = Message(role="developer", parts=(Text(text="x"),))
    assert items(message)[0][0]["role"] == "system"
    assert items(message, target=OPENAI)[0][0]["role"] == "developer"


@pytest.mark.parametrize(
    ("part", "target", "extra"),
    [
        (Reasoning(text="t", signature="anthropic's"), PLAIN, {}),
        (Reasoning(encrypted="redacted", format="anthropic-messages"), PLAIN, {}),
        (Reasoning(text="plain"), OPENAI, {}),
        (Reasoning(text="t", id="rs_1", format=STATE), OPENAI, {"store": False}),
    ],
)
def test_reasoning_that_cannot_travel_is_left_out_and_said(part, target, extra):
    written, warned = said(part, Text(text="a"), target=target, extra=extra)
    assert [item["type"] for item in written] == ["message"]
    assert warned == ["messages.reasoning"]


def test_reasoning_in_the_open_goes_back_where_hosts_read_it():
    written, warned = said(Reasoning(text="Hm.", id="rs_1"), Text(text="a"))
    assert written[0] == {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "Hm."}],
    }
    assert warned == []


def test_the_halves_of_one_reasoning_item_are_one_again():
    written, _ = said(
        Reasoning(encrypted="gAAA", id="rs_1", format=STATE), Reasoning(text="Hm.", id="rs_1")
    )
    [item] = written
    assert item["encrypted_content"] == "gAAA"
    assert item["content"] == [{"type": "reasoning_text", "text": "Hm."}]


def test_the_phase_of_a_message_goes_back():
    phase = Opaque(dialect=NAME, kind="phase", data={"phase": "commentary"})
    written, _ = said(phase, Text(text="a"), ToolCall(id="c", name="n"), Text(text="b"))
    assert written[0]["phase"] == "commentary"
    assert "phase" not in written[2]


def test_what_another_dialect_s_model_said_for_itself_is_left_out():
    search = Opaque(dialect="anthropic-messages", kind="server_tool_use", data={})
    written, warned = said(search, Text(text="a"))
    assert len(written) == 1
    assert warned == ["messages.opaque"]


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("user", Opaque(dialect="anthropic-messages", kind="search_result", data={})),
        ("user", Audio(source=Remote(url="https://x/a.wav"))),
        ("user", Audio(source=Inline(media_type="audio/flac", data="AA=="))),
        ("assistant", Image(source=PNG)),
    ],
)
def test_content_that_cannot_be_said_is_refused_by_name(role, part):
    with pytest.raises(UnsupportedError) as caught:
        said(part, role=role)
    assert caught.value.param == "messages[0].parts[0]"
    assert "'m'" in str(caught.value)


def test_cache_breakpoints_go_where_the_host_has_them():
    rich = Target(model="m", quirks=Quirks(cache_control=True))
    written, warned = said(Text(text="a", cache="5m"), role="user", target=rich)
    assert written[0]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}
    assert warned == []
    written, warned = said(Text(text="a", cache="5m"), role="user")
    assert written[0]["content"] == "a"
    assert warned == ["cache"]


def test_extras_of_another_dialect_and_of_ours():
    body, warned = encode(
        ChatRequest(messages=HI, extra={"logit_bias": {}}, extra_dialect="openai-chat")
    )
    assert "logit_bias" not in body
    assert warned == ["extra.logit_bias"]
    extra = {"store": False, "prompt_cache_key": "k", "model": "other", "input": "other"}
    body, _ = encode(ChatRequest(messages=HI, extra=extra, extra_dialect=NAME))
    assert (body["store"], body["prompt_cache_key"], body["model"]) == (False, "k", "m")
    assert body["input"] != "other"


def test_counting_takes_what_the_model_is_shown():
    target = Target(model="m", body={"service_tier": "flex", "truncation": "auto"})
    body, _ = encode(
        ChatRequest(messages=HI, max_tokens=9, temperature=0.5, tools=(Tool(name="a"),)),
        target,
        operation="count_tokens",
    )
    assert body.keys() == {"model", "input", "tools", "truncation"}
    assert DIALECT.upstream["count_tokens"].path("m", False) == "/responses/input_tokens"
    count = DIALECT.upstream["count_tokens"].decode(b'{"input_tokens": 11}')
    assert DIALECT.downstream["count_tokens"].encode(count) == (
        b'{"object":"response.input_tokens","input_tokens":11}'
    )


def test_values_out_of_range_are_refused():
    with pytest.raises(BadRequestError, match="temperature"):
        encode(ChatRequest(messages=HI, temperature=3))
    with pytest.raises(BadRequestError, match="messages"):
        encode(ChatRequest(messages=()))


def test_a_splice_keeps_the_operator_s_fields():
    fields = split(b'{"model":"a","input":"x","stream":true,"new":1.50}')
    target = Target(model="b", body={"service_tier": "flex", "input": "no"})
    spliced = DIALECT.splice(fields, target, "chat")
    assert spliced.body == (
        b'{"model":"b","input":"x","stream":true,"new":1.50,"service_tier":"flex"}'
    )
    assert spliced.hide_usage is False
