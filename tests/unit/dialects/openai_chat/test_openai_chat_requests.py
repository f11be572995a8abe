"""A request → the body that a provider is sent."""

from __future__ import annotations

import json
import math

import pytest

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects.openai_chat import DIALECT
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import split
from modelway.types import (
    Audio,
    ChatRequest,
    File,
    HostedTool,
    Image,
    Inline,
    JsonObject,
    JsonSchema,
    Message,
    NamedTool,
    Opaque,
    Reasoning,
    Refusal,
    Remote,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)

CHAT = DIALECT.upstream["chat"]
PLAIN = Target(model="m")
SWITCH = Target(model="m", quirks=Quirks(reasoning_switch="thinking"))
FLAG = Target(model="m", quirks=Quirks(reasoning_switch="enable_thinking"))
RICH = Target(
    model="m",
    quirks=Quirks(reasoning_field="reasoning_details", cache_control=True, developer_role=True),
)
HI = (Message(role="user", parts=(Text(text="hi"),)),)
PNG = Inline(media_type="image/png", data="AAAA")
CLOSED = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def encode(request, target=PLAIN, stream=False):
    encoded = CHAT.encode(request, target, stream)
    return json.loads(encoded.body), [warning.setting for warning in encoded.warnings]


def said(*parts, role="user", target=PLAIN):
    body, warned = encode(ChatRequest(messages=(Message(role=role, parts=parts),)), target)
    return body["messages"], warned


def test_nothing_is_sent_that_was_not_asked_for():
    body, warned = encode(ChatRequest(model="alias", messages=HI))
    assert body == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert warned == []


@pytest.mark.parametrize(
    ("model", "sent"), [("google/gemini-3-pro-preview", True), ("gpt-5.1", False)]
)
def test_a_call_s_signature_goes_to_gemini_alone(model, sent):
    call = ToolCall(id="c", name="g", signature="sig")
    request = ChatRequest(messages=(*HI, Message(role="assistant", parts=(call,))))
    encoded = DIALECT.upstream["chat"].encode(request, Target(model=model), False)
    extra = b'"extra_content":{"google":{"thought_signature":"sig"}}'
    assert (extra in encoded.body) is sent
    assert ("messages.signature" in [one.setting for one in encoded.warnings]) is not sent


def test_everything_the_dialect_can_say_comes_back():
    request = ChatRequest(
        model="m",
        messages=(
            Message(role="system", parts=(Text(text="be brief"),)),
            Message(role="developer", parts=(Text(text="a"), Text(text="", cache="1h"))),
            Message(
                role="user",
                name="bob",
                parts=(
                    Text(text="look", cache="5m"),
                    Image(source=Remote(url="https://x/y.png"), detail="low"),
                    Image(source=PNG, cache="5m"),
                    Audio(source=Inline(media_type="audio/wav", data="AA==")),
                    File(source=Stored(id="file-1")),
                    File(source=Inline(media_type="application/pdf", data="AA=="), name="a.pdf"),
                    Opaque(dialect="openai-chat", kind="video_url", data={"type": "video_url"}),
                ),
            ),
            Message(
                role="assistant",
                parts=(
                    Reasoning(text="hm", signature="s", format="anthropic-claude-v1"),
                    Reasoning(encrypted="E", id="rs_1", format="openai-responses-v1"),
                    Text(text="ok"),
                    Refusal(text="no"),
                    Audio(source=Stored(id="audio_1"), id="audio_1"),
                    ToolCall(id="c1", name="f", arguments='{"a": 1}'),
                    ToolCall(id="c2", name="g"),
                ),
            ),
            Message(role="tool", parts=(ToolResult(call_id="c1", parts=(Text(text="1"),)),)),
            Message(
                role="tool",
                parts=(ToolResult(call_id="c2", parts=(Text(text="2"), Text(text="3")), name="g"),),
            ),
            Message(role="user"),
        ),
        max_tokens=5,
        temperature=0.5,
        top_p=0.1,
        frequency_penalty=1,
        presence_penalty=-1,
        stop=("a", "b"),
        seed=3,
        n=2,
        logprobs=True,
        top_logprobs=2,
        tools=(
            Tool(name="f", description="d", parameters=CLOSED, strict=True, cache="1h"),
            HostedTool(
                dialect="openai-chat", definition={"type": "custom", "custom": {"name": "x"}}
            ),
        ),
        tool_choice=NamedTool(name="f"),
        parallel_tool_calls=False,
        response_format=JsonSchema(schema=CLOSED, strict=True),
        thinking=Thinking(mode="enabled", effort="high"),
        user="u",
        metadata={"a": "b"},
        extra={"reasoning": {"exclude": True}, "foo": [1, 2.5]},
        extra_dialect="openai-chat",
    )
    for stream in (False, True):
        encoded = CHAT.encode(request, RICH, stream)
        assert encoded.warnings == ()
        assert DIALECT.downstream["chat"].decode(split(encoded.body)) == request


