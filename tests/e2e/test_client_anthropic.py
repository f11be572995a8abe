"""The official anthropic SDK at the gateway, with providers of other wires behind it, and of its own."""

import anthropic
import pydantic
import pytest

from support.clients import CITY, FAILURES, QUESTION, clients

ASK = [{"role": "user", "content": QUESTION}]
WIRES = pytest.mark.parametrize("wire", ["messages", "chat", "responses", "gemini"])
TOOL = {"name": "get_weather", "description": "The weather.", "input_schema": CITY}
MOST = {"max_tokens": 2000}


class Report(pydantic.BaseModel):
    city: str
    days: int


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    with clients(tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture
def client(behind):
    with anthropic.Anthropic(base_url=behind.url, api_key=behind.key, max_retries=0) as made:
        yield made


@WIRES
def test_a_message_and_its_stream_say_the_same(client, wire):
    asked = {"model": f"{wire}/sim-demo", "messages": ASK, "system": "Be brief.", **MOST}
    whole = client.messages.create(**asked)
    [block] = whole.content
    assert QUESTION in block.text
    assert whole.stop_reason == "end_turn"
    assert whole.usage.input_tokens > 5
    with client.messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == final.content[0].text == block.text
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.usage.input_tokens == whole.usage.input_tokens


@WIRES
@pytest.mark.parametrize("stream", [False, True])
def test_tools_go_round(client, wire, stream):
    asked = {"model": f"{wire}/sim-demo", "messages": ASK, "tools": [TOOL], **MOST}
    if stream:
        with client.messages.stream(**asked) as events:
            first = events.get_final_message()
    else:
        first = client.messages.create(**asked)
    assert first.stop_reason == "tool_use"
    [call] = [block for block in first.content if block.type == "tool_use"]
    assert call.input == {"city": "Paris"}
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "19 degrees"}
    turns = [
        *ASK,
        {"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in first.content]},
        {"role": "user", "content": [result]},
    ]
    after = client.messages.create(**{**asked, "messages": turns})
    assert "19 degrees" in after.content[0].text


@WIRES
def test_the_sdk_s_tool_runner(client, wire):
    asked = []

    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather.

        Args:
            city: where
        """
        asked.append(city)
        return "19 degrees"

    runner = client.beta.messages.tool_runner(
        model=f"{wire}/sim-demo", messages=ASK, tools=[get_weather], **MOST
    )
    assert "19 degrees" in runner.until_done().content[0].text
    assert asked == ["Paris"]


@WIRES
def test_messages_are_parsed(client, wire):
    answer = client.messages.parse(
        model=f"{wire}/sim-demo", messages=ASK, output_format=Report, **MOST
    )
    assert answer.parsed_output.city == "Paris"


@pytest.mark.parametrize("wire", ["messages", "chat", "gemini"])
def test_thinking_comes_in_blocks_and_goes_back(client, wire):
    asked = {
        "model": f"{wire}/sim-think",
        "messages": ASK,
        "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    whole = client.messages.create(**asked)
    assert [block.type for block in whole.content[:2]] == ["thinking", "text"]
    with client.messages.stream(**asked) as stream:
        thought = "".join([event.thinking for event in stream if event.type == "thinking"])
        final = stream.get_final_message()
    assert thought == final.content[0].thinking == whole.content[0].thinking
    said = {"role": "assistant", "content": [block.model_dump() for block in final.content]}
    after = client.messages.create(
        **{**asked, "messages": [*ASK, said, {"role": "user", "content": "And in Rome?"}]}
    )
    assert after.content[1].text


@WIRES
def test_tokens_are_counted(client, wire):
    asked = {"model": f"{wire}/sim-demo", "tools": [TOOL], "system": "Be brief."}
    counted = client.messages.count_tokens(**asked, messages=ASK)
    longer = client.messages.count_tokens(**asked, messages=[*ASK, *ASK])
    assert 5 < counted.input_tokens < longer.input_tokens


@WIRES
def test_what_betas_ask_for_goes_to_its_own_provider_alone(behind, client, wire):
    client.beta.messages.create(
        model=f"{wire}/sim-demo",
        messages=ASK,
        betas=["interleaved-thinking-2025-05-14", "context-1m-2025-08-07"],
        extra_query={"beta": "true"},  # as older releases and Claude Code do
        **MOST,
    )
    [request] = list(behind.simulator.requests)[-1:]
    own = wire == "messages"
    assert ("interleaved-thinking" in (request.header("anthropic-beta") or "")) is own
    assert (request.query == "beta=true") is own


def test_models(client):
    listed = client.models.list()
    assert {"chat/sim-demo", "messages/sim-demo"} <= {model.id for model in listed.data}
    assert client.models.retrieve("chat/sim-demo").id == "chat/sim-demo"


KINDS = {
    400: anthropic.BadRequestError,
    403: anthropic.PermissionDeniedError,
    404: anthropic.NotFoundError,
    429: anthropic.RateLimitError,
    500: anthropic.InternalServerError,
}


@WIRES
@pytest.mark.parametrize("model", FAILURES)
def test_errors_have_their_class(client, wire, model):
    with pytest.raises(KINDS[FAILURES[model]]) as told:
        client.messages.create(model=f"{wire}/{model}", messages=ASK, **MOST)
    assert told.value.request_id
    assert told.value.body["type"] == "error"


@WIRES
def test_an_error_inside_a_stream(client, wire):
    with (
        pytest.raises(anthropic.APIStatusError),
        client.messages.stream(model=f"{wire}/sim-stream-error", messages=ASK, **MOST) as stream,
    ):
        stream.until_done()


@pytest.mark.parametrize("said", ["api_key", "auth_token"])
def test_keys(behind, said):
    asked = {"model": "chat/sim-demo", "messages": ASK, **MOST}
    with anthropic.Anthropic(base_url=behind.url, **{said: behind.key}) as client:
        assert client.messages.create(**asked).content
    with (
        anthropic.Anthropic(base_url=behind.url, **{said: "sk-wrong"}) as client,
        pytest.raises(anthropic.AuthenticationError),
    ):
        client.messages.create(**asked)
