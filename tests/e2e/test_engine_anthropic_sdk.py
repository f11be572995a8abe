"""The official anthropic SDK → the gateway → a real engine, in the engine's two dialects."""

import anthropic
import pytest

MODELS = pytest.mark.parametrize("model", ["chat/tiny", "messages/tiny"])
ASK = [{"role": "user", "content": "Tell me about the cat."}]
TOOL = {
    "name": "get_weather",
    "description": "the weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 10}},
        "required": ["city"],
    },
}


@MODELS
def test_chat(anthropic_client, model):
    answer = anthropic_client.messages.create(
        model=model, messages=ASK, max_tokens=60, extra_body={"temperature": 0}, system="Be brief."
    )
    assert answer.content[0].text.strip()
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0) > 10
    assert answer.usage.output_tokens > 1


@MODELS
def test_a_stream_says_what_the_whole_answer_says(anthropic_client, model):
    asked = {"model": model, "messages": ASK, "max_tokens": 60, "extra_body": {"temperature": 0}}
    whole = anthropic_client.messages.create(**asked)
    with anthropic_client.messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == whole.content[0].text
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == whole.usage.output_tokens


@MODELS
def test_a_required_tool_call_and_its_follow_up(anthropic_client, model):
    answer = anthropic_client.messages.create(
        model=model, messages=ASK, max_tokens=300, tools=[TOOL], tool_choice={"type": "any"}
    )
    assert answer.stop_reason == "tool_use"
    call = next(block for block in answer.content if block.type == "tool_use")
    assert call.name == "get_weather"
    assert set(call.input) == {"city"}
    after = anthropic_client.messages.create(
        model=model,
        messages=[
            *ASK,
            {"role": "assistant", "content": [call.model_dump(exclude_none=True)]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}],
            },
        ],
        max_tokens=60,
        tools=[TOOL],
    )
    assert after.stop_reason in ("end_turn", "tool_use", "max_tokens")


@MODELS
def test_a_streamed_tool_call(anthropic_client, model):
    with anthropic_client.messages.stream(
        model=model, messages=ASK, max_tokens=300, tools=[TOOL], tool_choice={"type": "any"}
    ) as stream:
        final = stream.get_final_message()
    call = next(block for block in final.content if block.type == "tool_use")
    assert call.name == "get_weather"
    assert set(call.input) == {"city"}
    assert final.stop_reason == "tool_use"


@MODELS
def test_tokens_are_counted(anthropic_client, model):
    assert anthropic_client.messages.count_tokens(model=model, messages=ASK).input_tokens > 5


@MODELS
def test_an_overflowing_context_is_refused(anthropic_client, model):
    with pytest.raises(anthropic.BadRequestError):
        anthropic_client.messages.create(
            model=model, messages=[{"role": "user", "content": "x " * 6000}], max_tokens=5
        )


def test_models(anthropic_client):
    assert "tiny" in [model.id for model in anthropic_client.models.list()]


def test_a_wrong_key(gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key="sk-wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            client.messages.create(model="tiny", messages=ASK, max_tokens=9)
        assert "sk-wrong" not in str(caught.value)


def test_an_unknown_model(anthropic_client):
    with pytest.raises(anthropic.NotFoundError, match="tiny"):
        anthropic_client.messages.create(model="tiyn", messages=ASK, max_tokens=9)
