"""Google's own SDK at the gateway, with providers of other wires behind it, and of its own."""

import itertools

import httpx
import pydantic
import pytest
from google import genai
from google.genai import errors, types

from support.clients import CITY, FAILURES, QUESTION, clients

WIRES = pytest.mark.parametrize("wire", ["gemini", "chat", "responses", "messages"])


class Report(pydantic.BaseModel):
    city: str
    days: int


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    with clients(tmp_path_factory.mktemp("state")) as running:
        yield running


def sdk(url, key):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))


@pytest.fixture
def client(behind):
    made = sdk(behind.url, behind.key)
    yield made
    made.close()


@WIRES
def test_content_and_its_stream_say_the_same(client, wire):
    config = types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=500)
    asked = {"model": f"{wire}/sim-demo", "contents": QUESTION, "config": config}
    whole = client.models.generate_content(**asked)
    assert QUESTION in whole.text
    assert whole.candidates[0].finish_reason == types.FinishReason.STOP
    assert whole.usage_metadata.prompt_token_count > 5
    chunks = list(client.models.generate_content_stream(**asked))
    assert "".join([chunk.text or "" for chunk in chunks]) == whole.text
    last = chunks[-1]
    assert last.candidates[0].finish_reason == types.FinishReason.STOP
    assert last.usage_metadata.candidates_token_count == whole.usage_metadata.candidates_token_count


@WIRES
@pytest.mark.parametrize("stream", [False, True])
def test_functions_go_round(client, wire, stream):
    declared = types.FunctionDeclaration(
        name="get_weather", description="The weather.", parameters_json_schema=CITY
    )
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[declared])])
    asked = {"model": f"{wire}/sim-demo", "config": config}
    if stream:
        chunks = list(client.models.generate_content_stream(**asked, contents=QUESTION))
        parts = [
            part
            for chunk in chunks
            if chunk.candidates and chunk.candidates[0].content
            for part in chunk.candidates[0].content.parts or ()
        ]
        said = types.Content(role="model", parts=parts)
    else:
        said = client.models.generate_content(**asked, contents=QUESTION).candidates[0].content
    [call] = [part.function_call for part in said.parts if part.function_call]
    assert (call.name, call.args) == ("get_weather", {"city": "Paris"})
    result = types.Part(
        function_response=types.FunctionResponse(
            id=call.id, name=call.name, response={"result": "19 degrees"}
        )
    )
    after = client.models.generate_content(
        **asked,
        contents=[
            types.UserContent(QUESTION),
            said,
            types.Content(role="user", parts=[result]),
        ],
    )
    assert "19 degrees" in after.text


@WIRES
def test_python_functions_are_called_by_the_sdk(client, wire):
    asked = []

    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return "19 degrees"

    answer = client.models.generate_content(
        model=f"{wire}/sim-demo",
        contents=QUESTION,
        config=types.GenerateContentConfig(tools=[get_weather]),
    )
    assert "19 degrees" in answer.text
    assert asked == ["Paris"]


@WIRES
@pytest.mark.parametrize("schema", ["response_schema", "response_json_schema"])
def test_content_is_parsed(client, wire, schema):
    shape = Report if schema == "response_schema" else Report.model_json_schema()
    answer = client.models.generate_content(
        model=f"{wire}/sim-demo",
        contents=QUESTION,
        config=types.GenerateContentConfig(
            response_mime_type="application/json", **{schema: shape}
        ),
    )
    assert Report.model_validate_json(answer.text).city == "Paris"


@WIRES
def test_a_chat_goes_on(client, wire):
    chat = client.chats.create(model=f"{wire}/sim-demo")
    assert QUESTION in chat.send_message(QUESTION).text
    said = "".join([chunk.text or "" for chunk in chat.send_message_stream("And in Rome?")])
    assert "Rome" in said
    roles = [content.role for content in chat.get_history()]  # a stream's pieces are one each
    assert [role for role, _ in itertools.groupby(roles)] == ["user", "model"] * 2


@pytest.mark.parametrize("wire", ["gemini", "chat", "messages"])
def test_thoughts_are_marked(client, wire):
    config = types.GenerateContentConfig(
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=1024),
        max_output_tokens=4000,
    )
    asked = {"model": f"{wire}/sim-think", "contents": QUESTION, "config": config}
    whole = client.models.generate_content(**asked)
    thought, said = whole.candidates[0].content.parts
    assert thought.thought
    assert whole.text == said.text
    streamed = [
        part
        for chunk in client.models.generate_content_stream(**asked)
        if chunk.candidates and chunk.candidates[0].content
        for part in chunk.candidates[0].content.parts or ()
    ]
    assert "".join([part.text or "" for part in streamed if part.thought]) == thought.text
    assert "".join([part.text or "" for part in streamed if not part.thought]) == said.text


@WIRES
def test_tokens_are_counted(client, wire):
    counted = client.models.count_tokens(model=f"{wire}/sim-demo", contents=QUESTION)
    longer = client.models.count_tokens(model=f"{wire}/sim-demo", contents=QUESTION * 9)
    assert 3 < counted.total_tokens < longer.total_tokens


@pytest.mark.parametrize("wire", ["gemini", "chat"])
def test_embeddings(client, wire):
    both = client.models.embed_content(model=f"{wire}/sim-embed", contents=["one", "two"])
    assert len(both.embeddings) == 2
    one = client.models.embed_content(model=f"{wire}/sim-embed", contents="one")
    assert one.embeddings[0].values == pytest.approx(both.embeddings[0].values, abs=1e-6)
    assert both.embeddings[0].values != both.embeddings[1].values


@pytest.mark.parametrize("wire", ["gemini", "chat"])
def test_one_embedding_is_an_object_and_a_batch_a_list(behind, wire):
    def ask(verb, body):
        path = f"{behind.url}/v1beta/models/{wire}/sim-embed:{verb}"
        return httpx.post(path, json=body, headers={"x-goog-api-key": behind.key}).json()

    one = {"content": {"parts": [{"text": "one"}]}}
    single = ask("embedContent", one)
    batch = ask("batchEmbedContents", {"requests": [{"model": "models/x", **one}]})
    assert batch["embeddings"] == [single["embedding"]]
    assert "embeddings" not in single


def test_models(client):
    names = [model.name for model in client.models.list()]
    assert "models/chat/sim-demo" in names
    assert client.models.get(model="chat/sim-demo").name == "models/chat/sim-demo"


@WIRES
@pytest.mark.parametrize("model", FAILURES)
def test_errors_have_their_class(client, wire, model):
    status = {500: 503}.get(FAILURES[model], FAILURES[model])  # Google's word for "try again"
    kind = errors.ServerError if status >= 500 else errors.ClientError
    with pytest.raises(kind) as told:
        client.models.generate_content(model=f"{wire}/{model}", contents=QUESTION)
    assert told.value.code == status
    with pytest.raises(kind) as told:
        list(client.models.generate_content_stream(model=f"{wire}/{model}", contents=QUESTION))
    assert told.value.code == status


@WIRES
def test_an_error_inside_a_stream(client, wire):
    with pytest.raises(errors.APIError):
        list(
            client.models.generate_content_stream(
                model=f"{wire}/sim-stream-error", contents=QUESTION
            )
        )


def test_a_wrong_key(behind):
    stranger = sdk(behind.url, "wrong")
    with pytest.raises(errors.ClientError) as told:
        stranger.models.generate_content(model="chat/sim-demo", contents=QUESTION)
    assert told.value.code in (400, 401)
    stranger.close()
