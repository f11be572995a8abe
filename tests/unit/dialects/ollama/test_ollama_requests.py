"""What is sent to a server of Ollama's API, and what cannot be."""

from __future__ import annotations

import json

import pytest

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import split
from modelway.retrieval import EmbedRequest
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
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)

OLLAMA = dialect("ollama")
HELLO = Message(role="user", parts=(Text(text="Hello"),))
PNG = Inline(media_type="image/png", data="iVBORw0KGgo=")


def encode(*messages, target=None, stream=False, operation="chat", **settings):
    request = ChatRequest(messages=messages or (HELLO,), **settings)
    encoded = OLLAMA.upstream[operation].encode(request, target or Target(model="m"), stream)
    return json.loads(encoded.body), [warning.setting for warning in encoded.warnings]


def user(*parts):
    return Message(role="user", parts=parts)


def test_it_says_whether_to_stream():
    assert encode(stream=True)[0] == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
    }
    assert encode()[0]["stream"] is False


def test_settings_go_into_options():
    body, warnings = encode(
        max_tokens=5,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        seed=7,
        stop=("a",),
        frequency_penalty=0.1,
        presence_penalty=0.2,
        extra={"keep_alive": "5m", "options": {"num_ctx": 8192, "num_predict": 9}},
    )
    assert body["options"] == {
        "num_ctx": 8192,
        "num_predict": 5,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "seed": 7,
        "stop": ["a"],
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
    }
    assert body["keep_alive"] == "5m"
    assert warnings == []


def test_the_operator_s_own_fields_win_and_cannot_say_what_is_asked():
    target = Target(model="m", body={"options": {"num_ctx": 1}, "keep_alive": 0, "messages": []})
    body, _ = encode(target=target, max_tokens=5, extra={"options": {"num_ctx": 2, "min_p": 0.1}})
    assert body["options"] == {"num_predict": 5, "num_ctx": 1, "min_p": 0.1}
    assert (body["keep_alive"], len(body["messages"])) == (0, 1)
    fields = split(b'{"model":"x","messages":[],"options":{"num_ctx":5,"seed":1}}')
    spliced = json.loads(OLLAMA.splice(fields, target, "chat").body)
    assert spliced == {
        "model": "m",
        "messages": [],
        "options": {"num_ctx": 1, "seed": 1},
        "keep_alive": 0,
    }


@pytest.mark.parametrize(
    ("thinking", "think", "warnings"),
    [
        (Thinking(mode="enabled"), True, []),
        (Thinking(mode="disabled"), False, []),
        (Thinking(effort="none"), False, []),
        (Thinking(mode="disabled", effort="high"), False, []),
        (Thinking(effort="low"), "low", []),
        (Thinking(mode="enabled", effort="max"), "max", []),
        (Thinking(effort="minimal"), "low", ["thinking.effort"]),
        (Thinking(effort="xhigh"), "max", ["thinking.effort"]),
        (Thinking(mode="adaptive"), True, ["thinking.mode"]),
        (Thinking(budget_tokens=2000), True, ["thinking.budget_tokens"]),
        (Thinking(), None, []),
    ],
)
def test_thinking(thinking, think, warnings):
    body, told = encode(thinking=thinking)
    assert body.get("think") == think
    assert told == warnings


@pytest.mark.parametrize(
    ("wanted", "format", "warnings"),
    [
        (JsonObject(), "json", []),
        (JsonSchema(schema={"type": "object"}), {"type": "object"}, []),
        (
            JsonSchema(schema={"type": "object"}, name="n", strict=False),
            {"type": "object"},
            ["response_format.name", "response_format.strict"],
        ),
    ],
)
def test_a_form_of_the_answer(wanted, format, warnings):
    body, told = encode(response_format=wanted)
    assert (body["format"], told) == (format, warnings)


def test_a_host_without_schemas():
    quirks = Quirks(json_schema=False, drop=("logprobs",), max_stop=1)
    body, told = encode(
        target=Target(model="m", quirks=quirks),
        response_format=JsonSchema(schema={"type": "object"}),
        logprobs=True,
        stop=("a", "b"),
    )
    assert (body["format"], "logprobs" in body, body["options"]["stop"]) == ("json", False, ["a"])
    assert told == ["response_format", "stop", "logprobs"]


