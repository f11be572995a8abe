"""AWS's own client at the gateway, and Bedrock behind it: Converse, and Claude by InvokeModel."""

from __future__ import annotations

import base64
import json

import anthropic
import pytest
from botocore import UNSIGNED, session
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

import modelway
from modelway.framing.eventstream import frame
from modelway.simulator.serve import SimulatorThread
from support.origin_server import chunked, plain, serve
from support.serving import served

HELLO = [{"role": "user", "content": [{"text": "Tell me about rivers."}]}]
CLAUDE, NOVA = "us.anthropic.claude-sonnet-5", "us.amazon.nova-lite-v1:0"
STREAM = (b"content-type: application/vnd.amazon.eventstream", b"x-amzn-requestid: r-1")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with SimulatorThread() as simulator:
        base = f"{simulator.base_url}/v1"
        providers = {
            "oai": {"like": "simulator", "base_url": base, "retries": 0},
            "ant": {
                "like": "simulator",
                "base_url": base,
                "dialect": "anthropic-messages",
                "retries": 0,
            },
        }
        with served({"providers": providers}, tmp_path_factory.mktemp("state")) as running:
            yield running


@pytest.fixture
def aws(gateway):
    """AWS's client sends keys by TLS alone, so here its requests are given theirs."""
    made = session.Session().create_client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=gateway.url,
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )
    made.meta.events.register(
        "request-created.bedrock-runtime",
        lambda request, **_: request.headers.add_header("authorization", f"Bearer {gateway.key}"),
    )
    yield made
    made.close()


@pytest.mark.parametrize("provider", ["oai", "ant"])
def test_awss_client_asks_any_provider(aws, provider):
    answer = aws.converse(modelId=f"{provider}/sim-demo", messages=HELLO)
    [block] = answer["output"]["message"]["content"]
    assert len(block["text"]) > 20
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"]["totalTokens"] > 10


@pytest.mark.parametrize("provider", ["oai", "ant"])
def test_awss_client_streams_from_any_provider(aws, provider):
    answer = aws.converse_stream(modelId=f"{provider}/sim-demo", messages=HELLO)
    events = list(answer["stream"])
    text = "".join(
        [
            event["contentBlockDelta"]["delta"]["text"]
            for event in events
            if "contentBlockDelta" in event
        ]
    )
    whole = aws.converse(modelId=f"{provider}/sim-demo", messages=HELLO)
    assert text == whole["output"]["message"]["content"][0]["text"]
    assert events[-1]["metadata"]["usage"]["outputTokens"] > 10


@pytest.mark.parametrize(
    ("model", "code"),
    [("nobody/nothing", "ResourceNotFoundException"), ("oai/sim-429", "ThrottlingException")],
)
def test_awss_client_reads_our_refusals(aws, model, code):
    with pytest.raises(ClientError) as told:
        aws.converse(modelId=model, messages=HELLO)
    assert told.value.response["Error"]["Code"] == code


def test_awss_client_counts_tokens(aws):
    counted = aws.count_tokens(modelId="ant/sim-demo", input={"converse": {"messages": HELLO}})
    assert counted["inputTokens"] > 3


def test_awss_client_sees_a_stream_that_breaks(aws):
    with pytest.raises((EventStreamError, ClientError)):
        list(aws.converse_stream(modelId="oai/sim-drop", messages=HELLO)["stream"])


# ---------------------------------------------------------------- Bedrock behind us


def event(name, **payload):
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(payload).encode())


CONVERSED = [
    event("messageStart", role="assistant"),
    event("contentBlockDelta", delta={"text": "Hel"}, contentBlockIndex=0),
    event("contentBlockDelta", delta={"text": "lo"}, contentBlockIndex=0),
    event("contentBlockStop", contentBlockIndex=0),
    event("messageStop", stopReason="end_turn"),
    event(
        "metadata",
        usage={"inputTokens": 5, "outputTokens": 2, "totalTokens": 10, "cacheReadInputTokens": 3},
    ),
]


def bedrock(origin, **more):
    """A configuration with Bedrock at this origin."""
    base_url = f"http://127.0.0.1:{origin.port}"
    row = {"base_url": base_url, "region": "us-east-1", "api_key": "bedrock-key-1", "retries": 0}
    return {"providers": {"bedrock": {**row, **more}}}


