"""Requests of Anthropic's Messages API: what a client writes, and what a provider is sent."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects.anthropic_messages import DIALECT
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import split
from modelway.types import (
    Audio,
    ChatRequest,
    Citation,
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

NAME = "anthropic-messages"
TARGET = Target(model="claude")
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "additionalProperties": False,
}


def said(text):
    return Message(role="user", parts=(Text(text=text),))


def ask(*messages, **settings):
    settings.setdefault("max_tokens", 100)
    return ChatRequest(model="claude", messages=messages or (said("hi"),), **settings)


def sent(request, target=TARGET, operation="chat"):
    encoded = DIALECT.upstream[operation].encode(request, target, False)
    return json.loads(encoded.body), encoded.warnings


def received(body, operation="chat"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return DIALECT.downstream[operation].decode(split(raw))


def client(**fields):
    return {
        "model": "claude",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hi"}],
        **fields,
    }


EXPRESSIBLE = {
    "plain": ask(),
    "everything set": ask(
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        stop=("END", "\n\nHuman:"),
        user="u-1",
        tools=(Tool(name="weather", description="d", parameters=SCHEMA, strict=True, cache="1h"),),
        tool_choice=NamedTool(name="weather"),
        parallel_tool_calls=False,
        response_format=JsonSchema(schema=SCHEMA),
        thinking=Thinking(mode="adaptive", effort="high"),
    ),
    "system and cache": ask(
        Message(role="system", parts=(Text(text="be nice", cache="5m"), Text(text="be brief"))),
        said("hi"),
    ),
    "system alone as a string": ask(
        Message(role="system", parts=(Text(text="be nice"),)), said("hi")
    ),
    "consecutive users": ask(
        said("a"), said("b"), Message(role="assistant", parts=(Text(text="c"),))
    ),
    "tool loop": ask(
        said("weather?"),
        Message(
            role="assistant",
            parts=(
                Reasoning(text="hm", signature="sig"),
                Reasoning(encrypted="zzz"),
                Text(text="let me look"),
                ToolCall(id="toolu_1", name="weather", arguments='{"n": 1.10, "b": 1e2}'),
                ToolCall(id="toolu_2", name="weather", cache="1h"),
            ),
        ),
        Message(role="tool", parts=(ToolResult(call_id="toolu_1", parts=(Text(text="sun"),)),)),
        Message(
            role="tool",
            parts=(
                ToolResult(
                    call_id="toolu_2",
                    parts=(
                        Text(text="see", cache="5m"),
                        Image(source=Inline(media_type="image/png", data="aGk=")),
                    ),
                    is_error=True,
                    cache="5m",
                ),
            ),
        ),
        said("and?"),
        said("well?"),
    ),
    "results without content": ask(
        said("x"),
        Message(role="assistant", parts=(ToolCall(id="a", name="f"),)),
        Message(role="tool", parts=(ToolResult(call_id="a"),)),
    ),
    "an empty result": ask(
        Message(role="tool", parts=(ToolResult(call_id="a", parts=(Text(text=""),)),)),
    ),
    "images and documents": ask(
        Message(
            role="user",
            parts=(
                Image(source=Remote(url="https://x/y.png"), cache="1h"),
                Image(source=Stored(id="file_1")),
                File(source=Inline(media_type="application/pdf", data="aGk="), name="a.pdf"),
                File(source=Inline(media_type="text/plain", data="aMOkIQ=="), context="c"),
                File(source=Remote(url="https://x/y.pdf"), citations=True, cache="5m"),
                File(source=Stored(id="file_2"), citations=False),
            ),
        ),
    ),
    "citations": ask(
        said("x"),
        Message(
            role="assistant",
            parts=(
                Text(
                    text="as I read",
                    citations=(
                        Citation(
                            url="https://x",
                            title="t",
                            quote="q",
                            dialect=NAME,
                            raw={"type": "z", "url": "https://x", "title": "t", "cited_text": "q"},
                        ),
                    ),
                ),
            ),
        ),
    ),
    "opaque parts": ask(
        said("x"),
        Message(
            role="assistant",
            parts=(
                Opaque(
                    dialect=NAME,
                    kind="server_tool_use",
                    data={"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                ),
            ),
        ),
    ),
    "hosted tools": ask(
        tools=(
            HostedTool(dialect=NAME, definition={"type": "web_search_20250305", "name": "web"}),
            Tool(name="f"),
        ),
        tool_choice="required",
    ),
    "no tool": ask(tools=(Tool(name="f"),), tool_choice="none"),
    "a budget": ask(thinking=Thinking(mode="enabled", budget_tokens=2048), max_tokens=4000),
    "no thinking": ask(thinking=Thinking(mode="disabled")),
    "effort alone": ask(thinking=Thinking(effort="xhigh")),
    "extras": ask(
        thinking=Thinking(mode="adaptive", effort="low"),
        user="u",
        extra={
            "service_tier": "auto",
            "thinking": {"display": "omitted"},
            "output_config": {"task_budget": {"total": 1}},
            "metadata": {"team": "x"},
        },
        extra_dialect=NAME,
    ),
}


@pytest.mark.parametrize("request_", EXPRESSIBLE.values(), ids=EXPRESSIBLE.keys())
def test_what_the_dialect_can_say_comes_back_whole(request_):
    encoded = DIALECT.upstream["chat"].encode(request_, TARGET, False)
    assert encoded.warnings == ()
    assert received(encoded.body) == request_


def test_a_results_message_and_the_question_after_it_are_one_turn():
    body, _ = sent(EXPRESSIBLE["tool loop"])
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user", "user"]
    assert [block["type"] for block in body["messages"][2]["content"]] == [
        "tool_result",
        "tool_result",
        "text",
    ]


def test_arguments_keep_their_digits_both_ways():
    raw = (
        b'{"max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a",'
        b'"name":"f","input":{"n": 1.10,  "big":12345678901234567890}}]}]}'
    )
    request = received(raw)
    arguments = '{"n": 1.10,  "big":12345678901234567890}'
    assert request.messages[0].parts[0].arguments == arguments
    assert arguments.encode() in DIALECT.upstream["chat"].encode(request, TARGET, False).body


def test_interleaved_results_keep_their_order():
    content = [
        {"type": "text", "text": "a"},
        {"type": "tool_result", "tool_use_id": "1", "content": "x"},
        {"type": "text", "text": "b"},
    ]
    request = received(client(messages=[{"role": "user", "content": content}]))
    assert [message.role for message in request.messages] == ["user", "tool", "user"]


def test_a_cache_breakpoint_without_lifetime_lives_five_minutes():
    block = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    request = received(client(messages=[{"role": "user", "content": [block]}]))
    assert request.messages[0].parts[0].cache == "5m"


WHOLE = {
    "a block of another kind": {"type": "search_result", "source": "s", "content": []},
    "a call from code": {
        "type": "tool_use",
        "id": "a",
        "name": "f",
        "input": {},
        "caller": {"type": "code_execution_20260120", "tool_id": "t"},
    },
    "a call of a toolset": {
        "type": "tool_use",
        "id": "a",
        "name": "click",
        "input": {},
        "toolset_name": "browser",
    },
    "a result of a toolset": {
        "type": "tool_result",
        "tool_use_id": "a",
        "content": "x",
        "toolset_name": "browser",
    },
    "a document of blocks": {"type": "document", "source": {"type": "content", "content": "x"}},
    "an image with a field we do not know": {
        "type": "image",
        "source": {"type": "url", "url": "https://x"},
        "transformations": {"oversized_image": "error"},
    },
}


@pytest.mark.parametrize("block", WHOLE.values(), ids=WHOLE.keys())
def test_what_the_vocabulary_cannot_say_is_kept_whole(block):
    request = received(client(messages=[{"role": "assistant", "content": [block]}]))
    assert request.messages[0].parts == (Opaque(dialect=NAME, kind=block["type"], data=block),)
    assert sent(request)[0]["messages"][0]["content"] == [block]


def test_a_custom_tool_with_more_fields_is_kept_whole():
    tool = {"name": "f", "input_schema": SCHEMA, "defer_loading": True}
    assert received(client(tools=[tool])).tools == (HostedTool(dialect=NAME, definition=tool),)


def test_the_beta_name_of_structured_output_is_read():
    request = received(client(output_format={"type": "json_schema", "schema": SCHEMA}))
    assert request.response_format == JsonSchema(schema=SCHEMA)
    assert sent(request)[0]["output_config"] == {
        "format": {"type": "json_schema", "schema": SCHEMA}
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("thinking", {"type": "between_tools"}),
        ("output_config", {"effort": "colossal"}),
        ("output_config", {"format": {"type": "grammar", "schema": {}}}),
        ("output_format", {"type": "grammar"}),
        ("metadata", {"team": "x"}),
        ("cache_control", {"type": "ephemeral"}),
        ("anthropic_version", "vertex-2023-10-16"),
    ],
)
def test_fields_that_are_not_modelled_are_extras(name, value):
    request = received(client(**{name: value}))
    assert request.extra == {name: value}
    assert request.extra_dialect == NAME
    assert sent(request)[0][name] == value


def test_null_is_not_said():
    request = received(
        client(temperature=None, system=None, tools=None, metadata=None, stream=None)
    )
    assert request == ask()


def test_an_empty_system_text_is_no_message():
    assert received(client(system="")) == ask()


REFUSED = {
    "max_tokens": (client(max_tokens="1e9"), "max_tokens"),
    "max_tokens below 0": (client(max_tokens=-1), "max_tokens"),
    "max_tokens with a fraction": (client(max_tokens=1.5), "max_tokens"),
    "no max_tokens": ({"messages": []}, "max_tokens"),
    "no messages": ({"max_tokens": 1}, "messages"),
    "messages of another type": (client(messages={}), "messages"),
    "a role": (client(messages=[{"role": "robot", "content": "x"}]), "messages.0.role"),
    "no content": (client(messages=[{"role": "user"}]), "messages.0"),
    "content": (client(messages=[{"role": "user", "content": 1}]), "messages.0.content"),
    "a block": (client(messages=[{"role": "user", "content": [1]}]), "messages.0.content.0"),
    "a text": (
        client(messages=[{"role": "user", "content": [{"type": "text", "text": 1}]}]),
        "messages.0.content.0.text",
    ),
    "a text in a result": (
        client(
            messages=[
                {"role": "user", "content": "x"},
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "a",
                            "content": [{"type": "text", "text": None}],
                        }
                    ],
                },
            ]
        ),
        "messages.1.content.0.content.0.text",
    ),
    "a call in a result": (
        client(
            messages=[
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "a",
                            "content": [{"type": "tool_use", "id": "b", "name": "f"}],
                        }
                    ],
                },
            ]
        ),
        "messages.0.content.0.content.0.type",
    ),
    "a lifetime": (
        client(
            system=[
                {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1d"}}
            ]
        ),
        "system.0.cache_control.ttl",
    ),
    "a schema": (client(tools=[{"name": "f", "input_schema": False}]), "tools.0.input_schema"),
    "a choice": (client(tool_choice={"type": "some"}), "tool_choice.type"),
    "a choice without name": (client(tool_choice={"type": "tool"}), "tool_choice.name"),
    "temperature": (client(temperature="hot"), "temperature"),
    "stop": (client(stop_sequences=["a", 1]), "stop_sequences.1"),
    "model": (client(model=7), "model"),
    "user": (client(metadata={"user_id": 7}), "metadata.user_id"),
    "a budget": (
        client(thinking={"type": "enabled", "budget_tokens": "many"}),
        "thinking.budget_tokens",
    ),
}


@pytest.mark.parametrize(("body", "path"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_refused_with_its_path(body, path):
    with pytest.raises(BadRequestError) as caught:
        received(body)
    assert caught.value.param == path


@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue"}])
def test_a_thread_is_refused_in_the_words_that_clients_go_on_from(thread):
    with pytest.raises(UnsupportedError) as caught:
        received(client(thread=thread))
    assert caught.value.code == "thread_unsupported_request"


def test_deep_nesting_is_refused_not_fatal():
    fields = split(json.dumps(client()).encode())
    fields["zzz"] = Raw(b"[" * 200_000 + b"]" * 200_000)
    with pytest.raises(BadRequestError) as caught:
        DIALECT.downstream["chat"].decode(fields)
    assert caught.value.param == "zzz"


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(BadRequestError, match="surrogate"):
        sent(ask(said("\ud800")))


WARNED = {
    "a later system message": (
        ask(said("a"), Message(role="system", parts=(Text(text="b"),))),
        "messages.1",
    ),
    "an empty text": (ask(said("a"), said("")), "messages.1.0"),
    "white space": (ask(said("a"), said(" \n")), "messages.1.0"),
    "unsigned reasoning": (
        ask(said("a"), Message(role="assistant", parts=(Reasoning(text="hm"), Text(text="x")))),
        "messages.1.0",
    ),
    "reasoning of another signer": (
        ask(
            said("a"),
            Message(
                role="assistant",
                parts=(
                    Reasoning(text="hm", signature="s", format="google-gemini-v1"),
                    Text(text="x"),
                ),
            ),
        ),
        "messages.1.0",
    ),
    "signed reasoning with state": (
        ask(
            said("a"),
            Message(role="assistant", parts=(Reasoning(text="a", signature="s", encrypted="z"),)),
        ),
        "messages.1.0.encrypted",
    ),
    "redacted reasoning with text": (
        ask(said("a"), Message(role="assistant", parts=(Reasoning(text="a", encrypted="z"),))),
        "messages.1.0.text",
    ),
    "a call's signature": (
        ask(
            said("a"),
            Message(role="assistant", parts=(ToolCall(id="a", name="f", signature="s"),)),
        ),
        "messages.1.0.signature",
    ),
    "a refusal": (
        ask(said("a"), Message(role="assistant", parts=(Refusal(text="no"),))),
        "messages.1.0",
    ),
    "a foreign part of an answer": (
        ask(
            said("a"),
            Message(
                role="assistant",
                parts=(Opaque(dialect="openai-chat", kind="x", data={}), Text(text="x")),
            ),
        ),
        "messages.1.0",
    ),
    "a foreign citation": (
        ask(
            said("a"),
            Message(role="assistant", parts=(Text(text="x", citations=(Citation(url="u"),)),)),
        ),
        "messages.1.0.citations",
    ),
    "a name": (ask(Message(role="user", parts=(Text(text="a"),), name="bob")), "messages.0.name"),
    "detail": (
        ask(Message(role="user", parts=(Image(source=Remote(url="u"), detail="low"),))),
        "messages.0.0.detail",
    ),
    "a document of text": (
        ask(Message(role="user", parts=(File(source=Inline(media_type="text/csv", data="YSxi")),))),
        "messages.0.0.source.media_type",
    ),
    "seed": (ask(seed=1), "seed"),
    "frequency penalty": (ask(frequency_penalty=0.1), "frequency_penalty"),
    "presence penalty": (ask(presence_penalty=0.1), "presence_penalty"),
    "logprobs": (ask(logprobs=True), "logprobs"),
    "top logprobs": (ask(top_logprobs=2), "top_logprobs"),
    "metadata": (ask(metadata={"a": "b"}), "metadata"),
    "a JSON mode": (ask(response_format=JsonObject()), "response_format"),
    "a schema's name": (
        ask(response_format=JsonSchema(schema=SCHEMA, name="n")),
        "response_format.name",
    ),
    "a loose schema": (
        ask(response_format=JsonSchema(schema=SCHEMA, strict=False)),
        "response_format.strict",
    ),
    "the least effort": (ask(thinking=Thinking(effort="minimal")), "thinking.effort"),
    "no effort while thinking": (
        ask(thinking=Thinking(mode="adaptive", effort="none")),
        "thinking.effort",
    ),
    "thinking without room": (ask(thinking=Thinking(mode="enabled")), "thinking"),
    "a budget that means nothing": (
        ask(thinking=Thinking(mode="adaptive", budget_tokens=2000)),
        "thinking.budget_tokens",
    ),
    "a choice without tools": (ask(tool_choice="auto"), "tool_choice"),
    "parallel calls of no tool": (
        ask(tools=(Tool(name="f"),), tool_choice="none", parallel_tool_calls=True),
        "parallel_tool_calls",
    ),
    "a schema without type": (ask(tools=(Tool(name="f", parameters={}),)), "tools.0.parameters"),
    "a stop of white space": (ask(stop=("\n", "END")), "stop"),
    "another dialect's extras": (ask(extra={"k": 1}, extra_dialect="openai-chat"), "k"),
    "an extra that decides": (ask(extra={"model": "other"}), "model"),
    "a result's tool name": (
        ask(Message(role="tool", parts=(ToolResult(call_id="a", name="f"),))),
        "messages.0.0.name",
    ),
}


@pytest.mark.parametrize(("request_", "setting"), WARNED.values(), ids=WARNED.keys())
def test_what_cannot_be_said_is_a_warning(request_, setting):
    _, warnings = sent(request_)
    assert [warning.setting for warning in warnings if warning.setting == setting] == [setting]


REFUSED_UPSTREAM = {
    "audio": (
        ask(Message(role="user", parts=(Audio(source=Inline(media_type="audio/wav", data="")),))),
        UnsupportedError,
        "messages.0.0",
    ),
    "a spreadsheet": (
        ask(
            Message(
                role="user", parts=(File(source=Inline(media_type="application/xls", data="")),)
            )
        ),
        UnsupportedError,
        "messages.0.0",
    ),
    "a foreign part of a question": (
        ask(Message(role="user", parts=(Opaque(dialect="gemini", kind="video", data={}),))),
        UnsupportedError,
        "messages.0.0",
    ),
    "a foreign tool": (
        ask(tools=(HostedTool(dialect="openai-chat", definition={}),)),
        UnsupportedError,
        "tools.0",
    ),
    "an image for the system": (
        ask(Message(role="system", parts=(Image(source=Remote(url="u")),)), said("a")),
        UnsupportedError,
        "messages.0",
    ),
    "several answers": (ask(n=2), UnsupportedError, "n"),
    "a text that is not base64": (
        ask(Message(role="user", parts=(File(source=Inline(media_type="text/plain", data="?")),))),
        BadRequestError,
        "messages.0.0.source.data",
    ),
    "arguments that are a list": (
        ask(Message(role="assistant", parts=(ToolCall(id="a", name="f", arguments="[1]"),))),
        BadRequestError,
        "messages.0.0.arguments",
    ),
    "arguments that are cut": (
        ask(Message(role="assistant", parts=(ToolCall(id="a", name="f", arguments='{"a":'),))),
        BadRequestError,
        "messages.0.0.arguments",
    ),
    "a tool message of text": (
        ask(Message(role="tool", parts=(Text(text="x"),))),
        BadRequestError,
        "messages.0",
    ),
    "nothing said": (ask(said("")), BadRequestError, "messages"),
    "a hot temperature": (ask(temperature=1.5), BadRequestError, "temperature"),
    "no temperature at all": (ask(temperature=float("nan")), BadRequestError, "temperature"),
    "a value that is not JSON": (ask(extra={"k": object()}), BadRequestError, None),
    "top_p": (ask(top_p=float("nan")), BadRequestError, "top_p"),
    "top_k": (ask(top_k=float("inf")), BadRequestError, "top_k"),
    "max_tokens": (ask(max_tokens=-1), BadRequestError, "max_tokens"),
    "max_tokens as a float": (ask(max_tokens=float("nan")), BadRequestError, "max_tokens"),
}


@pytest.mark.parametrize(
    ("request_", "error", "path"), REFUSED_UPSTREAM.values(), ids=REFUSED_UPSTREAM.keys()
)
def test_what_would_change_the_question_is_refused_before_sending(request_, error, path):
    with pytest.raises(error) as caught:
        sent(request_)
    assert caught.value.param == path


def test_leading_instructions_of_both_roles_are_one_system_text():
    body, warnings = sent(
        ask(
            Message(role="system", parts=(Text(text="a"),)),
            Message(role="developer", parts=(Text(text="b"),)),
            said("c"),
        )
    )
    assert body["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert warnings == ()


@pytest.mark.parametrize(
    ("cap", "thinking", "expected"),
    [
        (None, None, 4096),
        (1000, None, 1000),
        (64000, None, 4096),
        (64000, Thinking(mode="enabled", budget_tokens=10000), 14096),
        (12000, Thinking(mode="enabled", budget_tokens=10000), 12000),
    ],
)
def test_a_cap_that_must_be_invented_is_said(cap, thinking, expected):
    target = Target(model="claude", max_output_tokens=cap)
    body, warnings = sent(ask(max_tokens=None, thinking=thinking), target)
    assert body["max_tokens"] == expected
    assert [(w.setting, str(expected) in w.message) for w in warnings] == [("max_tokens", True)]


def test_thinking_that_names_no_budget_gets_half_the_cap():
    body, warnings = sent(ask(max_tokens=8000, thinking=Thinking(mode="enabled")))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 4000}
    assert [warning.setting for warning in warnings] == ["thinking.budget_tokens"]


def test_a_budget_alone_turns_thinking_on():
    body, warnings = sent(ask(max_tokens=4000, thinking=Thinking(budget_tokens=2000)))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert warnings == ()


def test_no_effort_is_thinking_disabled():
    body, _ = sent(ask(thinking=Thinking(effort="none")))
    assert body["thinking"] == {"type": "disabled"}
    assert "output_config" not in body


def test_empty_arguments_are_an_empty_object():
    body, _ = sent(
        ask(Message(role="assistant", parts=(ToolCall(id="a", name="f", arguments=""),)))
    )
    assert body["messages"][0]["content"][0]["input"] == {}


def test_an_id_the_api_would_refuse_is_the_same_for_call_and_result():
    body, _ = sent(
        ask(
            Message(role="assistant", parts=(ToolCall(id="functions.f:0", name="f"),)),
            Message(role="tool", parts=(ToolResult(call_id="functions.f:0"),)),
        )
    )
    call, result = body["messages"][0]["content"][0], body["messages"][1]["content"][0]
    assert call["id"] == result["tool_use_id"]
    assert call["id"].startswith("functions_f_0_")


def test_reasoning_that_claude_signed_elsewhere_goes_back():
    part = Reasoning(text="hm", signature="s", format="anthropic-claude-v1")
    body, _ = sent(ask(Message(role="assistant", parts=(part, Text(text="x")))))
    assert body["messages"][0]["content"][0]["signature"] == "s"


def test_the_operators_fields_win_but_not_over_what_is_asked_of_whom():
    target = Target(
        model="claude",
        body={"temperature": 0.1, "k": 1, "model": "m", "messages": [], "stream": True},
    )
    body, _ = sent(ask(temperature=0.9, extra={"k": 2}), target)
    assert (body["temperature"], body["k"], body["model"]) == (0.1, 1, "claude")
    assert body["messages"]
    assert "stream" not in body


def test_quirks_rename_drop_and_bound():
    quirks = Quirks(rename={"max_tokens": "limit"}, drop=("top_k",), max_stop=1, json_schema=False)
    request = ask(top_k=5, stop=("a", "b"), response_format=JsonSchema(schema=SCHEMA))
    body, warnings = sent(request, Target(model="claude", quirks=quirks))
    assert body["limit"] == 100
    assert body["stop_sequences"] == ["a"]
    assert not body.keys() & {"max_tokens", "top_k", "output_config"}
    assert [warning.setting for warning in warnings] == ["response_format", "stop", "top_k"]


def test_a_stream_is_asked_for_only_when_wanted():
    request = ask()
    assert json.loads(DIALECT.upstream["chat"].encode(request, TARGET, True).body)["stream"] is True
    assert "stream" not in sent(request)[0]


def test_counting_takes_only_what_is_counted():
    request = ask(
        Message(role="system", parts=(Text(text="s"),)),
        said("a"),
        max_tokens=None,
        temperature=0.5,
        user="u",
        n=3,
        tools=(Tool(name="f"),),
        extra={"container": "c", "cache_control": {"type": "ephemeral"}},
    )
    body, warnings = sent(request, Target(model="m", body={"service_tier": "auto"}), "count_tokens")
    assert body.keys() == {"model", "system", "messages", "tools", "cache_control"}
    assert warnings == ()


def test_a_question_to_be_counted_needs_no_cap():
    request = received({"messages": [{"role": "user", "content": "x"}]}, "count_tokens")
    assert request == ChatRequest(messages=(said("x"),))


def test_paths_and_headers():
    assert DIALECT.upstream["chat"].path("m", False) == "/messages"
    assert DIALECT.upstream["count_tokens"].path("m", False) == "/messages/count_tokens"
    assert DIALECT.upstream["models"].path("m", False).startswith("/models")
    assert DIALECT.upstream["models"].encode(None, TARGET, False).body == b""
    assert (b"anthropic-version", b"2023-06-01") in DIALECT.headers
    assert b"anthropic-beta" in DIALECT.passed_headers
    assert b"x-api-key" not in DIALECT.passed_headers
