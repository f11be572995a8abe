"""Google's, Amazon's, Cohere's and Ollama's own SDKs against the simulator, and OpenAI's other APIs."""

from __future__ import annotations

import json
import logging

import httpx
import openai
import pytest

from modelway.simulator.serve import SimulatorThread

QUESTION = "What is the weather in Paris?"
MESSAGES = [{"role": "user", "content": QUESTION}]
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTION = {"name": "get_weather", "description": "The weather.", "parameters": PARAMETERS}
TOOL = {"type": "function", "function": FUNCTION}


@pytest.fixture(scope="module")
def running():
    with SimulatorThread() as running:
        yield running


# ---------------------------------------------------------------- openai


@pytest.fixture
def openai_sdk(running):
    with openai.OpenAI(base_url=f"{running.base_url}/v1", api_key="k", max_retries=0) as client:
        yield client


def test_openai_responses_go_round_with_reasoning(openai_sdk):
    tool = {"type": "function", "strict": True, **FUNCTION}
    how = {
        "model": "m",
        "tools": [tool],
        "include": ["reasoning.encrypted_content"],
        "store": False,
    }
    items = [{"role": "user", "content": QUESTION}]
    wish = {"effort": "low", "summary": "auto"}
    with openai_sdk.responses.stream(input=items, reasoning=wish, **how) as stream:
        kinds = {event.type for event in stream}
        answer = stream.get_final_response()
    assert "response.reasoning_summary_text.delta" in kinds
    assert "response.function_call_arguments.done" in kinds
    assert [item.type for item in answer.output] == ["reasoning", "function_call"]
    said = [
        item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in answer.output
    ]
    output = {"call_id": answer.output[1].call_id, "output": "19 degrees"}
    items += [*said, {"type": "function_call_output", **output}]
    assert "19 degrees" in openai_sdk.responses.create(input=items, **how).output_text


def test_openai_responses_are_kept(openai_sdk):
    first = openai_sdk.responses.create(model="m", input="One")
    second = openai_sdk.responses.create(model="m", input="Two", previous_response_id=first.id)
    assert openai_sdk.responses.retrieve(second.id).previous_response_id == first.id
    assert len(list(openai_sdk.responses.input_items.list(second.id))) == 3
    openai_sdk.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        openai_sdk.responses.retrieve(first.id)


def test_openai_embeddings_completions_and_media(openai_sdk):
    made = openai_sdk.embeddings.create(model="e", input=["a", "b"], dimensions=32)
    assert [len(each.embedding) for each in made.data] == [32, 32]
    whole = openai_sdk.completions.create(model="m", prompt="Once", max_tokens=99)
    chunks = openai_sdk.completions.create(model="m", prompt="Once", max_tokens=99, stream=True)
    assert "".join([chunk.choices[0].text for chunk in chunks]) == whole.choices[0].text
    assert openai_sdk.images.generate(prompt="a cat").data[0].b64_json
    assert openai_sdk.audio.speech.create(model="m", voice="alloy", input="x").content
    assert openai_sdk.audio.transcriptions.create(model="m", file=("a.wav", b"RIFF")).text
    assert not openai_sdk.moderations.create(input="hi").results[0].flagged
    assert openai_sdk.models.retrieve("sim-echo").id == "sim-echo"


# ---------------------------------------------------------------- google-genai


@pytest.fixture
def gemini_sdk(running):
    genai = pytest.importorskip("google.genai")
    options = genai.types.HttpOptions(base_url=running.base_url)
    with genai.Client(api_key="k", http_options=options) as client:
        yield client


def test_gemini_whole_and_streamed_say_the_same(gemini_sdk):
    whole = gemini_sdk.models.generate_content(model="m", contents=QUESTION)
    stream = list(gemini_sdk.models.generate_content_stream(model="m", contents=QUESTION))
    assert QUESTION in whole.text
    assert "".join([chunk.text or "" for chunk in stream]) == whole.text
    assert stream[-1].usage_metadata == whole.usage_metadata


def test_gemini_sdk_runs_tools_and_keeps_their_signatures(gemini_sdk, running):
    def get_weather(city: str) -> str:
        """Tell the weather in a city."""
        return f"19 degrees in {city}"

    chat = gemini_sdk.chats.create(model="gemini-3-pro", config={"tools": [get_weather]})
    assert "19 degrees in Paris" in chat.send_message(QUESTION).text
    sent = running.simulator.requests[-1].json["contents"][1]["parts"][0]
    assert sent["thoughtSignature"]