def test_a_stream_asks_for_its_usage_where_the_host_takes_it():
    body, _ = encode(ChatRequest(messages=HI), stream=True)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    body, _ = encode(
        ChatRequest(messages=HI), Target(model="m", quirks=Quirks(stream_usage=False)), True
    )
    assert "stream_options" not in body


def test_results_among_other_parts_become_messages_of_their_own_in_order():
    written, _ = said(
        Text(text="before"),
        ToolResult(call_id="c1", parts=(Text(text="1"),)),
        ToolResult(call_id="c2"),
        Text(text="after"),
    )
    assert written == [
        {"role": "user", "content": "before"},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": ""},
        {"role": "user", "content": "after"},
    ]


def test_a_call_without_text_has_null_content():
    written, _ = said(ToolCall(id="c", name="f"), role="assistant")
    assert written[0]["content"] is None


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("reasoning_content", {"reasoning_content": "ab"}),
        ("reasoning", {"reasoning": "ab"}),
        ("none", {}),
    ],
)
def test_reasoning_goes_back_where_the_host_reads_it(field, sent):
    target = Target(model="m", quirks=Quirks(reasoning_field=field))
    thought = (Reasoning(text="a", signature="s"), Reasoning(text="b"), Text(text="x"))
    written, warned = said(*thought, role="assistant", target=target)
    assert written == [{"role": "assistant", "content": "x", **sent}]
    assert warned == ["messages.reasoning"]


@pytest.mark.parametrize(
    ("thinking", "target", "sent", "warned"),
    [
        (Thinking(effort="low"), PLAIN, {"reasoning_effort": "low"}, []),
        (Thinking(effort="max"), PLAIN, {"reasoning_effort": "xhigh"}, ["thinking.effort"]),
        (Thinking(mode="disabled"), PLAIN, {"reasoning_effort": "none"}, []),
        (Thinking(mode="adaptive"), PLAIN, {}, ["thinking.mode"]),
        (
            Thinking(mode="enabled", budget_tokens=9, effort="low"),
            PLAIN,
            {"reasoning_effort": "low"},
            ["thinking.budget_tokens"],
        ),
        (Thinking(mode="disabled"), RICH, {"reasoning": {"enabled": False}}, []),
        (Thinking(budget_tokens=9), RICH, {"reasoning": {"max_tokens": 9}}, []),
        (
            Thinking(budget_tokens=9, effort="low"),
            RICH,
            {"reasoning": {"max_tokens": 9}},
            ["thinking.effort"],
        ),
        (Thinking(), SWITCH, {}, []),
        (Thinking(effort="max"), SWITCH, {"reasoning_effort": "max"}, []),
        (Thinking(effort="none"), SWITCH, {"thinking": {"type": "disabled"}}, []),
        (Thinking(mode="disabled"), SWITCH, {"thinking": {"type": "disabled"}}, []),
        (
            Thinking(mode="adaptive", effort="low"),
            SWITCH,
            {"thinking": {"type": "enabled"}, "reasoning_effort": "low"},
            [],
        ),
        (
            Thinking(budget_tokens=9),
            SWITCH,
            {"thinking": {"type": "enabled"}},
            ["thinking.budget_tokens"],
        ),
        (Thinking(), FLAG, {}, []),
        (Thinking(mode="enabled"), FLAG, {"enable_thinking": True}, []),
        (Thinking(effort="none"), FLAG, {"enable_thinking": False}, []),
        (
            Thinking(budget_tokens=9, effort="low"),
            FLAG,
            {"enable_thinking": True, "thinking_budget": 9},
            ["thinking.effort"],
        ),
    ],
)
def test_thinking(thinking, target, sent, warned):
    body, told = encode(ChatRequest(messages=HI, thinking=thinking), target)
    assert {k: v for k, v in body.items() if k not in {"model", "messages"}} == sent
    assert told == warned


def test_what_the_dialect_lacks_is_a_warning():
    request = ChatRequest(
        messages=(
            Message(role="user", parts=(Text(text="a", cache="5m"), Text(text="b", cache="1h"))),
            Message(role="assistant", parts=(ToolCall(id="c", name="f", cache="5m"),)),
            Message(
                role="tool",
                parts=(ToolResult(call_id="c", parts=(Text(text="no"),), is_error=True),),
            ),
        ),
        top_k=5,
        tools=(Tool(name="f", cache="5m"),),
        extra={"container": "x"},
        extra_dialect="anthropic-messages",
    )
    body, warned = encode(request)
    assert sorted(warned) == [
        "extra.container",
        "messages.cache",
        "messages.is_error",
        "tools.cache",
        "top_k",
    ]
    assert "container" not in body
    assert "top_k" not in body
    assert body["messages"][2]["content"] == "no"