def test_a_tool_loop():
    """Results name their tool; arguments keep their digits and their order."""
    body, warnings = encode(
        HELLO,
        Message(
            role="assistant",
            parts=(
                Reasoning(text="Hm."),
                Text(text="Let me "),
                Text(text="look."),
                ToolCall(id="c1", name="f", arguments='{"b": 1.50, "a": 12345678901234567890}'),
                ToolCall(id="c2", name="g", arguments="null"),
            ),
        ),
        Message(
            role="tool",
            parts=(
                ToolResult(call_id="c2", parts=(Text(text="two"),)),
                ToolResult(call_id="c1", parts=(Image(source=PNG),)),
            ),
        ),
        tools=(Tool(name="f", description="d"), Tool(name="g")),
        tool_choice="auto",
    )
    assert warnings == []
    said, *results = body["messages"][1:]
    assert (said["content"], said["thinking"]) == ("Let me look.", "Hm.")
    assert [one["function"]["name"] for one in said["tool_calls"]] == ["f", "g"]
    raw = OLLAMA.upstream["chat"].encode(
        ChatRequest(
            messages=(
                Message(
                    role="assistant",
                    parts=(ToolCall(id="c1", name="f", arguments='{"b": 1.50, "a": 1e400}'),),
                ),
            )
        ),
        Target(model="m"),
        False,
    )
    assert b'{"b": 1.50, "a": 1e400}' in raw.body
    assert results == [
        {"role": "tool", "content": "two", "tool_name": "g", "tool_call_id": "c2"},
        {
            "role": "tool",
            "content": "",
            "images": [PNG.data],
            "tool_name": "f",
            "tool_call_id": "c1",
        },
    ]
    assert body["tools"][1] == {
        "type": "function",
        "function": {"name": "g", "parameters": {"type": "object", "properties": {}}},
    }


@pytest.mark.parametrize(
    ("choice", "tools", "told"),
    [
        ("auto", 1, []),
        (None, 1, []),
        ("required", 1, ["tool_choice"]),
        (NamedTool(name="f"), 1, ["tool_choice"]),
        ("none", 0, ["tool_choice", "tools"]),
    ],
)
def test_no_tool_can_be_forced(choice, tools, told):
    body, warnings = encode(tools=(Tool(name="f"),), tool_choice=choice)
    assert (len(body.get("tools", ())), warnings) == (tools, told)


@pytest.mark.parametrize(
    ("message", "setting"),
    [
        (Message(role="user", name="ann", parts=HELLO.parts), "messages.0.name"),
        (user(Text(text="a", cache="5m")), "messages.0.0.cache"),
        (user(Image(source=PNG, detail="low")), "messages.0.0.detail"),
        (Message(role="assistant", parts=(Refusal(text="No."),)), "messages.0.0"),
        (Message(role="assistant", parts=(Reasoning(signature="s"),)), "messages.0.0.signature"),
        (Message(role="assistant", parts=(Reasoning(encrypted="e"),)), "messages.0.0.encrypted"),
        (
            Message(role="assistant", parts=(Opaque(dialect="gemini", kind="k", data={}),)),
            "messages.0.0",
        ),
        (
            Message(role="assistant", parts=(ToolCall(id="1", name="f", signature="s"),)),
            "messages.0.0.signature",
        ),
        (
            Message(role="tool", parts=(ToolResult(call_id="1", is_error=True),)),
            "messages.0.0.is_error",
        ),
    ],
)
def test_what_has_no_place_is_told(message, setting):
    assert encode(message)[1] == [setting]


@pytest.mark.parametrize(
    "settings", [{"user": "u"}, {"metadata": {"a": "b"}}, {"parallel_tool_calls": True}]
)
def test_settings_that_ollama_has_not(settings):
    assert encode(**settings)[1] == list(settings)


def test_extras_of_another_dialect_and_of_ours():
    assert encode(extra={"logit_bias": {}}, extra_dialect="openai-chat")[1] == ["extra.logit_bias"]
    assert encode(extra={"stream": True})[1] == ["extra.stream"]


