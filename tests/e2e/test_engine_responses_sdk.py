"""The official openai SDK's Responses API, embeddings and completions → the gateway → a real engine.

The engine is spoken to in each of its three dialects, whatever the client speaks.
"""

import base64
import json
import struct

import httpx
import openai
import pydantic
import pytest

from support.llama_server import llama_server
from support.serving import served
from support.tiny_model import build

MODELS = pytest.mark.parametrize("model", ["chat/tiny", "messages/tiny", "responses/tiny"])
ASK = "Tell me about the cat."
TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "the weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 10}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Pet(pydantic.BaseModel):
    kind: bool


@pytest.fixture(scope="module")
def gateway(llama_url, tmp_path_factory):
    model = build(tmp_path_factory.mktemp("model") / "tiny.gguf")
    with llama_server(model, "embed") as embed, llama_server(model, "rerank") as rerank:
        urls = {"chat": llama_url, "messages": llama_url, "responses": llama_url}
        dialects = {"messages": "anthropic-messages", "responses": "openai-responses"}
        providers = {
            name: {"like": "llamacpp", "base_url": f"{url}/v1"}
            for name, url in {**urls, "embed": embed, "rerank": rerank}.items()
        }
        for name, dialect in dialects.items():
            providers[name]["dialect"] = dialect
        with served({"providers": providers}, tmp_path_factory.mktemp("state")) as running:
            yield running


