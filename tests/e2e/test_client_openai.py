"""The official openai SDK at the gateway, with providers of other wires behind it, and of its own."""

import asyncio
import json

import openai
import pydantic
import pytest

from support.clients import CITY, FAILURES, QUESTION, clients

ASK = [{"role": "user", "content": QUESTION}]
WIRES = pytest.mark.parametrize("wire", ["chat", "responses", "messages", "gemini"])
FUNCTION = {"name": "get_weather", "description": "The weather.", "parameters": CITY}
TOOL = {"type": "function", "function": {**FUNCTION, "strict": True}}
ITEM = {"type": "function", **FUNCTION, "strict": True}


class Report(pydantic.BaseModel):
    city: str
    days: int


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    with clients(tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture
def client(behind):
    with openai.OpenAI(base_url=f"{behind.url}/v1", api_key=behind.key, max_retries=0) as made:
        yield made


# ---------------------------------------------------------------- chat


@WIRES
def test_chat_and_its_stream_say_the_same(client, wire):
    asked = {"model": f"{wire}/sim-demo", "messages": ASK}
    whole = client.chat.completions.create(**asked)
    [choice] = whole.choices
    assert QUESTION in choice.message.content
    assert choice.finish_reason == "stop"
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content == choice.message.content
    assert final.choices[0].finish_reason == "stop"
    assert final.usage.completion_tokens == whole.usage.completion_tokens


@WIRES
@pytest.mark.parametrize("stream", [False, True])
def test_tools_go_round(client, wire, stream):
    asked = {"model": f"{wire}/sim-demo", "messages": ASK, "tools": [TOOL]}
    if stream:
        with client.chat.completions.stream(**asked) as events:
            first = events.get_final_completion().choices[0]
    else:
        first = client.chat.completions.create(**asked).choices[0]
    assert first.finish_reason == "tool_calls"
    [call] = first.message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "19 degrees"}
    said = first.message.model_dump(exclude_none=True)
    after = client.chat.completions.create(**{**asked, "messages": [*ASK, said, result]})
    assert "19 degrees" in after.choices[0].message.content


@WIRES
def test_chats_are_parsed(client, wire):
    answer = client.chat.completions.parse(
        model=f"{wire}/sim-demo", messages=ASK, response_format=Report
    )
    assert answer.choices[0].message.parsed.city == "Paris"
    with client.chat.completions.stream(
        model=f"{wire}/sim-demo", messages=ASK, response_format=Report
    ) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.parsed == answer.choices[0].message.parsed
    tool = openai.pydantic_function_tool(Report, name="report_weather")
    called = client.chat.completions.parse(
        model=f"{wire}/sim-tools", messages=ASK, tools=[tool]
    ).choices[0]
    assert isinstance(called.message.tool_calls[0].function.parsed_arguments, Report)


async def test_the_async_client(behind):
    async with openai.AsyncOpenAI(base_url=f"{behind.url}/v1", api_key=behind.key) as client:
        asked = {"model": "messages/sim-demo", "messages": ASK}
        whole, stream = await asyncio.gather(
            client.chat.completions.create(**asked),
            client.chat.completions.create(**asked, stream=True),
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == whole.choices[0].message.content


# ---------------------------------------------------------------- responses


@WIRES
def test_a_response_and_its_stream_say_the_same(client, wire):
    asked = {"model": f"{wire}/sim-demo", "input": QUESTION, "instructions": "Be brief."}
    whole = client.responses.create(**asked)
    assert QUESTION in whole.output_text
    assert whole.status == "completed"
    assert whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens
    with client.responses.stream(**asked) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == final.output_text == whole.output_text
    assert final.usage.output_tokens == whole.usage.output_tokens


@WIRES
@pytest.mark.parametrize("stream", [False, True])
def test_response_tools_go_round(client, wire, stream):
    asked = {"model": f"{wire}/sim-demo", "tools": [ITEM]}
    if stream:
        with client.responses.stream(**asked, input=QUESTION) as events:
            first = events.get_final_response()
    else:
        first = client.responses.create(**asked, input=QUESTION)
    [call] = [item for item in first.output if item.type == "function_call"]
    assert json.loads(call.arguments) == {"city": "Paris"}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "19 degrees"}
    said = [
        item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output
    ]
    after = client.responses.create(**asked, input=[*ASK, *said, result])
    assert "19 degrees" in after.output_text


