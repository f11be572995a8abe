"""What is asked of Bedrock: the wire's words, and what is told when it has none."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
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

CODEC = dialect("bedrock-converse").upstream["chat"]
FACE = dialect("bedrock-converse").downstream["chat"]
CLAUDE, NOVA = "us.anthropic.claude-sonnet-5", "us.amazon.nova-2-lite-v1:0"
GPT, LLAMA, ARN = "openai.gpt-oss-120b-1:0", "meta.llama3-8b-instruct-v1:0", "arn:aws:bedrock:x"
HELLO = Message(role="user", parts=(Text(text="Hello"),))


def asked(*messages, model=CLAUDE, quirks=None, body=None, **settings):
    request = ChatRequest(messages=messages or (HELLO,), **settings)
    target = Target(model=model, quirks=quirks or Quirks(), body=body or {})
    encoded = CODEC.encode(request, target, False)
    return json.loads(encoded.body), {warning.setting for warning in encoded.warnings}


def content(*parts, role="user", model=CLAUDE):
    messages = [HELLO] if role != "user" else []
    body, told = asked(*messages, Message(role=role, parts=parts), model=model)
    return body["messages"][-1]["content"], told


def test_a_model_is_one_step_of_the_path():
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.a-v1:0"
    assert CODEC.path(arn, True) == (
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.a-v1%3A0"
        "/converse-stream"
    )
    assert CODEC.path("a;b?c#d", False) == "/model/a%3Bb%3Fc%23d/converse"
    for name in ("", ".", ".."):
        with pytest.raises(BadRequestError):
            CODEC.path(name, False)


@pytest.mark.parametrize(
    ("model", "thinking", "fields", "effort", "told"),
    [
        (CLAUDE, Thinking(budget_tokens=2000), {"thinking": {"type": "enabled", "budget_tokens": 2000}}, None, set()),
        (CLAUDE, Thinking(mode="adaptive", effort="high"), {"thinking": {"type": "adaptive"}}, "high", set()),
        (CLAUDE, Thinking(effort="minimal"), {}, "low", {"thinking.effort"}),
        (CLAUDE, Thinking(effort="none"), {"thinking": {"type": "disabled"}}, None, set()),
        (CLAUDE, Thinking(mode="enabled"), {"thinking": {"type": "enabled", "budget_tokens": 4096}}, None, {"thinking.budget_tokens"}),
        (ARN, Thinking(mode="adaptive"), {"thinking": {"type": "adaptive"}}, None, set()),
        (NOVA, Thinking(effort="low"), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, None, set()),
        (NOVA, Thinking(effort="xhigh"), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}, None, {"thinking.effort"}),
        (NOVA, Thinking(mode="disabled"), {"reasoningConfig": {"type": "disabled"}}, None, set()),
        (NOVA, Thinking(budget_tokens=9), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}, None, {"thinking.effort", "thinking.budget_tokens"}),
        (GPT, Thinking(effort="medium"), {"reasoning_effort": "medium"}, None, set()),
        (GPT, Thinking(mode="enabled", effort="max"), {"reasoning_effort": "high"}, None, {"thinking.mode", "thinking.effort"}),
        (LLAMA, Thinking(effort="low"), {}, None, {"thinking"}),
    ],
)  # fmt: skip
def test_reasoning_by_family(model, thinking, fields, effort, told):
    body, warned = asked(model=model, thinking=thinking)
    assert body.get("additionalModelRequestFields", {}) == fields
    assert body.get("outputConfig", {}).get("effort") == effort
    assert warned == told


def test_an_enabled_budget_lies_below_the_cap():
    body, _ = asked(thinking=Thinking(mode="enabled"), max_tokens=4000)
    assert body["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 2000
    body, told = asked(thinking=Thinking(mode="enabled"), max_tokens=1000)
    assert "additionalModelRequestFields" not in body
    assert told == {"thinking"}


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (CLAUDE, {"top_k": 5}),
        (NOVA, {"inferenceConfig": {"topK": 5}}),
        ("cohere.command-r-v1:0", {"k": 5}),
        (LLAMA, None),
    ],
)
def test_top_k_by_family(model, fields):
    body, told = asked(model=model, top_k=5)
    assert body.get("additionalModelRequestFields") == fields
    assert told == (set() if fields else {"top_k"})


SIGNED = Reasoning(text="Hm", signature="s", format="anthropic-messages")


@pytest.mark.parametrize(
    ("model", "part", "sent"),
    [
        (CLAUDE, SIGNED, {"reasoningText": {"text": "Hm", "signature": "s"}}),
        (CLAUDE, Reasoning(text="Hm", signature="s"), {"reasoningText": {"text": "Hm", "signature": "s"}}),
        (CLAUDE, Reasoning(encrypted="EkAD"), {"redactedContent": "RWtBRA=="}),
        (CLAUDE, Reasoning(text="Hm"), None),
        (CLAUDE, Reasoning(text="Hm", signature="s", format="gemini"), None),
        (NOVA, Reasoning(text="[REDACTED]"), {"reasoningText": {"text": "[REDACTED]"}}),
        (NOVA, Reasoning(), None),
        (LLAMA, SIGNED, None),
    ],
)  # fmt: skip
def test_reasoning_goes_back_where_it_can(model, part, sent):
    blocks, told = content(part, Text(text="Well"), role="assistant", model=model)
    assert blocks == [*([{"reasoningContent": sent}] if sent else []), {"text": "Well"}]
    assert told == (set() if sent else {"messages.1.0"})


def test_a_model_that_signs_nothing_is_sent_no_signature():
    blocks, told = content(SIGNED, Reasoning(encrypted="EkAD"), role="assistant", model=NOVA)
    assert blocks == [{"reasoningContent": {"reasoningText": {"text": "Hm"}}}]
    assert told == {"messages.1.0.signature", "messages.1.1.signature"}


def test_turns_alternate():
    body, told = asked(
        HELLO,
        Message(role="user", parts=(Text(text="Are you there?"),)),
        Message(role="assistant", parts=(ToolCall(id="1", name="a"), ToolCall(id="2", name="a"))),
        Message(role="tool", parts=(ToolResult(call_id="1", parts=(Text(text="x"),)),)),
        Message(role="tool", parts=(ToolResult(call_id="2", is_error=True),)),
        Message(role="user", parts=(Text(text="Go on"),)),
        Message(role="system", parts=(Text(text="Be brief"),)),
        tools=(Tool(name="a"),),
    )
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "1", "content": [{"text": "x"}]}},
        {"toolResult": {"toolUseId": "2", "content": [], "status": "error"}},
        {"text": "Go on"},
    ]
    assert body["system"] == [{"text": "Be brief"}]
    assert told == {"messages.1", "messages.6"}


def test_blank_texts_are_left_out():
    blocks, told = content(Text(text=" \n"), Text(text="Hi"))
    assert blocks == [{"text": "Hi"}]
    assert told == {"messages.0.0"}
    with pytest.raises(BadRequestError, match="no message with content"):
        asked(Message(role="user", parts=(Text(text=""),)))


PDF = Inline(media_type="application/pdf", data="JVBERg==")


def test_names_of_documents_are_fitted_and_given_once():
    blocks, told = content(
        *[File(source=PDF, name=name) for name in ("q1.pdf", "q1-pdf", None, None, "a  b", "a_b")]
    )
    names = [block["document"]["name"] for block in blocks]
    assert names == ["q1-pdf", "q1-pdf 2", "Document", "Document 2", "a b", "a_b"]
    assert told == {f"messages.0.{number}.name" for number in range(5)}
    blocks, _ = content(File(source=PDF, name="é" * 300), File(source=PDF, name="é" * 300))
    assert [len(block["document"]["name"]) for block in blocks] == [200, 200]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Image(source=Inline(media_type="image/jpg", data="/9j/")), {"image": {"format": "jpeg", "source": {"bytes": "/9j/"}}}),
        (Image(source=Remote(url="s3://b/a.JPG")), {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/a.JPG"}}}}),
        (Audio(source=Inline(media_type="audio/mp3", data="AAAA")), {"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}}),
        (File(source=Inline(media_type="text/plain; charset=utf-8", data="YQ=="), name="a"), {"document": {"name": "a", "format": "txt", "source": {"bytes": "YQ=="}}}),
    ],
)  # fmt: skip
def test_media(part, block):
    assert content(part)[0] == [block]


@pytest.mark.parametrize(
    "part",
    [
        Image(source=Remote(url="https://example.org/a.png")),
        Image(source=Inline(media_type="image/tiff", data="AAAA")),
        Image(source=Stored(id="file-1")),
        Image(source=Remote(url="s3://bucket/key")),
        Opaque(dialect="gemini", kind="video", data={}),
    ],
)
def test_what_cannot_be_sent_is_refused_before(part):
    with pytest.raises(UnsupportedError) as told:
        content(part)
    assert CLAUDE in told.value.message
    assert told.value.param == "messages.0.0"


def test_s3_objects_of_a_named_owner_are_kept_whole():
    raw = (
        b'{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"s3Location":'
        b'{"uri":"s3://b/a.png","bucketOwner":"123456789012"}}}},'
        b'{"video":{"format":"mp4","source":{"bytes":"AAAA"}}},{"text":"Hm"}]}]}'
    )
    request = FACE.decode(split(raw))
    kinds = [type(part) for part in request.messages[0].parts]
    assert kinds == [Opaque, Opaque, Text]
    assert json.loads(CODEC.encode(request, Target(model=NOVA), False).body) == json.loads(raw)


def test_cache_points_stand_behind_what_they_close():
    blocks, _ = content(Text(text="a", cache="1h"), Text(text="b", cache="5m"))
    assert blocks == [
        {"text": "a"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"text": "b"},
        {"cachePoint": {"type": "default"}},
    ]
    raw = (
        b'{"messages":[{"role":"user","content":[{"cachePoint":{"type":"default"}},{"text":"a"}]}]}'
    )
    request = FACE.decode(split(raw))
    assert json.loads(CODEC.encode(request, Target(model=CLAUDE), False).body) == json.loads(raw)


def test_no_tool_may_be_called():
    tool = Tool(name="a")
    body, told = asked(tools=(tool,), tool_choice="none")
    assert "toolConfig" not in body
    assert told == {"tools", "tool_choice"}
    call = Message(role="assistant", parts=(ToolCall(id="1", name="a"),))
    result = Message(role="tool", parts=(ToolResult(call_id="1"),))
    body, told = asked(HELLO, call, result, tools=(tool,), tool_choice="none")
    assert "toolChoice" not in body["toolConfig"]
    assert told == {"tool_choice"}


def test_hosted_tools():
    definition = {"systemTool": {"name": "nova_grounding"}}
    body, _ = asked(tools=(HostedTool(dialect="bedrock-converse", definition=definition),))
    assert body["toolConfig"]["tools"] == [definition]
    with pytest.raises(UnsupportedError, match="hosted tool of openai-responses"):
        asked(tools=(HostedTool(dialect="openai-responses", definition={}),))


def test_ids_of_calls_are_fitted_alike():
    id_ = "call/" + "x" * 80
    body, _ = asked(
        HELLO,
        Message(role="assistant", parts=(ToolCall(id=id_, name="a"),)),
        Message(role="tool", parts=(ToolResult(call_id=id_),)),
        tools=(Tool(name="a"),),
    )
    call = body["messages"][1]["content"][0]["toolUse"]["toolUseId"]
    assert call == body["messages"][2]["content"][0]["toolResult"]["toolUseId"]
    assert len(call) <= 64
    assert "/" not in call


def test_arguments_that_are_no_object_are_refused():
    call = Message(role="assistant", parts=(ToolCall(id="1", name="a", arguments='{"b": '),))
    with pytest.raises(BadRequestError) as told:
        asked(HELLO, call)
    assert told.value.param == "messages.1.0.arguments"


def test_structured_answers():
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}}
    body, told = asked(response_format=JsonSchema(schema=schema, name="n", strict=True))
    definition = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert definition["name"] == "n"
    assert "minimum" not in json.loads(definition["schema"])["properties"]["a"]
    assert any(setting.startswith("response_format") for setting in told)
    body, told = asked(response_format=JsonObject())
    assert "outputConfig" not in body
    assert told == {"response_format"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"seed": 1}, {"seed"}),
        ({"user": "u"}, {"user"}),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls"}),
        ({"frequency_penalty": 1.0, "presence_penalty": 1.0}, {"frequency_penalty", "presence_penalty"}),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs", "top_logprobs"}),
        ({"stop": ("", "END")}, {"stop"}),
        ({"extra": {"messages": []}}, {"messages"}),
        ({"extra": {"x": 1}, "extra_dialect": "gemini"}, {"x"}),
        ({"metadata": {"team": "a"}}, set()),
    ],
)  # fmt: skip
def test_settings_without_a_word_are_told(settings, told):
    assert asked(**settings)[1] == told


@pytest.mark.parametrize("settings", [{"temperature": 1.5}, {"top_p": -1.0}, {"max_tokens": 0}])
def test_values_out_of_range_are_refused(settings):
    with pytest.raises(BadRequestError):
        asked(**settings)


def test_several_answers_are_refused():
    with pytest.raises(UnsupportedError):
        asked(n=2)


def test_extras_and_the_operators_fields_go_in():
    body, _ = asked(
        top_k=5,
        extra={"additionalModelRequestFields": {"beta": 1}, "serviceTier": {"type": "flex"}},
        body={"guardrailConfig": {"guardrailIdentifier": "g"}, "messages": []},
        quirks=Quirks(drop=("inferenceConfig",)),
        max_tokens=7,
    )
    assert body["additionalModelRequestFields"] == {"top_k": 5, "beta": 1}
    assert body["serviceTier"] == {"type": "flex"}
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g"}
    assert body["messages"]
    assert "inferenceConfig" not in body


def test_a_refusal_is_said_as_text():
    blocks, told = content(Refusal(text="No."), role="assistant")
    assert blocks == [{"text": "No."}]
    assert told == {"messages.1.0"}


def test_names_are_told_to_be_left_out():
    _, told = asked(replace(HELLO, name="ann"))
    assert told == {"messages.0.name"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{}", "messages"),
        (b'{"messages":[{"role":"robot","content":[]}]}', "messages.0.role"),
        (b'{"messages":[{"role":"user","content":[{}]}]}', "messages.0.content.0"),
        (b'{"messages":[{"role":"user","content":[{"text":1}]}]}', "messages.0.content.0.text"),
        (b'{"messages":[],"inferenceConfig":{"maxTokens":0}}', "inferenceConfig.maxTokens"),
        (b'{"messages":[],"system":"no list"}', "system"),
    ],
)
def test_bad_requests_of_clients_name_their_fault(body, param):
    with pytest.raises(BadRequestError) as told:
        FACE.decode(split(body))
    assert told.value.param == param
