"""The vendors' own SDKs against the simulator: what it says is what they understand."""

import json

import anthropic
import openai
import pytest

from modelway.simulator.script import ListedModel, Reply, Rule, Script, ScriptedCall, ScriptedUsage
from modelway.simulator.serve import SimulatorThread

QUESTION = [{"role": "user", "content": "What is the weather in Paris?"}]
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
OPENAI_TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": PARAMETERS, "strict": True},
}
ANTHROPIC_TOOL = {"name": "get_weather", "input_schema": PARAMETERS}


@pytest.fixture(scope="module")
def running():
    with SimulatorThread() as running:
        yield running


def openai_client(running):
    return openai.OpenAI(base_url=running.base_url + "/v1", api_key="k", max_retries=0)


def anthropic_client(running):
    return anthropic.Anthropic(base_url=running.base_url, api_key="k", max_retries=0)


@pytest.fixture
def openai_sdk(running):
    with openai_client(running) as client:
        yield client


@pytest.fixture
def anthropic_sdk(running):
    with anthropic_client(running) as client:
        yield client


# ---------------------------------------------------------------- openai


def test_openai_whole_and_streamed_say_the_same(openai_sdk):
    answer = openai_sdk.chat.completions.create(model="gpt-4o", messages=QUESTION)
    text = answer.choices[0].message.content
    assert "What is the weather in Paris?" in text
    assert answer.id.startswith("chatcmpl-")
    assert answer._request_id.startswith("req_")
    chunks = list(
        openai_sdk.chat.completions.create(
            model="gpt-4o",
            messages=QUESTION,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert "".join([c.choices[0].delta.content or "" for c in chunks if c.choices]) == text
    assert chunks[-1].usage == answer.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_openai_tools_go_round(openai_sdk):
    turns = list(QUESTION)
    answer = openai_sdk.chat.completions.create(model="m", messages=turns, tools=[OPENAI_TOOL])
    call = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert json.loads(call.function.arguments) == {"city": "Paris", "days": 2}
    turns.append(answer.choices[0].message.model_dump(exclude_none=True, exclude={"annotations"}))
    turns.append({"role": "tool", "tool_call_id": call.id, "content": "19 degrees"})
    answer = openai_sdk.chat.completions.create(model="m", messages=turns, tools=[OPENAI_TOOL])
    assert "19 degrees" in answer.choices[0].message.content


def test_openai_sdk_gathers_streamed_tool_calls(openai_sdk):
    with openai_sdk.chat.completions.stream(
        model="sim-tools",
        messages=QUESTION,
        tools=[
            OPENAI_TOOL,
            {"type": "function", "function": {**OPENAI_TOOL["function"], "name": "get_time"}},
        ],
    ) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert all(json.loads(call.function.arguments)["city"] == "Paris" for call in calls)


def test_openai_choices_logprobs_and_structured_output(openai_sdk):
    answer = openai_sdk.chat.completions.create(
        model="m", messages=QUESTION, n=2, logprobs=True, top_logprobs=1
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[1].logprobs.content[0].top_logprobs
    schema = {"name": "report", "schema": PARAMETERS, "strict": True}
    answer = openai_sdk.chat.completions.create(
        model="m", messages=QUESTION, response_format={"type": "json_schema", "json_schema": schema}
    )
    assert json.loads(answer.choices[0].message.content)["city"] == "Paris"


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("sim-400", openai.BadRequestError),
        ("sim-401", openai.AuthenticationError),
        ("sim-403", openai.PermissionDeniedError),
        ("sim-404", openai.NotFoundError),
        ("sim-429", openai.RateLimitError),
        ("sim-500", openai.InternalServerError),
        ("sim-529", openai.InternalServerError),
        ("sim-drop", openai.APIConnectionError),
    ],
)
def test_openai_errors(openai_sdk, model, kind):
    with pytest.raises(kind) as caught:
        openai_sdk.chat.completions.create(model=model, messages=QUESTION)
    if isinstance(caught.value, openai.APIStatusError):
        assert caught.value.request_id.startswith("req_")
        assert caught.value.type


def test_openai_error_inside_a_stream(openai_sdk):
    stream = openai_sdk.chat.completions.create(
        model="sim-stream-error", messages=QUESTION, stream=True
    )
    with pytest.raises(openai.APIError, match="overloaded"):
        list(stream)


def test_openai_models(openai_sdk):
    names = [model.id for model in openai_sdk.models.list()]
    assert "sim-echo" in names
    assert openai_sdk.models.retrieve("sim-echo").owned_by == "modelway-simulator"


# ---------------------------------------------------------------- anthropic


def test_anthropic_whole_and_streamed_say_the_same(anthropic_sdk):
    answer = anthropic_sdk.messages.create(model="claude", max_tokens=500, messages=QUESTION)
    assert "What is the weather in Paris?" in answer.content[0].text
    assert answer.id.startswith("msg_01")
    assert answer._request_id.startswith("req_01")
    with anthropic_sdk.messages.stream(model="claude", max_tokens=500, messages=QUESTION) as stream:
        final = stream.get_final_message()
    assert final.content[0].text == answer.content[0].text
    assert final.stop_reason == answer.stop_reason == "end_turn"
    assert final.usage.input_tokens == answer.usage.input_tokens
    assert final.usage.output_tokens == answer.usage.output_tokens


def test_anthropic_tools_and_thinking_go_round(anthropic_sdk):
    fields = {
        "model": "claude",
        "max_tokens": 2000,
        "tools": [ANTHROPIC_TOOL],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    with anthropic_sdk.messages.stream(messages=QUESTION, **fields) as stream:
        first = stream.get_final_message()
    assert [block.type for block in first.content] == ["thinking", "tool_use"]
    assert first.content[0].signature
    assert first.content[1].input == {"city": "Paris", "days": 2}
    assert first.stop_reason == "tool_use"
    result = {"type": "tool_result", "tool_use_id": first.content[1].id, "content": "19 degrees"}
    turns = [
        *QUESTION,
        {"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in first.content]},
        {"role": "user", "content": [result]},
    ]
    second = anthropic_sdk.messages.create(messages=turns, **fields)
    assert "19 degrees" in second.content[-1].text


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("sim-400", anthropic.BadRequestError),
        ("sim-401", anthropic.AuthenticationError),
        ("sim-403", anthropic.PermissionDeniedError),
        ("sim-404", anthropic.NotFoundError),
        ("sim-413", anthropic.RequestTooLargeError),
        ("sim-429", anthropic.RateLimitError),
        ("sim-500", anthropic.InternalServerError),
        ("sim-529", anthropic.OverloadedError),
        ("sim-drop", anthropic.APIConnectionError),
    ],
)
def test_anthropic_errors(anthropic_sdk, model, kind):
    with pytest.raises(kind) as caught:
        anthropic_sdk.messages.create(model=model, max_tokens=5, messages=QUESTION)
    if isinstance(caught.value, anthropic.APIStatusError):
        assert caught.value.request_id.startswith("req_01")


def test_anthropic_error_inside_a_stream(anthropic_sdk):
    with (
        pytest.raises(anthropic.APIStatusError, match="Overloaded"),
        anthropic_sdk.messages.stream(
            model="sim-stream-error", max_tokens=50, messages=QUESTION
        ) as stream,
    ):
        stream.get_final_message()


def test_anthropic_counts_and_models(anthropic_sdk):
    counted = anthropic_sdk.messages.count_tokens(model="claude", messages=QUESTION)
    answer = anthropic_sdk.messages.create(model="claude", max_tokens=5, messages=QUESTION)
    assert counted.input_tokens == answer.usage.input_tokens
    assert answer.stop_reason == "max_tokens"
    names = [model.id for model in anthropic_sdk.models.list(limit=3)]
    assert len(names) == len(set(names)) > 3


# ---------------------------------------------------------------- scripted


def test_a_script_is_followed_through_the_sdks():
    script = Script(
        models=(ListedModel(id="only-one"),),
        only_listed_models=True,
        rules=(
            Rule(
                reply=(
                    Reply(
                        tool_calls=(ScriptedCall(name="look", arguments={"at": "sky"}, id="c1"),)
                    ),
                    Reply(text="It is {tool_result}.", usage=ScriptedUsage(cached_tokens=4)),
                )
            ),
        ),
    )
    with SimulatorThread(script) as running, openai_client(running) as client:
        tool = {"type": "function", "function": {"name": "look"}}
        first = client.chat.completions.create(model="only-one", messages=QUESTION, tools=[tool])
        call = first.choices[0].message.tool_calls[0]
        assert (call.id, call.function.arguments) == ("c1", '{"at":"sky"}')
        turns = [
            *QUESTION,
            {"role": "assistant", "tool_calls": [call.model_dump()]},
            {"role": "tool", "tool_call_id": "c1", "content": "blue"},
        ]
        second = client.chat.completions.create(model="only-one", messages=turns, tools=[tool])
        assert second.choices[0].message.content == "It is blue."
        assert second.usage.prompt_tokens_details.cached_tokens == 4
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="another", messages=QUESTION)
        assert running.simulator.requests[1].header("authorization") == "Bearer k"
