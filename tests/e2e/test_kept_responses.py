"""The Responses API's memory through the gateway, with the official SDK as the client."""

import asyncio
import json

import openai
import pytest

from modelway.gateway.stored import Responses
from modelway.simulator.serve import SimulatorThread
from support.origin_server import plain, serve
from support.serving import KEY, served

NATIVE = {
    "id": "resp_native1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-x",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Blue.", "annotations": []}],
        }
    ],
    "usage": {
        "input_tokens": 3,
        "output_tokens": 2,
        "total_tokens": 5,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}


@pytest.fixture(scope="module")
def simulator():
    with SimulatorThread() as running:
        yield running


@pytest.fixture
def client(simulator, tmp_path):
    config = {
        "providers": {
            "chat": {
                "like": "simulator",
                "base_url": f"{simulator.base_url}/v1",
                "dialect": "openai-chat",
            },
            "claude": {
                "like": "simulator",
                "base_url": f"{simulator.base_url}/v1",
                "dialect": "anthropic-messages",
            },
        }
    }
    responses = Responses(tmp_path / "responses.sqlite")
    with (
        served(config, tmp_path, responses=responses) as gateway,
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as one,
    ):
        yield one
    responses.close()


def asked(simulator):
    """The last body that a provider was sent, its texts in order."""
    body = json.loads(simulator.simulator.requests[-1].body)
    return [
        message["content"]
        if isinstance(message["content"], str)
        else "".join(part.get("text", "") for part in message["content"])
        for message in body["messages"]
    ]


@pytest.mark.parametrize("model", ["chat/story", "claude/story"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_conversation_goes_on_at_a_provider_that_keeps_nothing(
    client, simulator, model, streamed
):
    def ask(text, **more):
        if not streamed:
            return client.responses.create(
                model=model, input=text, store=True, max_output_tokens=50, **more
            )
        with client.responses.create(
            model=model, input=text, store=True, max_output_tokens=50, stream=True, **more
        ) as stream:
            return next(event.response for event in stream if event.type == "response.completed")

    first = ask("One.", instructions="Be brief.")
    second = ask("Two.", previous_response_id=first.id)
    third = ask("Three.", previous_response_id=second.id, instructions="Be brief.")
    texts = asked(simulator)
    said = [first.output_text, second.output_text]
    wanted = ["One.", said[0], "Two.", said[1], "Three."]
    assert texts[-5:] == wanted
    assert "Be brief." not in texts[1:]
    assert client.responses.retrieve(second.id).output_text == said[1]
    items = client.responses.input_items.list(second.id).data
    assert [item.content[0].text for item in items] == ["Two."]
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError, match=first.id):
        ask("Four.", previous_response_id=third.id)


def test_nothing_is_kept_that_nobody_asked_to_be(client):
    response = client.responses.create(model="chat/story", input="One.", max_output_tokens=50)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="chat/story", input="Two.", previous_response_id=response.id)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"previous_response_id": "resp_nobody"}, openai.NotFoundError),
        ({"previous_response_id": 7}, openai.BadRequestError),
        ({"conversation": "conv_1"}, openai.BadRequestError),
        ({"prompt": {"id": "pmpt_1"}}, openai.BadRequestError),
        ({"background": True}, openai.BadRequestError),
    ],
)
def test_what_cannot_be_gone_on_from(client, more, error):
    with pytest.raises(error):
        client.responses.create(model="chat/story", input="x", **more)


def test_who_keeps_it_goes_on_with_it_alone(tmp_path):
    async def run():
        async with (
            serve(plain(json.dumps(NATIVE).encode(), b"content-type: application/json")) as first,
            serve(plain(json.dumps(NATIVE).encode(), b"content-type: application/json")) as second,
        ):
            config = {
                "providers": {
                    name: {
                        "base_url": f"http://127.0.0.1:{one.port}/v1",
                        "api_key": f"sk-{name}-0123456789",
                        "dialect": "openai-responses",
                    }
                    for name, one in (("first", first), ("second", second))
                },
                "models": {
                    "either": {
                        "strategy": "round_robin",
                        "deployments": ["first/gpt-x", "second/gpt-x"],
                    }
                },
            }

            def ask():
                with (
                    served(config, tmp_path) as gateway,
                    openai.OpenAI(
                        base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0
                    ) as client,
                ):
                    kept = client.responses.create(model="either", input="One.", store=True)
                    for _ in range(5):
                        client.responses.create(
                            model="either", input="Two.", previous_response_id=kept.id
                        )
                    assert client.responses.retrieve(kept.id).output_text == "Blue."

            await asyncio.to_thread(ask)
            return first.requests, second.requests

    first, second = asyncio.run(run())
    assert sorted([len(first), len(second)]) == [0, 6]
    (bodies,) = [[json.loads(one.body) for one in asked] for asked in (first, second) if asked]
    assert bodies[0] == {"model": "gpt-x", "input": "One.", "store": True}
    assert bodies[1]["previous_response_id"] == "resp_native1"