def test_gemini_thinks_fits_schemas_counts_and_embeds(gemini_sdk):
    config = {
        "thinking_config": {"include_thoughts": True, "thinking_budget": 99},
        "response_mime_type": "application/json",
        "response_json_schema": PARAMETERS,
    }
    answer = gemini_sdk.models.generate_content(model="m", contents=QUESTION, config=config)
    assert [part.thought for part in answer.candidates[0].content.parts] == [True, None]
    assert json.loads(answer.text) == {"city": "Paris"}
    assert gemini_sdk.models.count_tokens(model="m", contents=QUESTION).total_tokens > 1
    made = gemini_sdk.models.embed_content(
        model="e", contents=["a", "b"], config={"output_dimensionality": 16}
    )
    assert [len(each.values) for each in made.embeddings] == [16, 16]
    names = [model.name for model in gemini_sdk.models.list()]
    assert "models/sim-echo" in names


def test_gemini_errors_are_its_sdks(gemini_sdk):
    errors = pytest.importorskip("google.genai.errors")
    for model, code in (("sim-400", 400), ("sim-404", 404), ("sim-429", 429)):
        with pytest.raises(errors.ClientError) as caught:
            gemini_sdk.models.generate_content(model=model, contents="x")
        assert caught.value.code == code
    with pytest.raises(errors.ServerError):
        list(gemini_sdk.models.generate_content_stream(model="sim-stream-error", contents=QUESTION))
    blocked = gemini_sdk.models.generate_content(model="sim-refuse", contents="x")
    assert blocked.prompt_feedback.block_reason == "PROHIBITED_CONTENT"


# ---------------------------------------------------------------- bedrock


@pytest.fixture
def bedrock_sdk(running):
    boto3 = pytest.importorskip("boto3")
    config = pytest.importorskip("botocore.config").Config(retries={"total_max_attempts": 1})
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=running.base_url,
        aws_access_key_id="AKID",
        aws_secret_access_key="secret",
        config=config,
    )
    yield client
    client.close()


ARN = "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude"


def test_bedrock_whole_and_streamed_say_the_same(bedrock_sdk):
    messages = [{"role": "user", "content": [{"text": QUESTION}]}]
    whole = bedrock_sdk.converse(modelId=ARN, messages=messages)
    text = whole["output"]["message"]["content"][0]["text"]
    assert QUESTION in text
    events = list(bedrock_sdk.converse_stream(modelId=ARN, messages=messages)["stream"])
    deltas = [
        event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event
    ]
    assert "".join([delta["text"] for delta in deltas]) == text
    assert events[-1]["metadata"]["usage"] == whole["usage"]
    counted = bedrock_sdk.count_tokens(modelId=ARN, input={"converse": {"messages": messages}})
    assert counted["inputTokens"] == whole["usage"]["inputTokens"]


def test_bedrock_tools_go_round_with_reasoning(bedrock_sdk):
    spec = {"name": "get_weather", "inputSchema": {"json": PARAMETERS}}
    messages = [{"role": "user", "content": [{"text": QUESTION}]}]
    how = {"modelId": "sim-think", "toolConfig": {"tools": [{"toolSpec": spec}]}}
    message = bedrock_sdk.converse(messages=messages, **how)["output"]["message"]
    assert message["content"][0]["reasoningContent"]["reasoningText"]["signature"]
    use = message["content"][1]["toolUse"]
    assert use["input"] == {"city": "Paris"}
    result = {"toolUseId": use["toolUseId"], "content": [{"text": "19 degrees"}]}
    messages += [message, {"role": "user", "content": [{"toolResult": result}]}]
    answer = bedrock_sdk.converse(messages=messages, **how)["output"]["message"]["content"]
    assert "19 degrees" in answer[-1]["text"]


def test_bedrock_invokes_anthropics_messages(bedrock_sdk):
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99, "messages": MESSAGES}
    sent = {"modelId": ARN, "body": json.dumps(body)}
    whole = json.loads(bedrock_sdk.invoke_model(**sent)["body"].read())
    events = [
        json.loads(event["chunk"]["bytes"])
        for event in bedrock_sdk.invoke_model_with_response_stream(**sent)["body"]
    ]
    deltas = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(deltas) == whole["content"][0]["text"]
    assert "amazon-bedrock-invocationMetrics" in events[-1]