def test_the_breakpoint_of_a_result_moves_to_its_last_text():
    result = ToolResult(call_id="c", parts=(Text(text="1"), Text(text="2")), cache="5m")
    written, warned = said(result, target=RICH)
    assert written[0]["content"][1] == {
        "type": "text",
        "text": "2",
        "cache_control": {"type": "ephemeral"},
    }
    assert warned == []


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("user", Opaque(dialect="anthropic-messages", kind="search_result", data={})),
        ("user", Image(source=Stored(id="f"))),
        ("user", Audio(source=Remote(url="https://x/a.wav"))),
        ("user", File(source=Remote(url="https://x/a.pdf"))),
        ("user", ToolResult(call_id="c", parts=(Image(source=PNG),))),
        ("assistant", Image(source=PNG)),
        ("assistant", Audio(source=Inline(media_type="audio/wav", data="AA=="))),
    ],
)
def test_content_that_cannot_be_said_is_refused_by_name(role, part):
    with pytest.raises(UnsupportedError) as caught:
        said(part, role=role)
    assert "messages[0]" in str(caught.value)
    assert "'m'" in str(caught.value)


def test_what_another_dialect_s_model_said_for_itself_is_left_out_with_a_warning():
    search = Opaque(dialect="openai-responses", kind="web_search_call", data={})
    written, warned = said(search, Text(text="Found."), role="assistant")
    assert written[0]["content"] == "Found."
    assert warned == ["messages.opaque"]


def test_a_hosted_tool_of_another_dialect_is_refused():
    tool = HostedTool(dialect="anthropic-messages", definition={"type": "web_search_20250305"})
    with pytest.raises(UnsupportedError, match="anthropic-messages"):
        encode(ChatRequest(messages=HI, tools=(tool,)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 2.5),
        ("temperature", math.nan),
        ("top_p", -0.1),
        ("top_p", math.inf),
        ("frequency_penalty", 3),
        ("presence_penalty", -2.1),
        ("max_tokens", 0),
        ("n", 0),
        ("n", 129),
        ("top_logprobs", 21),
    ],
)
def test_values_out_of_range_are_refused_before_sending(name, value):
    with pytest.raises(BadRequestError) as caught:
        encode(ChatRequest(messages=HI, **{name: value}))
    assert caught.value.param == name


def test_what_is_no_json_is_refused():
    with pytest.raises(BadRequestError, match="finite"):
        encode(ChatRequest(messages=HI, extra={"a": {"b": [math.nan]}}))
    with pytest.raises(BadRequestError, match="JSON"):
        encode(ChatRequest(messages=(Message(role="user", parts=(Text(text="\ud83d"),)),)))
    with pytest.raises(BadRequestError, match="at least one message"):
        encode(ChatRequest(messages=()))


def test_extras_cannot_replace_what_is_ours():
    request = ChatRequest(
        messages=HI,
        temperature=1,
        extra={
            "model": "x",
            "messages": [],
            "stream": True,
            "stream_options": {},
            "temperature": 0,
        },
    )
    body, _ = encode(request)
    assert body["model"] == "m"
    assert body["messages"]
    assert "stream" not in body
    assert "stream_options" not in body
    assert body["temperature"] == 0


def test_the_hosts_quirks_and_the_operators_fields():
    quirks = Quirks(
        rename={"max_tokens": "max_completion_tokens"},
        drop=("seed",),
        max_stop=1,
        json_schema=False,
    )
    target = Target(model="m", quirks=quirks, body={"top_k": 20, "model": "other", "user": "house"})
    request = ChatRequest(
        messages=HI,
        max_tokens=7,
        seed=1,
        stop=("a", "b"),
        user="u",
        response_format=JsonSchema(schema={}),
    )
    body, warned = encode(request, target)
    assert body["max_completion_tokens"] == 7
    assert "max_tokens" not in body
    assert "seed" not in body
    assert body["stop"] == ["a"]
    assert body["response_format"] == {"type": "json_object"}
    assert (body["top_k"], body["model"], body["user"]) == (20, "m", "house")
    assert sorted(warned) == ["response_format", "seed", "stop"]


def test_json_object_is_said_plainly():
    body, _ = encode(ChatRequest(messages=HI, response_format=JsonObject()))
    assert body["response_format"] == {"type": "json_object"}


def test_paths():
    assert CHAT.path("m", True) == "/chat/completions"
    assert DIALECT.upstream["models"].path("", False) == "/models"
    assert DIALECT.upstream["models"].encode(None, PLAIN, False).body == b""
    assert "count_tokens" not in DIALECT.upstream
