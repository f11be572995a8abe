"""Our own clients on a real engine, in the engine's two dialects."""

import json

import msgspec
import pytest

from modelway import Client, Tool, tool_result, user
from modelway.errors import APIConnectionError, ContextLengthError
from modelway.sync import Client as SyncClient
from modelway.types import NamedTool

MODELS = pytest.mark.parametrize("model", ["chat/tiny", "messages/tiny"])
ASK = "Tell me about the cat."
TOOL = Tool(
    name="get_weather",
    description="the weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 10}},
        "required": ["city"],
    },
)


@pytest.fixture
async def client(llama_config):
    async with Client(llama_config, environment={}) as opened:
        yield opened


@MODELS
async def test_a_stream_collects_to_the_whole_answer(client, model):
    asked = {"model": model, "temperature": 0, "max_tokens": 60}
    whole = await client.chat(ASK, **asked)
    streamed = await client.stream(ASK, **asked).collect()
    assert whole.text.strip()
    assert streamed.text == whole.text
    assert streamed.finish_reason == whole.finish_reason == "stop"
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert (whole.provider, whole.model) == (model.partition("/")[0], "tiny")
    assert whole.latency_s > 0


@MODELS
@pytest.mark.parametrize("choice", ["required", NamedTool(name="get_weather")])
async def test_a_tool_call_and_its_follow_up(client, model, choice):
    asked = {"model": model, "tools": [TOOL], "max_tokens": 300}
    whole = await client.chat(ASK, **asked, tool_choice=choice)
    streamed = await client.stream(ASK, **asked, tool_choice=choice).collect()
    for answer in (whole, streamed):
        assert answer.finish_reason == "tool_calls"
        (call,) = answer.tool_calls
        assert call.name == "get_weather"
        assert set(json.loads(call.arguments)) == {"city"}
    after = await client.chat(
        [user(ASK), whole.message, tool_result(whole.tool_calls[0], "sunny")], **asked
    )
    assert after.finish_reason in ("stop", "tool_calls", "length")


class Pet(msgspec.Struct):
    name: str
    age: int


async def test_a_type_s_schema_constrains_the_answer(client):
    answer = await client.chat(ASK, model="chat/tiny", max_tokens=400, seed=3, response_format=Pet)
    if answer.finish_reason == "stop":
        assert isinstance(msgspec.json.decode(answer.text, type=Pet), Pet)
    else:
        assert answer.text.lstrip().startswith("{")


@MODELS
async def test_a_full_context_is_its_own_error(client, model):
    with pytest.raises(ContextLengthError) as caught:
        await client.chat("x " * 6000, model=model, max_tokens=5)
    assert caught.value.model == "tiny"
    with pytest.raises(ContextLengthError):
        await client.stream("x " * 6000, model=model, max_tokens=5).collect()


async def test_what_is_there_and_what_is_not(client):
    assert [listed.id for listed in await client.list_models("chat")] == ["tiny"]
    assert await client.is_model_available("chat/tiny")
    assert not await client.is_model_available("chat/huge")
    assert all(health.ok for health in await client.health_check())
    assert (await client.count_tokens(ASK, model="messages/tiny")).input_tokens > 5


def test_the_sync_client_on_the_same_engine(llama_config):
    with SyncClient(llama_config, environment={}) as client:
        whole = client.chat(ASK, model="tiny", temperature=0, max_tokens=60)
        assert (
            client.stream(ASK, model="tiny", temperature=0, max_tokens=60).collect().text
            == whole.text
        )


async def test_a_server_that_is_not_there():
    config = {"providers": {"gone": {"like": "llamacpp", "base_url": "http://127.0.0.1:9/v1"}}}
    async with Client(config, environment={}) as client:
        with pytest.raises(APIConnectionError, match="gone"):
            await client.chat(ASK, model="gone/x", max_tokens=5)