@WIRES
def test_responses_are_parsed(client, wire):
    asked = {"model": f"{wire}/sim-demo", "input": QUESTION, "text_format": Report}
    answer = client.responses.parse(**asked)
    assert answer.output_parsed.city == "Paris"
    with client.responses.stream(**asked) as stream:
        assert stream.get_final_response().output_parsed == answer.output_parsed


@WIRES
def test_a_response_is_gone_on_from(client, wire):
    if wire == "responses":
        pytest.skip("the provider keeps its own")
    first = client.responses.create(model=f"{wire}/sim-demo", input=QUESTION, store=True)
    assert client.responses.retrieve(first.id).output_text == first.output_text
    after = client.responses.create(
        model=f"{wire}/sim-echo", input="And in Rome?", previous_response_id=first.id
    )
    assert "Rome" in after.output_text


# ---------------------------------------------------------------- the rest


@WIRES
def test_completions(client, wire):
    asked = {"model": f"{wire}/sim-demo", "prompt": QUESTION, "max_tokens": 40}
    whole = client.completions.create(**asked)
    chunks = list(client.completions.create(**asked, stream=True))
    text = "".join([chunk.choices[0].text for chunk in chunks if chunk.choices])
    assert text == whole.choices[0].text
    assert QUESTION in text


@pytest.mark.parametrize("wire", ["chat", "gemini"])
def test_embeddings(client, wire):
    asked = {"model": f"{wire}/sim-embed", "input": ["one", "two"]}
    packed = client.embeddings.create(**asked)
    plain = client.embeddings.create(**asked, encoding_format="float")
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    assert packed.data[0].embedding != packed.data[1].embedding
    assert [entry.index for entry in packed.data] == [0, 1]


def test_models(client):
    names = [model.id for model in client.models.list()]
    assert {"chat/sim-demo", "messages/sim-demo", "gemini/sim-demo"} <= set(names)
    assert client.models.retrieve("messages/sim-demo").id == "messages/sim-demo"


# ---------------------------------------------------------------- errors

KINDS = {
    400: openai.BadRequestError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
}


@WIRES
@pytest.mark.parametrize("model", FAILURES)
def test_errors_have_their_class(client, wire, model):
    with pytest.raises(KINDS[FAILURES[model]]) as told:
        client.chat.completions.create(model=f"{wire}/{model}", messages=ASK)
    assert told.value.request_id
    with pytest.raises(KINDS[FAILURES[model]]):
        client.responses.create(model=f"{wire}/{model}", input=QUESTION)


@WIRES
def test_an_error_inside_a_stream(client, wire):
    asked = {"model": f"{wire}/sim-stream-error", "messages": ASK, "stream": True}
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(**asked))


def test_the_sdk_retries_what_may_be_retried(behind):
    before = len(behind.simulator.requests)
    with openai.OpenAI(base_url=f"{behind.url}/v1", api_key=behind.key, max_retries=1) as client:
        answer = client.chat.completions.create(model="messages/sim-flaky", messages=ASK)
    assert answer.choices[0].message.content
    assert len(behind.simulator.requests) == before + 2


def test_a_wrong_key_and_an_unknown_model(behind, client):
    with (
        openai.OpenAI(base_url=f"{behind.url}/v1", api_key="sk-wrong") as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.chat.completions.create(model="chat/sim-demo", messages=ASK)
    with pytest.raises(openai.NotFoundError) as told:
        client.chat.completions.create(model="nobody/nothing", messages=ASK)
    assert told.value.code == "model_not_found"
