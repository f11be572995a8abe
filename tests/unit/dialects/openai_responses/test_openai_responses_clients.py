"""What a client of the Responses API asks."""

from __future__ import annotations

import json

import pytest

from modelway.dialects.openai_responses import DIALECT
from modelway.errors import BadRequestError
from modelway.framing.fields import split
from modelway.types import (
    Audio,
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

NAME = "openai-responses"
STATE = "openai-responses-v1"


def decode(**body):
    fields = split(json.dumps({"model": "m", "input": "hi", **body}).encode())
    return DIALECT.downstream["chat"].decode(fields)


def parts(*content, role="user"):
    [message] = decode(input=[{"role": role, "content": list(content)}]).messages
    return message.parts


def test_a_text_alone():
    request = decode()
    assert request.messages == (Message(role="user", parts=(Text(text="hi"),)),)
    assert request.extra == {}


def test_instructions_stand_before_the_input():
    request = decode(instructions="Be brief.", input=[{"role": "developer", "content": "x"}])
    assert [(m.role, m.parts[0].text) for m in request.messages] == [
        ("system", "Be brief."),
        ("developer", "x"),
    ]


def test_what_a_model_said_in_a_row_is_one_message():
    request = decode(
        input=[
            {"role": "user", "content": "hi"},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [
                    {"type": "summary_text", "text": "A"},
                    {"type": "summary_text", "text": "B"},
                ],
                "encrypted_content": "gAAA",
            },
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "phase": "commentary",
                "content": [
                    {
                        "type": "output_text",
                        "text": "Let me look.",
                        "annotations": [{"type": "url_citation", "url": "https://x", "title": "X"}],
                    },
                    {"type": "refusal", "refusal": "no"},
                ],
            },
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "function_call", "id": "fc", "call_id": "c", "name": "n", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "sunny"},
        ]
    )
    assert [message.role for message in request.messages] == ["user", "assistant", "tool"]
    assert request.messages[1].parts == (
        Reasoning(text="A\n\nB", encrypted="gAAA", id="rs_1", format=STATE),
        Opaque(dialect=NAME, kind="phase", data={"phase": "commentary"}),
        Text(
            text="Let me look.",
            citations=(
                Citation(
                    url="https://x",
                    title="X",
                    dialect=NAME,
                    raw={"type": "url_citation", "url": "https://x", "title": "X"},
                ),
            ),
        ),
        Refusal(text="no"),
        Opaque(
            dialect=NAME,
            kind="web_search_call",
            data={"type": "web_search_call", "id": "ws_1", "status": "completed"},
        ),
        ToolCall(id="c", name="n", arguments="{}"),
    )
    assert request.messages[2].parts == (ToolResult(call_id="c", parts=(Text(text="sunny"),)),)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({"type": "input_text", "text": "a"}, Text(text="a")),
        (
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
            Text(text="a", cache="5m"),
        ),
        (
            {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
            Image(source=Inline(media_type="image/png", data="AA=="), detail="low"),
        ),
        (
            {"type": "input_image", "image_url": "https://x/i"},
            Image(source=Remote(url="https://x/i")),
        ),
        ({"type": "input_image", "file_id": "f"}, Image(source=Stored(id="f"))),
        (
            {"type": "input_file", "file_data": "AA==", "filename": "a.pdf"},
            File(source=Inline(media_type="application/pdf", data="AA=="), name="a.pdf"),
        ),
        ({"type": "input_file", "file_url": "https://x"}, File(source=Remote(url="https://x"))),
        ({"type": "input_file", "file_id": "f"}, File(source=Stored(id="f"))),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            Audio(source=Inline(media_type="audio/wav", data="AA==")),
        ),
        (
            {"type": "input_scent", "rose": 1},
            Opaque(
                dialect=NAME, kind="content:input_scent", data={"type": "input_scent", "rose": 1}
            ),
        ),
    ],
)
def test_each_part(content, part):
    assert parts(content) == (part,)


