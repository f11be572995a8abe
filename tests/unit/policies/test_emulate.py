"""Structured answers where a host has none: what is asked instead, and how it is read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.fold import fold, unfold
from modelway.messages import user
from modelway.policies.emulate.decide import decide
from modelway.policies.emulate.read import JsonText, TextReader, ToolReader
from modelway.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    JsonObject,
    JsonSchema,
    Message,
    Reasoning,
    Text,
    TextDelta,
    Thinking,
    Tool,
    ToolCall,
    ToolCallDelta,
)

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
OPENAI, ANTHROPIC = dialect("openai-chat"), dialect("anthropic-messages")
NONE = Quirks(json_schema=False)
TREE = {
    "$ref": "#/$defs/T",
    "$defs": {"T": {"type": "object", "properties": {"n": {"$ref": "#/$defs/T"}}}},
}


def asked(schema=SCHEMA, **more):
    form = JsonSchema(schema=schema) if isinstance(schema, dict) else schema
    return ChatRequest(model="m", messages=(user("q"),), response_format=form, **more)


@pytest.mark.parametrize(
    ("request_", "quirks", "spoken", "way"),
    [
        (asked(None), NONE, OPENAI, None),
        (asked(), Quirks(), OPENAI, None),
        (asked(), Quirks(), ANTHROPIC, None),
        (asked(JsonObject()), NONE, OPENAI, None),
        (asked(), NONE, OPENAI, "tool"),
        (asked(), NONE, ANTHROPIC, "tool"),
        (asked(), Quirks(schema_ignored_in=("openai-chat",)), OPENAI, "tool"),
        (asked(TREE), Quirks(), OPENAI, None),
        (asked(TREE), Quirks(), ANTHROPIC, "tool"),
        (asked({"type": "array"}), NONE, OPENAI, "instruction"),
        (asked(tools=(Tool(name="t"),)), NONE, OPENAI, "instruction"),
        (asked(thinking=Thinking(mode="enabled")), NONE, ANTHROPIC, "instruction"),
        (asked(thinking=Thinking(mode="disabled")), NONE, ANTHROPIC, "tool"),
        (asked(), Quirks(json_schema=False, drop=("tools",)), OPENAI, "instruction"),
        (asked(), Quirks(drop=("response_format",)), OPENAI, "tool"),
        (asked(JsonObject()), Quirks(), ANTHROPIC, "instruction"),
        (asked(), Quirks(), OPENAI._replace(schema_subset=None, tools=False), "instruction"),
    ],
)
def test_how_a_form_is_asked_for(request_, quirks, spoken, way):
    found = decide(request_, quirks, spoken)
    if way is None:
        assert found is None
        return
    assert way in found.warning.message
    assert found.warning.setting == "response_format"
    if way == "tool":
        assert [tool.parameters.get("type") for tool in found.request.tools] == ["object"]
        assert (found.request.tool_choice, found.request.response_format) == ("required", None)
    else:
        said = found.request.messages[0]
        assert said.role == "system"
        assert "JSON" in said.parts[0].text
        assert found.request.tools == request_.tools
        assert not isinstance(found.request.response_format, JsonSchema)


def test_an_instruction_stands_after_the_callers_own():
    own = Message(role="system", parts=(Text(text="be kind"),))
    request = replace(asked(tools=(Tool(name="t"),)), messages=(own, user("q")))
    found = decide(request, NONE, OPENAI)
    assert [message.role for message in found.request.messages] == ["system", "system", "user"]
    assert found.request.messages[0] is own
    assert isinstance(found.request.response_format, JsonObject)


# ---------------------------------------------------------------- reading

PIECES = st.sampled_from(
    [
        Text(text='{"a": 1}'),
        Text(text='Here: {"a": "}\\"{"} and more'),
        Text(text="no"),
        Reasoning(text="hm", signature="s"),
        ToolCall(id="1", name="answer", arguments='{"a": 1}'),
        ToolCall(id="2", name="answer", arguments='{"a": 2}'),
    ]
)
ANSWERS = st.lists(
    st.builds(
        Choice,
        message=st.lists(PIECES, max_size=4).map(
            lambda p: Message(role="assistant", parts=tuple(p))
        ),
        finish_reason=st.sampled_from(["stop", "tool_calls", "length"]),
    ),
    min_size=1,
    max_size=2,
).map(lambda choices: ChatResponse(choices=tuple(choices)))


def in_pieces(events, size):
    """The same events, their texts cut small."""
    for event in events:
        name = {TextDelta: "text", ToolCallDelta: "arguments"}.get(type(event))
        if name is None:
            yield event
            continue
        text = getattr(event, name)
        for at in range(0, max(len(text), 1), size):
            yield replace(event, **{name: text[at : at + size]})


@pytest.mark.parametrize("make", [ToolReader, TextReader])
@given(answer=ANSWERS, size=st.integers(1, 5), batch=st.integers(1, 4))
def test_a_stream_is_read_as_the_whole(make, answer, size, batch):
    events = list(in_pieces(unfold(answer), size))
    reader, out = make(), []
    for at in range(0, len(events), batch):
        out += reader.feed(events[at : at + batch])
    assert fold(out).choices == make().whole(answer).choices


@pytest.mark.parametrize(
    ("parts", "text", "reason"),
    [
        ((ToolCall(id="1", name="x", arguments='{"a":1}'),), '{"a":1}', "stop"),
        ((Text(text="I call"), ToolCall(id="1", name="x", arguments="{}")), "{}", "stop"),
        ((Text(text='```json\n{"a":1}\n```'),), '{"a":1}', "tool_calls"),
        ((Text(text="I will not."),), "I will not.", "tool_calls"),
        ((), "", "tool_calls"),
    ],
)
def test_a_tools_arguments_are_the_text(parts, text, reason):
    choice = Choice(message=Message(role="assistant", parts=parts), finish_reason="tool_calls")
    found = ToolReader().whole(ChatResponse(choices=(choice,)))
    assert (found.text, found.finish_reason, found.tool_calls) == (text, reason, ())


@given(
    value=st.dictionaries(st.text(), st.text() | st.lists(st.text(), max_size=2), max_size=3),
    around=st.tuples(st.text("ab \n`}]"), st.text()),
    size=st.integers(1, 7),
)
def test_json_is_found_in_any_text_in_any_pieces(value, around, size):
    inner = json.dumps(value)
    text = around[0] + inner + around[1]
    reader = JsonText("{")
    found = "".join([reader.feed(text[at : at + size]) for at in range(0, len(text), size)])
    assert found + reader.close() == inner
