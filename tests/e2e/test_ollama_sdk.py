"""Ollama's own Python client at the gateway: any provider behind it, and a server of Ollama's API."""

from __future__ import annotations

import base64
import json

import ollama
import openai
import pytest

import modelway
from modelway.simulator.serve import SimulatorThread
from modelway.testing.scenarios import PIXEL
from support.origin_server import chunked, plain, serve
from support.serving import served

HELLO = [{"role": "user", "content": "Tell me about rivers."}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
LINES = [
    {"message": {"role": "assistant", "content": "", "thinking": "Rivers…"}, "done": False},
    {"message": {"role": "assistant", "content": "They "}, "done": False},
    {"message": {"role": "assistant", "content": "flow."}, "done": False},
    {
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "total_duration": 9,
        "prompt_eval_count": 12,
        "prompt_eval_cached_count": 4,
        "eval_count": 5,
    },
]
HEAD = {"model": "qwen3:4b", "created_at": "2026-11-21T10:00:00.5Z"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with SimulatorThread() as simulator:
        base = f"{simulator.base_url}/v1"
        plain_row = {"like": "simulator", "base_url": base, "retries": 0}
        providers = {
            "oai": plain_row,
            "ant": {**plain_row, "dialect": "anthropic-messages"},
            "oll": {"like": "ollama", "base_url": simulator.base_url, "retries": 0},
        }
        with served({"providers": providers}, tmp_path_factory.mktemp("state")) as running:
            yield running


@pytest.fixture
def client(gateway):
    made = ollama.Client(gateway.url, headers={"authorization": f"Bearer {gateway.key}"})
    yield made
    made._client.close()


@pytest.mark.parametrize("provider", ["oai", "ant", "oll"])
def test_a_chat_with_any_provider(client, provider):
    whole = client.chat(f"{provider}/sim-demo", HELLO, options={"num_predict": 50})
    assert whole.message.content
    assert whole.done
    assert whole.done_reason == "stop"
    assert whole.prompt_eval_count > 0
    assert whole.eval_count > 0
    streamed = list(client.chat(f"{provider}/sim-demo", HELLO, stream=True))
    assert "".join([part.message.content for part in streamed]) == whole.message.content
    assert [part.done for part in streamed[-2:]] == [False, True]
    assert streamed[-1].prompt_eval_count == whole.prompt_eval_count


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["oai", "ant", "oll"])
def test_a_tool_loop(client, provider, stream):
    messages = [{"role": "user", "content": "What is the weather in Berlin?"}]
    asked = client.chat(f"{provider}/sim-demo", messages, tools=[WEATHER], stream=stream)
    answers = list(asked) if stream else [asked]
    calls = [call for part in answers for call in part.message.tool_calls or ()]
    assert [call.function.name for call in calls] == ["get_weather"]
    messages += [
        {"role": "assistant", "tool_calls": [call.model_dump() for call in calls]},
        {"role": "tool", "tool_name": "get_weather", "content": "rain"},
    ]
    again = client.chat(f"{provider}/sim-demo", messages, tools=[WEATHER])
    assert again.message.content


@pytest.mark.parametrize("provider", ["oai", "ant", "oll"])
def test_text_to_complete_is_a_turn_of_a_chat(client, provider):
    whole = client.generate(f"{provider}/sim-demo", "Tell me about rivers.", system="Be brief.")
    assert whole.response
    assert whole.done
    streamed = client.generate(f"{provider}/sim-demo", "Tell me about rivers.", stream=True)
    assert "".join([part.response for part in streamed])


@pytest.mark.parametrize("provider", ["oai", "oll"])
def test_vectors(client, provider):
    got = client.embed(f"{provider}/sim-demo", ["one", "two"])
    assert [len(vector) > 1 for vector in got.embeddings] == [True, True]


def test_models_and_one_of_them(client):
    names = [model.model for model in client.list().models]
    assert "oai/sim-demo" in names
    shown = client.show("oai/sim-demo")
    assert shown.capabilities == ["completion"]
    with pytest.raises(ollama.ResponseError) as caught:
        client.show("nobody/has-this")
    assert caught.value.status_code == 404


def test_a_refusal_has_ollamas_form(client):
    with pytest.raises(ollama.ResponseError, match="no model is called") as caught:
        client.chat("no-such-model-at-all", HELLO)
    assert caught.value.status_code == 404


def test_the_version_says_which_api_is_spoken(gateway, client):
    told = client._client.get("/api/version").json()
    assert told["version"].count(".") == 2


# ---------------------------------------------------------------- a server of Ollama's API behind it


def line(**more):
    return json.dumps({**HEAD, **more}).encode() + b"\n"


STREAMED = chunked(
    *[line(**one) for one in LINES], headers=(b"content-type: application/x-ndjson",)
)
WHOLE = plain(
    line(
        **{**LINES[-1], "message": {"role": "assistant", "content": "They flow.", "thinking": "R"}}
    ),
    b"content-type: application/json",
)


def behind(origin, **more):
    return {
        "providers": {
            "ollama": {"base_url": f"http://127.0.0.1:{origin.port}/v1", "retries": 0, **more}
        }
    }


@pytest.mark.parametrize("answer", [WHOLE, STREAMED], ids=["whole", "streamed"])
async def test_the_sdk_asks_a_server_of_ollamas_api(answer):
    async with serve(answer) as origin, modelway.Client(behind(origin)) as client:
        question = {
            "model": "ollama/qwen3:4b",
            "max_tokens": 50,
            "thinking": modelway.Thinking(effort="low"),
            "extra": {"keep_alive": "1h", "options": {"num_ctx": 8192}},
        }
        if answer is WHOLE:
            got = await client.chat("Rivers?", **question)
        else:
            got = await client.stream("Rivers?", **question).collect()
    [asked] = origin.requests
    assert asked.target == "/api/chat"
    assert json.loads(asked.body) == {
        "model": "qwen3:4b",
        "messages": [{"role": "user", "content": "Rivers?"}],
        "think": "low",
        "keep_alive": "1h",
        "options": {"num_ctx": 8192, "num_predict": 50},
        "stream": answer is STREAMED,
    }
    assert got.text == "They flow."
    assert got.reasoning
    assert (got.usage.input_tokens, got.usage.cached_tokens, got.usage.output_tokens) == (12, 4, 5)
    assert got.usage.raw["total_duration"] == 9


async def test_a_client_s_bytes_reach_a_server_of_its_own_api(tmp_path):
    """Images, unknown fields and the prompt's own endpoint; unless it is told, it streams."""
    async with serve(STREAMED, WHOLE, WHOLE) as origin:
        extra = {"options": {"num_ctx": 8192}}
        with served(behind(origin, extra=extra), tmp_path) as running:
            key = {"authorization": f"Bearer {running.key}"}
            client = ollama.AsyncClient(running.url, headers=key)
            image = base64.b64decode(PIXEL)
            asked = [{"role": "user", "content": "What?", "images": [image]}]
            parts = [
                part
                async for part in await client.chat(
                    "ollama/gemma4", asked, stream=True, options={"mirostat": 1}, keep_alive=0
                )
            ]
            assert "".join([part.message.content for part in parts]) == "They flow."
            assert parts[0].message.thinking == "Rivers…"
            assert parts[-1].total_duration == 9
            await client.generate("ollama/coder", "def f(", suffix="return 1", raw=True)
            await client._client.aclose()
    chatted, completed = origin.requests[:2]
    assert json.loads(chatted.body) == {
        "model": "gemma4",
        "messages": [{"role": "user", "content": "What?", "images": [PIXEL]}],
        "tools": [],
        "stream": True,
        "options": {"mirostat": 1, "num_ctx": 8192},
        "keep_alive": 0,
    }
    assert completed.target == "/api/generate"
    assert json.loads(completed.body)["suffix"] == "return 1"
    assert json.loads(completed.body)["raw"] is True


async def test_openai_s_client_gets_what_a_server_of_ollamas_api_says(tmp_path):
    async with serve(STREAMED) as origin:
        with served(behind(origin), tmp_path) as running:
            client = openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key=running.key)
            stream = await client.chat.completions.create(
                model="ollama/qwen3:4b", messages=HELLO, stream=True, reasoning_effort="low"
            )
            chunks = [chunk async for chunk in stream]
            await client.close()
    said = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(said) == "They flow."
    assert json.loads(origin.requests[0].body)["think"] == "low"
    assert {chunk.created for chunk in chunks} == {1795255200}
    [id_] = {chunk.id for chunk in chunks}
    assert id_, "ours, as this API has none"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_and_a_stream_that_breaks(stream):
    refused = plain(b'{"error": "model not found"}', status=b"404 Not Found")
    broken = chunked(
        line(**LINES[1]),
        b'{"error": "the runner has ended"}\n',
        headers=(b"content-type: application/x-ndjson",),
    )
    async with (
        serve(broken if stream else refused) as origin,
        modelway.Client(behind(origin)) as client,
    ):
        if stream:
            with pytest.raises(modelway.LLMError, match="the runner has ended"):
                async with client.stream("Hello", model="ollama/m") as answer:
                    [_ async for _ in answer]
        else:
            with pytest.raises(modelway.NotFoundError, match="model not found"):
                await client.chat("Hello", model="ollama/m")