@pytest.fixture
def client(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as made:
        yield made


@MODELS
def test_a_response(client, model):
    answer = client.responses.create(
        model=model, input=ASK, instructions="Be brief.", max_output_tokens=60, temperature=0
    )
    assert answer.output_text.strip()
    assert answer.status == "completed"
    assert answer.object == "response"
    assert answer.usage.input_tokens > 10
    assert answer.usage.output_tokens > 1
    if model != "responses/tiny":  # whose own bytes say less
        assert answer.instructions == "Be brief."
        assert answer.max_output_tokens == 60


@MODELS
def test_what_reaches_its_cap_is_incomplete(client, model):
    asked = {"model": model, "input": "the " * 20, "max_output_tokens": 1, "temperature": 0}
    answer = client.responses.create(**asked)
    if model == "responses/tiny":
        assert answer.status in ("completed", "incomplete")  # as the engine's bytes say
        return
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"
    events = list(client.responses.create(**asked, stream=True))
    assert events[-1].type == "response.incomplete"


@MODELS
def test_a_stream_says_what_the_whole_says(client, model):
    asked = {"model": model, "input": ASK, "max_output_tokens": 60, "temperature": 0}
    whole = client.responses.create(**asked)
    events = list(client.responses.create(**asked, stream=True))
    text = "".join([e.delta for e in events if e.type == "response.output_text.delta"])
    assert text == whole.output_text
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == text
    assert events[-1].response.usage.output_tokens == whole.usage.output_tokens
    if model != "responses/tiny":
        assert [event.sequence_number for event in events] == list(range(len(events)))
        ids = {e.item_id for e in events if hasattr(e, "item_id")}
        assert ids == {item.id for item in events[-1].response.output}


@pytest.mark.parametrize("model", ["chat/tiny", "messages/tiny"])
def test_the_sdk_s_stream_helper(client, model):
    with client.responses.stream(
        model=model, input=ASK, max_output_tokens=60, temperature=0
    ) as stream:
        snapshots = [e.snapshot for e in stream if e.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert snapshots[-1] == final.output_text
    assert final.status == "completed"


@pytest.mark.parametrize("model", ["chat/tiny", "messages/tiny"])
def test_a_streamed_tool_call_and_its_follow_up(client, model):
    with client.responses.stream(
        model=model,
        input=ASK,
        max_output_tokens=300,
        tools=[TOOL],
        tool_choice="required",
        temperature=0,
    ) as stream:
        events = list(stream)
        final = stream.get_final_response()
    call = next(item for item in final.output if item.type == "function_call")
    assert call.name == "get_weather"
    assert set(json.loads(call.arguments)) == {"city"}
    deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == call.arguments
    after = client.responses.create(
        model=model,
        input=[
            {"role": "user", "content": ASK},
            *[item.model_dump(exclude_none=True) for item in final.output],
            {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"},
        ],
        max_output_tokens=60,
        tools=[TOOL],
    )
    assert after.status in ("completed", "incomplete")
    assert after.output


@pytest.mark.parametrize("model", ["chat/tiny"])
def test_parsed_output(client, model):
    answer = client.responses.parse(
        model=model, input=ASK, max_output_tokens=100, temperature=0, text_format=Pet
    )
    assert isinstance(answer.output_parsed, Pet)
    with client.responses.stream(
        model=model, input=ASK, max_output_tokens=100, temperature=0, text_format=Pet
    ) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_parsed == answer.output_parsed


@MODELS
def test_input_tokens_are_counted(client, model):
    counted = client.responses.input_tokens.count(model=model, input=ASK)
    assert counted.input_tokens > 5


@MODELS
def test_an_overflowing_context_is_named(client, model):
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model, input="x " * 6000, max_output_tokens=5)
    assert caught.value.code == "context_length_exceeded"


def test_embeddings(client):
    packed = client.embeddings.create(model="embed/tiny", input=["the cat", "a dog"])
    plain = client.embeddings.create(
        model="embed/tiny", input=["the cat", "a dog"], encoding_format="float"
    )
    assert len(packed.data) == 2
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)
    assert packed.data[0].embedding != packed.data[1].embedding
    assert packed.usage.prompt_tokens > 0
    tokens = client.embeddings.create(model="embed/tiny", input=[[1, 2, 3]])
    assert len(tokens.data[0].embedding) == len(packed.data[0].embedding)


def test_vectors_are_written_as_they_were_asked_for(gateway):
    def ask(**more):
        return httpx.post(
            f"{gateway.url}/v1/embeddings",
            json={"model": "embed/tiny", "input": "the cat", **more},
            headers={"authorization": f"Bearer {gateway.key}"},
        ).json()["data"][0]["embedding"]

    packed, plain = ask(encoding_format="base64"), ask()
    data = base64.b64decode(packed)
    assert list(struct.unpack(f"<{len(data) // 4}f", data)) == pytest.approx(plain, abs=1e-6)


def test_reranking(gateway):
    answer = httpx.post(
        f"{gateway.url}/v1/rerank",
        json={
            "model": "rerank/tiny",
            "query": "cat",
            "documents": ["the cat", "a dog", "x"],
            "top_n": 2,
        },
        headers={"authorization": f"Bearer {gateway.key}"},
    )
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert len(results) == 2
    assert results[0]["relevance_score"] >= results[1]["relevance_score"]


@MODELS
def test_a_text_completion(client, model):
    asked = {"model": model, "prompt": "the cat", "max_tokens": 20, "temperature": 0}
    whole = client.completions.create(**asked)
    assert whole.object == "text_completion"
    assert whole.choices[0].text.strip()
    assert whole.choices[0].finish_reason in ("stop", "length")
    chunks = list(
        client.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    text = "".join([c.choices[0].text for c in chunks if c.choices])
    assert text == whole.choices[0].text
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_a_client_of_chats_and_a_host_of_responses(client):
    asked = {
        "model": "responses/tiny",
        "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": ASK}],
        "max_tokens": 60,
        "temperature": 0,
    }
    whole = client.chat.completions.create(**asked)
    assert whole.choices[0].message.content.strip()
    chunks = list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    text = "".join([c.choices[0].delta.content or "" for c in chunks if c.choices])
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    function = {name: value for name, value in TOOL.items() if name != "type"}
    called = client.chat.completions.create(
        **{**asked, "max_tokens": 300},
        tools=[{"type": "function", "function": function}],
        tool_choice="required",
    ).choices[0]
    assert called.finish_reason == "tool_calls"
    [call] = called.message.tool_calls
    assert set(json.loads(call.function.arguments)) == {"city"}
    after = client.chat.completions.create(
        **{
            **asked,
            "messages": [
                *asked["messages"],
                called.message.model_dump(exclude_none=True),
                {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
            ],
        }
    )
    assert after.choices[0].finish_reason in ("stop", "length")