@pytest.mark.parametrize(
    "message",
    [
        user(Image(source=Remote(url="https://example.org/a.png"))),
        user(Audio(source=Inline(media_type="audio/wav", data=""))),
        user(File(source=Inline(media_type="application/pdf", data=""))),
        user(Opaque(dialect="gemini", kind="k", data={})),
    ],
)
def test_content_that_it_cannot_carry_is_refused(message):
    with pytest.raises(UnsupportedError) as caught:
        encode(message)
    assert caught.value.param == "messages.0.0"


@pytest.mark.parametrize(
    ("settings", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": (HostedTool(dialect="gemini", definition={}),)}, "tools.0"),
    ],
)
def test_settings_that_are_refused(settings, param):
    with pytest.raises(UnsupportedError) as caught:
        encode(**settings)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("messages", "settings", "param"),
    [
        ((), {"messages": ()}, "messages"),
        ((HELLO,), {"max_tokens": 0}, "max_tokens"),
        ((HELLO,), {"temperature": float("nan")}, "temperature"),
        ((HELLO,), {"top_k": 1.5}, "top_k"),
        ((Message(role="tool", parts=(Text(text="a"),)),), {}, "messages.0.0"),
        (
            (Message(role="assistant", parts=(ToolCall(id="1", name="f", arguments="{"),)),),
            {},
            "messages.0.0.arguments",
        ),
    ],
)
def test_what_is_wrong_is_refused(messages, settings, param):
    request = ChatRequest(**{"messages": messages, **settings})
    with pytest.raises(BadRequestError) as caught:
        OLLAMA.upstream["chat"].encode(request, Target(model="m"), False)
    assert caught.value.param == param


# ---------------------------------------------------------------- text completion


def test_text_to_complete():
    system = Message(role="system", parts=(Text(text="Be brief."),))
    body, warnings = encode(
        system,
        user(Image(source=PNG), Text(text="What?")),
        operation="complete",
        max_tokens=3,
        extra={"raw": True},
    )
    assert body == {
        "model": "m",
        "prompt": "What?",
        "images": [PNG.data],
        "system": "Be brief.",
        "options": {"num_predict": 3},
        "stream": False,
        "raw": True,
    }
    assert warnings == []


@pytest.mark.parametrize(
    ("messages", "settings"),
    [
        ((HELLO, HELLO), {}),
        ((HELLO, Message(role="assistant", parts=(Text(text="a"),))), {}),
        ((HELLO,), {"tools": (Tool(name="f"),)}),
    ],
)
def test_a_conversation_is_no_text_to_complete(messages, settings):
    with pytest.raises(UnsupportedError):
        encode(*messages, operation="complete", **settings)


# ---------------------------------------------------------------- vectors and models


def test_texts_to_embed():
    request = EmbedRequest(
        inputs=("a", "b"), dimensions=3, truncate=False, user="u", extra={"keep_alive": 1}
    )
    encoded = OLLAMA.upstream["embed"].encode(request, Target(model="m"), False)
    assert json.loads(encoded.body) == {
        "model": "m",
        "input": ["a", "b"],
        "dimensions": 3,
        "truncate": False,
        "keep_alive": 1,
    }
    assert [warning.setting for warning in encoded.warnings] == ["user"]


@pytest.mark.parametrize("one", [(1, 2), Image(source=PNG)])
def test_only_text_is_embedded(one):
    with pytest.raises(UnsupportedError) as caught:
        OLLAMA.upstream["embed"].encode(EmbedRequest(inputs=("a", one)), Target(model="m"), False)
    assert caught.value.param == "inputs.1"


def test_a_model_is_asked_for_by_a_body():
    codec = OLLAMA.upstream["model"]
    assert codec.path("m", False) == "/api/show"
    assert json.loads(codec.encode(None, Target(model="m"), False).body) == {"model": "m"}
    shown = {
        "details": {"family": "qwen3", "quantization_level": "Q4_K_M"},
        "modified_at": "2026-06-19T17:15:40.188240254-07:00",
        "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 262144},
    }
    model = codec.decode(json.dumps(shown).encode())
    assert (model.context_tokens, model.quantization) == (262144, "Q4_K_M")
    assert model.created == 1781914540
    for left_out in ("details", "model_info"):
        rest = {name: value for name, value in shown.items() if name != left_out}
        if left_out == "model_info":
            assert codec.decode(json.dumps(rest).encode()).context_tokens is None