@pytest.mark.parametrize(
    ("item", "role"),
    [
        ({"type": "item_reference", "id": "msg_1"}, "user"),
        ({"type": "custom_tool_call_output", "call_id": "c", "output": "x"}, "user"),
        ({"type": "mcp_approval_response", "approve": True}, "user"),
        ({"type": "custom_tool_call", "call_id": "c", "name": "n", "input": "x"}, "assistant"),
        ({"type": "computer_call", "id": "c"}, "assistant"),
        ({"type": "local_shell_call", "id": "c"}, "assistant"),
        ({"type": "apply_patch_call", "id": "c"}, "assistant"),
    ],
)
def test_items_that_only_this_dialect_has_are_kept_whole(item, role):
    [message] = decode(input=[item]).messages
    assert message == Message(
        role=role, parts=(Opaque(dialect=NAME, kind=item["type"], data=item),)
    )


def test_settings():
    request = decode(
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.25,
        top_logprobs=2,
        parallel_tool_calls=False,
        metadata={"a": "b"},
        safety_identifier="u",
        stream=True,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_object"}, "verbosity": "low"},
        include=["message.output_text.logprobs", "reasoning.encrypted_content"],
        store=False,
        previous_response_id="resp_1",
        prompt_cache_key="k",
    )
    assert (request.max_tokens, request.temperature, request.top_p) == (9, 0.5, 0.25)
    assert (request.logprobs, request.top_logprobs) == (True, 2)
    assert request.parallel_tool_calls is False
    assert (request.user, request.metadata) == ("u", {"a": "b"})
    assert request.thinking == Thinking(effort="low")
    assert request.response_format == JsonObject()
    assert request.extra == {
        "reasoning": {"summary": "auto"},
        "text": {"verbosity": "low"},
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "previous_response_id": "resp_1",
        "prompt_cache_key": "k",
    }
    assert request.extra_dialect == NAME


def test_tools_and_the_choice_among_them():
    request = decode(
        tools=[
            {"type": "function", "name": "a", "parameters": {"type": "object"}, "strict": True},
            {"type": "function", "name": "b", "strict": None},
            {"type": "function", "name": "c", "defer_loading": True},
            {"type": "function", "function": {"name": "d", "description": "as a chat's"}},
            {"type": "custom", "name": "e"},
        ],
        tool_choice={"type": "function", "name": "a"},
    )
    assert request.tools == (
        Tool(name="a", parameters={"type": "object"}, strict=True),
        Tool(name="b"),
        HostedTool(
            dialect=NAME, definition={"type": "function", "name": "c", "defer_loading": True}
        ),
        Tool(name="d", description="as a chat's"),
        HostedTool(dialect=NAME, definition={"type": "custom", "name": "e"}),
    )
    assert request.tool_choice == NamedTool(name="a")
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": []}
    assert decode(tool_choice=allowed).extra == {"tool_choice": allowed}
    assert decode(tool_choice="required").tool_choice == "required"


def test_a_schema():
    schema = {"type": "object", "properties": {}}
    told = {"type": "json_schema", "name": "x", "schema": schema, "strict": True}
    assert decode(text={"format": told}).response_format == JsonSchema(
        schema=schema, name="x", strict=True
    )
    grammar = {"type": "grammar", "definition": "…"}
    assert decode(text={"format": grammar}).extra == {"text": {"format": grammar}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": 3}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 3}]}, "input[0].content"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "input[0].content[0]",
        ),
        ({"input": [{"role": "user", "content": [{"text": 3}]}]}, "input[0].content[0]"),
        ({"input": [{"type": "function_call", "name": "n"}]}, "input[0]"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0]"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"tools": [3]}, "tools[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tool_choice": "some"}, "tool_choice"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"text": {"format": "json"}}, "text.format"),
        ({"reasoning": {"effort": 3}}, "reasoning.effort"),
        ({"metadata": {"a": 1}}, "metadata"),
    ],
)
def test_a_fault_is_named_by_its_path(body, param):
    with pytest.raises(BadRequestError) as caught:
        decode(**body)
    assert caught.value.param.startswith(param)


def test_what_a_provider_stored_cannot_be_read_here():
    fields = split(b'{"model":"m","prompt":{"id":"pmpt_1"}}')
    with pytest.raises(BadRequestError, match="stored"):
        DIALECT.downstream["chat"].decode(fields)
    with pytest.raises(BadRequestError, match="input is required"):
        DIALECT.downstream["chat"].decode(split(b'{"model":"m"}'))
    with pytest.raises(BadRequestError, match="model is required"):
        DIALECT.downstream["chat"].decode(split(b'{"input":"m"}'))
