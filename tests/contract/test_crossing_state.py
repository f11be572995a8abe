"""Tool loops with thinking models over real HTTP: what a provider signed comes back, and to it alone."""

from __future__ import annotations

import http.client
import itertools
import json

import pytest

import modelway
from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.fold import fold
from modelway.simulator.script import Reply, Rule, Script
from modelway.simulator.serve import SimulatorThread
from modelway.testing.contracts import decode_stream
from modelway.testing.crossing import going_on
from modelway.testing.scenarios import WEATHER, asked, said
from modelway.types import Message, Reasoning, Text, ToolCall
from support.serving import served

SCRIPT = Script(rules=(Rule(reply=Reply(reasoning="Let me think.")),))
MODELS = {
    "oai": ("openai-chat", "/v1", "gpt-5.1"),
    "rsp": ("openai-responses", "/v1", "gpt-5.1"),
    "ant": ("anthropic-messages", "/v1", "claude-sonnet-4-5"),
    "gem": ("gemini", "/v1beta", "gemini-3-pro-preview"),
    "bed": ("bedrock-converse", "", "us.anthropic.claude-sonnet-4-5-v1:0"),
    "coh": ("cohere", "", "command-a-reasoning-08-2025"),
    "oll": ("ollama", "", "qwen3"),
}
"""A provider, and a client of its dialect: the dialect, where it begins, and a model."""
CARRYING = ["oai", "rsp", "ant", "gem", "bed"]
SIGNING = ["rsp", "ant", "gem", "bed"]
CLIENT = Quirks(cache_control=True, developer_role=True, reasoning_field="reasoning_details")
QUESTION = asked(said("user", "What is the weather in Berlin?"), tools=(WEATHER,))


@pytest.fixture(scope="module")
def providers():
    with SimulatorThread(SCRIPT) as running:
        yield {
            name: {
                "like": "simulator",
                "base_url": running.base_url + base,
                "dialect": spoken,
                "retries": 0,
            }
            for name, (spoken, base, _) in MODELS.items()
        }


@pytest.fixture(scope="module")
def gateway(providers, tmp_path_factory):
    with served({"providers": providers}, tmp_path_factory.mktemp("state")) as running:
        yield running


def post(gateway, client, model, body, stream=False):
    _, base, _ = MODELS[client]
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=20)
    try:
        headers = {"authorization": f"Bearer {gateway.key}", "content-type": "application/json"}
        path = dialect(MODELS[client][0]).upstream["chat"].path(model, stream)
        connection.request("POST", base + path, body, headers)
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    assert response.status == 200, answer
    return answer, response.headers.get("x-modelway-warnings", "")


def written(client, model, request, stream=False):
    codec = dialect(MODELS[client][0]).upstream["chat"]
    return codec.encode(request, Target(model=model, quirks=CLIENT), stream).body


def ask(gateway, client, model, request, stream):
    """As a client of this dialect asks and reads: the message, and what it was warned of."""
    answer, warned = post(gateway, client, model, written(client, model, request, stream), stream)
    spoken = MODELS[client][0]
    if not stream:
        return dialect(spoken).upstream["chat"].decode(answer).message, warned
    events, error = decode_stream(dialect(spoken), [answer])
    assert error is None
    return fold(events).message, warned


def echoed(client, body, answer):
    """The body of a tool loop's next request, with the answer in it as it came."""
    told, said = json.loads(body), json.loads(answer)
    match client:
        case "oai":
            message = {k: v for k, v in said["choices"][0]["message"].items() if v is not None}
            told["messages"][1] = message
        case "rsp":
            results = [item for item in told["input"] if item["type"] == "function_call_output"]
            told["input"] = [told["input"][0], *said["output"], *results]
        case "ant":
            told["messages"][1]["content"] = said["content"]
        case "gem":
            told["contents"][1] = said["candidates"][0]["content"]
        case "bed":
            told["messages"][1] = said["output"]["message"]
    return json.dumps(told).encode()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("provider", SIGNING)
@pytest.mark.parametrize("client", CARRYING)
def test_a_tool_loop_through_the_gateway_brings_state_back(gateway, client, provider, stream):
    model = f"{provider}/{MODELS[provider][2]}"
    message, _ = ask(gateway, client, model, QUESTION, stream)
    assert any(isinstance(part, ToolCall) for part in message.parts)
    request = going_on(message)
    last, warned = ask(gateway, client, model, request, stream)
    assert any(isinstance(part, Text) for part in last.parts)
    assert "messages" not in warned, "thoughts or signatures were left out"


@pytest.mark.parametrize("provider", SIGNING)
@pytest.mark.parametrize("client", ["coh", "oll"])
def test_a_client_that_carries_no_state_goes_on_without_it(gateway, client, provider):
    model = f"{provider}/{MODELS[provider][2]}"
    message, _ = ask(gateway, client, model, QUESTION, False)
    last, warned = ask(gateway, client, model, going_on(message), False)
    assert any(isinstance(part, Text) for part in last.parts)
    if provider == "gem":
        assert "messages" in warned, "a call without its signature"


@pytest.mark.parametrize("client", CARRYING)
@pytest.mark.parametrize(("first", "second"), [*itertools.permutations(["oai", *SIGNING], 2)])
def test_a_conversation_goes_on_at_another_provider(gateway, client, first, second):
    """Also at one of the client's own dialect, which is sent its bytes but for another's state."""
    one, other = (f"{name}/{MODELS[name][2]}" for name in (first, second))
    answer, _ = post(gateway, client, one, written(client, one, QUESTION))
    codec = dialect(MODELS[client][0]).upstream["chat"]
    request = going_on(codec.decode(answer).message)
    body = echoed(client, written(client, other, request), answer)
    last = codec.decode(post(gateway, client, other, body)[0]).message
    assert any(isinstance(part, Text) for part in last.parts)


@pytest.mark.parametrize(("first", "second"), [*itertools.permutations(MODELS, 2)])
async def test_the_sdk_goes_on_at_another_provider_and_says_what_it_leaves_out(
    providers, first, second
):
    async with modelway.Client({"providers": providers}) as client:
        one, other = (f"{name}/{MODELS[name][2]}" for name in (first, second))
        answer = await client.chat(QUESTION.messages, model=one, tools=[WEATHER])
        again = going_on(answer.message)
        last = await client.chat(again.messages, model=other, tools=[WEATHER])
    assert last.text
    claudes = {first, second} == {"ant", "bed"}  # one signature, known to both
    signed = any(
        getattr(part, "signature", None) or getattr(part, "encrypted", None)
        for part in answer.message.parts
    )
    if signed and not claudes:
        assert any(warning.setting.startswith("messages") for warning in last.warnings)


def _state(part):
    """Of Responses that are kept, an id is enough."""
    if isinstance(part, Reasoning):
        return part.signature or part.encrypted or (part.id and part.format)
    return isinstance(part, ToolCall) and part.signature


def test_thoughts_are_thought(gateway):
    """The material of these tests is there: each of these providers gives state to come back."""
    for provider in SIGNING:
        message, _ = ask(gateway, provider, f"{provider}/{MODELS[provider][2]}", QUESTION, False)
        assert any(_state(part) for part in message.parts), provider
        assert isinstance(message, Message)
        assert json.dumps([part.name for part in message.parts if isinstance(part, ToolCall)])
