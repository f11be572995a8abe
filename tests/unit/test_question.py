"""What is written by keyword becomes a request, or a refusal that names its fault."""

from __future__ import annotations

import pytest

from modelway import messages
from modelway.errors import BadRequestError
from modelway.question import Parameters, chat_request
from modelway.types import ChatRequest, Image, Message, Remote, Text, Tool, ToolCall, ToolResult


def test_the_parameters_are_the_requests_fields():
    assert set(Parameters.__annotations__) == set(ChatRequest.__struct_fields__) - {
        "model",
        "messages",
    }


@pytest.mark.parametrize(
    ("prompt", "system", "roles"),
    [
        ("Hi", None, ["user"]),
        ("Hi", "Be brief.", ["system", "user"]),
        ([messages.user("a"), messages.assistant("b")], None, ["user", "assistant"]),
        ((messages.user("a"),), "Be brief.", ["system", "user"]),
        (ChatRequest(messages=(messages.user("a"),)), "Be brief.", ["system", "user"]),
    ],
)
def test_a_prompt_becomes_messages(prompt, system, roles):
    request = chat_request(prompt, "m", system, {})
    assert [message.role for message in request.messages] == roles
    assert request.model == "m"


def test_nothing_is_injected():
    assert chat_request("Hi", None, None, {}) == ChatRequest(messages=(messages.user("Hi"),))


def test_a_request_is_amended_only_where_said():
    made = ChatRequest(model="a", messages=(messages.user("Hi"),), temperature=0.5, top_p=0.9)
    assert chat_request(made, None, None, {}) is made
    amended = chat_request(made, "b", None, {"temperature": 0.0, "stop": ["x", "y"]})
    assert amended == ChatRequest(
        model="b", messages=made.messages, temperature=0.0, top_p=0.9, stop=("x", "y")
    )


def test_sequences_become_tuples():
    tool = Tool(name="look")
    request = chat_request("Hi", None, None, {"tools": [tool], "stop": "END", "tags": ["a"]})
    assert (request.tools, request.stop, request.tags) == ((tool,), ("END",), ("a",))


@pytest.mark.parametrize(
    ("parameters", "path"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"tools": [7]}, "tools[0]"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"stop": [1]}, "stop[0]"),
        ({"metadata": {"a": 1}}, "metadata[...]"),
    ],
)
def test_a_wrong_value_is_named_by_its_path(parameters, path):
    with pytest.raises(BadRequestError) as caught:
        chat_request("Hi", "m", None, parameters)
    assert caught.value.param == path
    assert caught.value.message.startswith(path)


def test_a_wrong_keyword_is_a_type_error_with_the_nearest_name():
    with pytest.raises(TypeError, match="did you mean 'max_tokens'"):
        chat_request("Hi", "m", None, {"max_token": 1})
    with pytest.raises(TypeError, match="goes in extra"):
        chat_request("Hi", "m", None, {"zzz": 1})


@pytest.mark.parametrize("prompt", [["Hi"], [{"role": "user", "content": "Hi"}], [None]])
def test_what_is_no_message_is_refused(prompt):
    with pytest.raises(BadRequestError, match=r"messages\[0\]"):
        chat_request(prompt, "m", None, {})


def test_messages_in_few_words():
    image = Image(source=Remote(url="https://example.org/cat.png"))
    said = messages.user("What is this?", image)
    assert said == Message(role="user", parts=(Text(text="What is this?"), image))
    call = ToolCall(id="call_1", name="look")
    assert messages.tool_result(call, "a cat", is_error=False) == Message(
        role="tool",
        parts=(
            ToolResult(call_id="call_1", name="look", parts=(Text(text="a cat"),), is_error=False),
        ),
    )
