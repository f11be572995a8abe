"""The official openai SDK → the gateway → a real engine, in the engine's two dialects."""

import json

import openai
import pytest

MODELS = pytest.mark.parametrize("model", ["chat/tiny", "messages/tiny"])
ASK = [{"role": "user", "content": "Tell me about the cat."}]
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 10}},
    "required": ["city"],
}
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "the weather", "parameters": CITY},
}


@MODELS
def test_chat(openai_client, model):
    answer = openai_client.chat.completions.create(
        model=model, messages=ASK, max_tokens=60, temperature=0
    )
    choice = answer.choices[0]
    assert choice.message.content.strip()
    assert choice.finish_reason == "stop"
    assert answer.usage.prompt_tokens > 10
    assert answer.usage.completion_tokens > 1


@MODELS
def test_a_stream_says_what_the_whole_answer_says(openai_client, model):
    asked = {"model": model, "messages": ASK, "max_tokens": 60, "temperature": 0}
    whole = openai_client.chat.completions.create(**asked)
    chunks = list(
        openai_client.chat.completions.create(
            **asked, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    finishes = [
        c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason
    ]
    assert finishes == ["stop"]
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens


@MODELS
def test_usage_that_was_not_asked_for_is_not_sent(openai_client, model):
    chunks = list(
        openai_client.chat.completions.create(
            model=model, messages=ASK, max_tokens=20, temperature=0, stream=True
        )
    )
    assert all(chunk.choices for chunk in chunks)


@MODELS
def test_a_required_tool_call_and_its_follow_up(openai_client, model):
    answer = openai_client.chat.completions.create(
        model=model, messages=ASK, max_tokens=300, seed=5, tools=[TOOL], tool_choice="required"
    )
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    call = message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert set(json.loads(call.function.arguments)) == {"city"}
    after = openai_client.chat.completions.create(
        model=model,
        messages=[
            *ASK,
            message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
        ],
        max_tokens=60,
        seed=2,
        tools=[TOOL],
    )
    assert after.choices[0].finish_reason in ("stop", "tool_calls", "length")


@MODELS
def test_a_streamed_tool_call(openai_client, model):
    with openai_client.chat.completions.stream(
        model=model, messages=ASK, max_tokens=300, seed=5, tools=[TOOL], tool_choice="required"
    ) as stream:
        for _ in stream:
            pass
        answer = stream.get_final_completion()
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert set(json.loads(call.function.arguments)) == {"city"}
    assert answer.choices[0].finish_reason == "tool_calls"


def test_a_json_schema(openai_client):
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 12},
            "kind": {"enum": ["cat", "dog"]},
        },
        "required": ["name", "kind"],
        "additionalProperties": False,
    }
    answer = openai_client.chat.completions.create(
        model="tiny",
        messages=ASK,
        max_tokens=300,
        seed=3,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "pet", "strict": True, "schema": schema},
        },
    )
    value = json.loads(answer.choices[0].message.content)
    assert set(value) == {"name", "kind"}
    assert value["kind"] in ("cat", "dog")


@MODELS
def test_an_overflowing_context_is_named(openai_client, model):
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "x " * 6000}], max_tokens=5
        )
    assert caught.value.code == "context_length_exceeded"


def test_models(openai_client):
    names = [model.id for model in openai_client.models.list()]
    assert "tiny" in names
    assert "chat/tiny" in names
    assert openai_client.models.retrieve("chat/tiny").id == "chat/tiny"
    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve("nothing")


def test_an_unknown_model_is_told_with_those_that_are_near(openai_client):
    with pytest.raises(openai.NotFoundError, match="tiny"):
        openai_client.chat.completions.create(model="tiyn", messages=ASK)


def test_a_wrong_key(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model="tiny", messages=ASK)
        assert "sk-wrong" not in str(caught.value)


def test_logprobs_pass_through(openai_client):
    answer = openai_client.chat.completions.create(
        model="chat/tiny", messages=ASK, max_tokens=3, logprobs=True, top_logprobs=2
    )
    assert len(answer.choices[0].logprobs.content) == 3
    assert len(answer.choices[0].logprobs.content[0].top_logprobs) == 2
