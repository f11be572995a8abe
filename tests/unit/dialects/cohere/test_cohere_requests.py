"""What is asked of Cohere: what its words hold, and what is told of what they do not."""

from __future__ import annotations

import base64
import json

import pytest

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
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

COHERE = dialect("cohere")
TARGET = Target(model="command-a")
HELLO = Message(role="user", parts=(Text(text="Hello"),))


def written(*messages, target=TARGET, stream=False, **settings):
    """The body, and the settings that warnings are about."""
    request = ChatRequest(messages=messages or (HELLO,), **settings)
    encoded = COHERE.upstream["chat"].encode(request, target, stream)
    return json.loads(encoded.body), [warning.setting for warning in encoded.warnings]


def decoded(**body):
    return COHERE.downstream["chat"].decode(split(json.dumps(body).encode()))


def inline(kind, data=b"abc"):
    return Inline(media_type=kind, data=base64.b64encode(data).decode())


def test_the_least_question():
    assert written() == (
        {"model": "command-a", "messages": [{"role": "user", "content": "Hello"}]},
        [],
    )


def test_settings_have_cohere_s_names():
    body, told = written(
        max_tokens=5,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        seed=7,
        stop=("a",),
        logprobs=True,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        stream=True,
    )
    assert told == []
    assert {name: body[name] for name in body if name not in ("model", "messages")} == {
        "max_tokens": 5,
        "temperature": 0.5,
        "p": 0.9,
        "k": 3,
        "seed": 7,
        "stop_sequences": ["a"],
        "logprobs": True,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "stream": True,
    }


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"user": "u"}, ["user"]),
        ({"metadata": {"a": "b"}}, ["metadata"]),
        ({"top_logprobs": 3}, ["top_logprobs"]),
        ({"parallel_tool_calls": False}, ["parallel_tool_calls"]),
        ({"thinking": Thinking(effort="high")}, ["thinking.effort"]),
        ({"stop": tuple("abcdef")}, ["stop"]),
        ({"extra": {"service_tier": "x"}, "extra_dialect": "openai-chat"}, ["service_tier"]),
        ({"extra": {"model": "x"}}, ["model"]),
    ],
)
def test_what_has_no_word_is_told(settings, told):
    body, warned = written(**settings)
    assert warned == told
    assert body["model"] == "command-a"
    assert len(body.get("stop_sequences", ())) in (0, 5)


@pytest.mark.parametrize(
    ("thinking", "wire"),
    [
        (Thinking(mode="enabled"), {"type": "enabled"}),
        (Thinking(budget_tokens=9), {"type": "enabled", "token_budget": 9}),
        (Thinking(effort="none"), {"type": "disabled"}),
        (Thinking(mode="adaptive"), {"type": "enabled"}),
        (Thinking(mode="disabled"), {"type": "disabled"}),
        (Thinking(effort="low"), None),
    ],
)
def test_reasoning_is_on_or_off(thinking, wire):
    assert written(thinking=thinking)[0].get("thinking") == wire


def test_a_tool_by_its_name_is_sent_alone():
    tools = (Tool(name="a"), Tool(name="b"))
    body, told = written(tools=tools, tool_choice=NamedTool(name="b"))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["b"]
    assert body["tool_choice"] == "REQUIRED"
    assert told == ["tool_choice", "tools"]
    assert "tool_choice" not in written(tools=tools, tool_choice=NamedTool(name="c"))[0]


@pytest.mark.parametrize(
    ("asked", "strict", "told"),
    [
        ((True, True), True, []),
        ((False, False), False, []),
        ((None, None), None, []),
        ((True, None), None, ["tools.strict"]),
    ],
)
def test_strict_is_of_all_tools(asked, strict, told):
    schema = {"type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"]}
    tools = tuple([Tool(name=f"t{n}", parameters=schema, strict=s) for n, s in enumerate(asked)])
    body, warned = written(tools=tools)
    assert (body.get("strict_tools"), warned) == (strict, told)


def test_a_schema_is_fitted():
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    body, told = written(response_format=JsonSchema(schema=schema, name="n", strict=True))
    assert body["response_format"]["type"] == "json_object"
    assert "minimum" not in body["response_format"]["json_schema"]["properties"]["n"]
    assert told == ["response_format.name", "response_format.properties.n.minimum"]


def test_a_host_without_schemas_is_asked_for_json():
    target = Target(model="m", quirks=Quirks(json_schema=False))
    body, told = written(target=target, response_format=JsonSchema(schema={"type": "object"}))
    assert (body["response_format"], told) == ({"type": "json_object"}, ["response_format"])


def test_an_assistant_says_its_plan_again():
    parts = (
        Reasoning(text="Hm."),
        Text(text="I look."),
        Reasoning(text="I will look.", format="cohere-tool-plan"),
        ToolCall(id="1", name="look", arguments="{}"),
    )
    body, told = written(HELLO, Message(role="assistant", parts=parts))
    assert told == []
    assert body["messages"][1] == {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "I look."}],
        "tool_plan": "I will look.",
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        ],
    }
    assert decoded(messages=body["messages"]).messages[1].parts == parts