def test_bedrock_errors_are_its_sdks(bedrock_sdk):
    messages = [{"role": "user", "content": [{"text": QUESTION}]}]
    for model, kind in (
        ("sim-400", bedrock_sdk.exceptions.ValidationException),
        ("sim-429", bedrock_sdk.exceptions.ThrottlingException),
        ("sim-500", bedrock_sdk.exceptions.InternalServerException),
        ("sim-503", bedrock_sdk.exceptions.ServiceUnavailableException),
    ):
        with pytest.raises(kind):
            bedrock_sdk.converse(modelId=model, messages=messages)
    stream_error = pytest.importorskip("botocore.exceptions").EventStreamError
    stream = bedrock_sdk.converse_stream(modelId="sim-stream-error", messages=messages)["stream"]
    with pytest.raises(stream_error, match="serviceUnavailableException"):
        list(stream)
    stream.close()


# ---------------------------------------------------------------- cohere


@pytest.fixture
def cohere_sdk(running):
    cohere = pytest.importorskip("cohere")
    logging.getLogger("cohere").setLevel(logging.ERROR)
    with httpx.Client() as client:
        yield cohere.ClientV2(
            api_key="k", base_url=f"{running.base_url}/cohere", httpx_client=client
        )


def test_cohere_whole_and_streamed_say_the_same(cohere_sdk):
    whole = cohere_sdk.chat(model="m", messages=MESSAGES)
    events = list(cohere_sdk.chat_stream(model="m", messages=MESSAGES))
    said = [event.delta.message.content.text for event in events if event.type == "content-delta"]
    assert "".join(said) == whole.message.content[0].text
    assert events[-1].delta.usage == whole.usage
    assert events[-1].delta.finish_reason == whole.finish_reason == "COMPLETE"


def test_cohere_tools_go_round(cohere_sdk):
    answer = cohere_sdk.chat(model="m", messages=MESSAGES, tools=[TOOL])
    call = answer.message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "19 degrees"}
    turns = [*MESSAGES, answer.message, result]
    assert (
        "19 degrees"
        in cohere_sdk.chat(model="m", messages=turns, tools=[TOOL]).message.content[0].text
    )


def test_cohere_embeds_ranks_and_lists(cohere_sdk):
    made = cohere_sdk.embed(
        model="e", texts=["a"], input_type="search_query", embedding_types=["float", "int8"]
    )
    assert len(made.embeddings.float_[0]) == len(made.embeddings.int8[0]) == 1536
    ranked = cohere_sdk.rerank(model="r", query="a cat", documents=["dogs", "a cat"], top_n=1)
    assert ranked.results[0].index == 1
    assert "sim-echo" in [model.name for model in cohere_sdk.models.list().models]
    errors = pytest.importorskip("cohere.errors")
    with pytest.raises(errors.NotFoundError):
        cohere_sdk.chat(model="sim-404", messages=MESSAGES)


# ---------------------------------------------------------------- ollama


@pytest.fixture
def ollama_sdk(running):
    client = pytest.importorskip("ollama").Client(host=running.base_url)
    yield client
    client._client.close()


def test_ollama_whole_and_streamed_say_the_same(ollama_sdk):
    whole = ollama_sdk.chat(model="m", messages=MESSAGES)
    chunks = list(ollama_sdk.chat(model="m", messages=MESSAGES, stream=True))
    assert "".join([chunk.message.content for chunk in chunks]) == whole.message.content
    assert chunks[-1].eval_count == whole.eval_count
    assert ollama_sdk.generate(model="m", prompt="Once").response


def test_ollama_thinks_calls_fits_schemas_embeds_and_lists(ollama_sdk):
    answer = ollama_sdk.chat(model="m", messages=MESSAGES, tools=[TOOL], think=True).message
    assert answer.thinking
    assert answer.tool_calls[0].function.arguments == {"city": "Paris"}
    turns = [
        *MESSAGES,
        answer,
        {"role": "tool", "tool_name": "get_weather", "content": "19 degrees"},
    ]
    assert "19 degrees" in ollama_sdk.chat(model="m", messages=turns, tools=[TOOL]).message.content
    fitted = ollama_sdk.chat(model="m", messages=MESSAGES, format=PARAMETERS)
    assert json.loads(fitted.message.content) == {"city": "Paris"}
    assert len(ollama_sdk.embed(model="e", input=["a", "b"]).embeddings) == 2
    assert "sim-echo" in [model.model for model in ollama_sdk.list().models]
    assert "tools" in ollama_sdk.show("m").capabilities
    response_error = pytest.importorskip("ollama").ResponseError
    for model in ("sim-429", "sim-stream-error"):
        with pytest.raises(response_error):
            list(ollama_sdk.chat(model=model, messages=MESSAGES, stream=True))