async def test_converse():
    body = json.dumps(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7},
            "metrics": {"latencyMs": 9},
        }
    ).encode()
    answer = plain(body, b"content-type: application/json", b"x-amzn-requestid: r-1")
    async with serve(answer) as origin, modelway.Client(bedrock(origin)) as client:
        response = await client.chat("Hi", model=f"bedrock/{NOVA}")
        assert (response.text, response.usage.output_tokens) == ("Hello", 2)
        assert response.request_id == "r-1"
        [asked] = origin.requests
        assert asked.target == "/model/us.amazon.nova-lite-v1%3A0/converse"
        assert asked.header("authorization") == "Bearer bedrock-key-1"
        assert json.loads(asked.body) == {
            "messages": [{"role": "user", "content": [{"text": "Hi"}]}]
        }


async def test_converse_stream():
    answer = chunked(
        *[piece[at : at + 9] for piece in CONVERSED for at in range(0, len(piece), 9)],
        headers=STREAM,
    )
    async with serve(answer) as origin, modelway.Client(bedrock(origin)) as client:
        async with client.stream("Hi", model=f"bedrock/{NOVA}") as stream:
            response = await stream.collect()
        assert response.text == "Hello"
        assert (response.usage.input_tokens, response.usage.cached_tokens) == (8, 3)
        assert origin.requests[0].target.endswith("/converse-stream")


async def test_a_refusal_and_an_exception_in_a_stream():
    refused = plain(
        b'{"message":"Too many requests"}',
        b"x-amzn-errortype: ThrottlingException:http://internal/",
        status=b"429 Too Many Requests",
    )
    throttled = frame(
        {":exception-type": "throttlingException", ":message-type": "exception"},
        b'{"message":"Slow down"}',
    )
    broken = chunked(*CONVERSED[:2], throttled, headers=STREAM)
    async with serve(refused, broken) as origin, modelway.Client(bedrock(origin)) as client:
        with pytest.raises(modelway.RateLimitError) as told:
            await client.chat("Hi", model=f"bedrock/{NOVA}")
        assert told.value.code == "ThrottlingException"
        with pytest.raises(modelway.RateLimitError, match="Slow down"):
            async with client.stream("Hi", model=f"bedrock/{NOVA}") as stream:
                await stream.collect()


MESSAGE = {
    "id": "msg_bdrk_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 1},
}
MESSAGES = [
    {"type": "message_start", "message": MESSAGE},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 2},
    },
    {"type": "message_stop"},
]


def invoked(one):
    data = base64.b64encode(json.dumps(one).encode()).decode()
    return event("chunk", bytes=data, p="abc")


async def test_anthropics_client_reaches_claude_by_invoke(tmp_path):
    whole = {**MESSAGE, "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn"}
    answers = [
        plain(json.dumps(whole).encode(), b"content-type: application/json"),
        chunked(*map(invoked, MESSAGES), headers=STREAM),
    ]
    asked = {
        "model": f"bedrock/{CLAUDE}",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}],
    }
    async with serve(*answers) as origin:
        with served(bedrock(origin), tmp_path) as gateway:
            async with anthropic.AsyncAnthropic(
                base_url=gateway.url, api_key=gateway.key, max_retries=0
            ) as client:
                betas = {"anthropic-beta": "context-1m-2025-08-07"}
                answer = await client.messages.create(**asked, extra_headers=betas)
                assert answer.content[0].text == "Hello"
                async with client.messages.stream(**asked) as stream:
                    assert await stream.get_final_text() == "Hello"
        first, second = origin.requests
        assert first.target == f"/model/{CLAUDE}/invoke"
        assert second.target == f"/model/{CLAUDE}/invoke-with-response-stream"
        assert json.loads(first.body) == {
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "Hi"}],
            "anthropic_version": "bedrock-2023-05-31",
            "anthropic_beta": ["context-1m-2025-08-07"],
        }


async def test_anthropics_client_reaches_nova_by_converse(tmp_path):
    async with serve(chunked(*CONVERSED, headers=STREAM)) as origin:
        with served(bedrock(origin), tmp_path) as gateway:
            async with (
                anthropic.AsyncAnthropic(
                    base_url=gateway.url, api_key=gateway.key, max_retries=0
                ) as client,
                client.messages.stream(
                    model=f"bedrock/{NOVA}",
                    max_tokens=9,
                    messages=[{"role": "user", "content": "Hi"}],
                ) as stream,
            ):
                assert await stream.get_final_text() == "Hello"
        assert origin.requests[0].target.endswith("/converse-stream")