def test_what_only_others_understand_is_not_sent_back():
    parts = (
        Reasoning(text="Hm.", signature="s", format="anthropic-messages"),
        Reasoning(encrypted="e"),
        Text(text="A", citations=(Citation(url="https://x.org", dialect="gemini"),)),
        Refusal(text="No."),
        ToolCall(id="1", name="look", arguments="{}", signature="s"),
        Opaque(dialect="gemini", kind="executableCode", data={}),
    )
    body, told = written(HELLO, Message(role="assistant", parts=parts))
    assert told == [
        "messages.1.0.signature",
        "messages.1.1.signature",
        "messages.1.3",
        "messages.1.4.signature",
        "messages.1.5",
        "messages.1.citations",
    ]
    assert [one["type"] for one in body["messages"][1]["content"]] == ["thinking", "text", "text"]
    assert "citations" not in body["messages"][1]


def test_citations_go_back_whole():
    raw = {"start": 0, "end": 1, "text": "A", "sources": [], "type": "PLAN"}
    of_text = {"start": 0, "end": 1, "text": "A", "sources": [], "content_index": 1}
    message = {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "A"}],
        "citations": [raw, of_text],
    }
    question = decoded(messages=[message])
    assert question.messages[0].parts[1].citations[0].raw == of_text
    assert question.messages[0].parts[2] == Opaque(dialect="cohere", kind="citation", data=raw)
    encoded = COHERE.upstream["chat"].encode(question, TARGET, False)
    assert json.loads(encoded.body)["messages"][0]["citations"] == [of_text, raw]


def test_documents_are_parts_of_the_last_question():
    documents = ["a", {"id": "d", "data": {"text": "b"}}, {"data": {"title": "T", "text": "c"}}]
    question = decoded(
        messages=[{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}],
        documents=documents,
    )
    assert question.messages[0].parts == (
        Text(text="?"),
        File(source=inline("text/plain", b"a")),
        File(source=inline("text/plain", b"b"), name="d"),
        Opaque(dialect="cohere", kind="document", data=documents[2]),
    )
    body, told = written(*question.messages)
    assert (body["documents"], told) == (documents, [])
    assert body["messages"][0] == {"role": "user", "content": "?"}


def test_documents_in_results_are_read_as_text():
    content = [
        {"type": "document", "document": {"data": {"rain": True}}},
        {"type": "document", "document": {"id": "d", "data": {"n": 1}}},
        {"type": "text", "text": "x"},
    ]
    question = decoded(messages=[{"role": "tool", "tool_call_id": "1", "content": content}])
    [result] = question.messages[0].parts
    assert [part.text for part in result.parts] == [
        '{"rain":true}',
        '{"id":"d","data":{"n":1}}',
        "x",
    ]
    whole = Opaque(dialect="cohere", kind="document", data={"data": {"rain": True}})
    body, _ = written(Message(role="tool", parts=(ToolResult(call_id="1", parts=(whole,)),)))
    assert body["messages"][0]["content"] == content[:1]


def test_images():
    parts = (
        Image(source=Remote(url="https://x.org/a.png"), detail="low"),
        Image(source=inline("image/png")),
    )
    body, _ = written(Message(role="user", parts=parts))
    assert [one["image_url"]["url"] for one in body["messages"][0]["content"]] == [
        "https://x.org/a.png",
        "data:image/png;base64,YWJj",
    ]
    assert decoded(messages=body["messages"]).messages[0].parts == parts


@pytest.mark.parametrize(
    "part",
    [
        Image(source=Stored(id="f")),
        Audio(source=inline("audio/wav")),
        File(source=inline("application/pdf")),
        File(source=Remote(url="https://x.org/a.txt")),
        Opaque(dialect="gemini", kind="x", data={}),
    ],
)
def test_what_cannot_be_carried_is_refused(part):
    with pytest.raises(UnsupportedError, match="command-a"):
        written(Message(role="user", parts=(part,)))


def test_several_answers_and_foreign_tools_are_refused():
    with pytest.raises(UnsupportedError, match="ask 3 times"):
        written(n=3)
    with pytest.raises(UnsupportedError, match="describe it as a function"):
        written(tools=(HostedTool(dialect="gemini", definition={}),))


def test_nothing_to_answer():
    with pytest.raises(BadRequestError) as caught:
        written(Message(role="assistant"))
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": [{"role": "critic", "content": "x"}]}, "messages.0.role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "audio"}]}]},
            "messages.0.content.0.type",
        ),
        ({"messages": [{"role": "user", "content": 3}]}, "messages.0.content"),
        ({"messages": [], "max_tokens": 0}, "max_tokens"),
        ({"messages": [], "max_tokens": "5"}, "max_tokens"),
        ({"messages": [], "tool_choice": "auto"}, "tool_choice"),
        ({"messages": [], "documents": [3]}, "documents.0"),
    ],
)
def test_a_client_s_fault_has_its_path(body, param):
    with pytest.raises(BadRequestError) as caught:
        decoded(**body)
    assert caught.value.param == param


def test_the_operator_s_fields_and_quirks():
    target = Target(
        model="m",
        quirks=Quirks(drop=("seed",), rename={"max_tokens": "max_output"}),
        body={"safety_mode": "OFF", "model": "no"},
    )
    body, told = written(target=target, seed=3, max_tokens=4)
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_output": 4,
        "safety_mode": "OFF",
    }
    assert told == ["seed"]
    spliced = COHERE.splice(split(b'{"model":"x","seed":1.50}'), target, "chat").body
    assert spliced == b'{"model":"m","seed":1.50,"safety_mode":"OFF"}'
