"""An engine whose providers want fetched or computed credentials, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from modelway.auth import AwsSettings, EntraSettings, aws_signer, callback_signer, entra_signer
from modelway.call import Call, Options
from modelway.config.load import load
from modelway.engine import Engine
from modelway.errors import AuthenticationError, LLMError
from modelway.messages import user
from modelway.types import ChatRequest, TextDelta
from support.endpoints import told, world
from support.origin_server import plain

AZURE, AWS, OTHER = (f"https://{name}.example.com" for name in ("azure", "aws", "other"))
MESSAGE = {"role": "assistant", "content": "hi"}
ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
CHUNK = {
    "id": "1",
    "object": "chat.completion.chunk",
    "model": "m",
    "choices": [{"index": 0, "delta": MESSAGE, "finish_reason": "stop"}],
}


class Endpoints:
    """Entra and three providers. A token holds for the requests that come before the next one."""

    def __init__(self):
        self.tokens = 0
        self.refusing = False

    def __call__(self, asked):
        request = asked.received
        if "//login.microsoftonline.com" in asked.url:
            if self.refusing:
                return told({"error": "invalid_client", "x": "canary"}, b"401 Unauthorized")
            self.tokens += 1
            return told({"access_token": f"canary-{self.tokens}", "expires_in": 3600})
        sent = request.header("authorization")
        right = {
            "azure": f"Bearer canary-{self.tokens}",
            "aws": by_botocore(request) if "//aws." in asked.url else "",
            "other": "Bearer brought",
        }[asked.url.split("//")[1].split(".")[0]]
        if sent != right:
            return told({"error": {"message": "wrong credential"}}, b"401 Unauthorized")
        if json.loads(request.body).get("stream"):
            stream = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(CHUNK).encode()
            return plain(stream, b"content-type: text/event-stream")
        return told(ANSWER)


def by_botocore(request) -> str:
    """What botocore would have written over the bytes that came."""
    sent = request.header("authorization")
    names = sent.split("SignedHeaders=")[1].split(",")[0].split(";")
    aws = AWSRequest(request.method, f"{AWS}{request.target}", data=request.body)
    for name, value in request.headers:
        if name in names and name != "host":
            aws.headers[name] = value
    aws.context["timestamp"] = request.header("x-amz-date")
    signer = SigV4Auth(
        Credentials("AKID", "canary-secret", "canary-session"), "bedrock", "us-east-1"
    )
    text = signer.string_to_sign(aws, signer.canonical_request(aws))
    return sent.rpartition("=")[0] + "=" + signer.signature(text, aws)


def engine(w, **routes):
    providers = {
        name: {"like": "openai-compatible", "base_url": f"{url}/v1"}
        for name, url in (("azure", AZURE), ("aws", AWS), ("other", OTHER))
    }
    settings = load({"providers": providers, "models": routes}, environment={})
    signers = {
        "azure": entra_signer(
            EntraSettings(tenant_id="t", client_id="c", client_secret="canary-secret"), w.around
        ),
        "aws": aws_signer(
            AwsSettings(
                region="us-east-1",
                access_key_id="AKID",
                secret_access_key="canary-secret",
                session_token="canary-session",
            ),
            w.around,
        ),
        "other": callback_signer(lambda: "brought"),
    }
    return Engine(settings, w.around.transport, clock=w.clock, signers=signers)


def call(model="m", stream=False):
    request = ChatRequest(messages=(user("hello"),))
    return Call(id="1", model=model, request=request, stream=stream, options=Options())


@pytest.mark.parametrize("provider", ["azure", "aws", "other"])
async def test_whole_answers_and_streams_are_authorised(provider):
    async with world(Endpoints()) as w:
        running = engine(w, m=f"{provider}/x")
        assert (await running.handle(call())).value.text == "hi"
        reply = await running.handle(call(stream=True))
        events = [event async for batch in reply.events for event in batch]
        assert [event.text for event in events if isinstance(event, TextDelta)] == ["hi"]


async def test_a_hundred_calls_fetch_one_token_and_a_later_one_another():
    endpoints = Endpoints()
    async with world(endpoints) as w:
        running = engine(w, m="azure/x")
        await asyncio.gather(*[running.handle(call()) for _ in range(100)])
        assert endpoints.tokens == 1
        w.clock.now_s += 3595
        await running.handle(call())
        assert endpoints.tokens == 2


async def test_a_refused_credential_falls_back_and_is_in_no_error():
    endpoints = Endpoints()
    endpoints.refusing = True
    async with world(endpoints) as w:
        running = engine(w, m=["azure/x", "aws/x"], alone="azure/x")
        reply = await running.handle(call())
        assert [attempt.error for attempt in reply.failed] == ["AuthenticationError"]
        with pytest.raises(LLMError) as caught:
            await running.handle(call("alone"))
        assert isinstance(caught.value, AuthenticationError)
        assert caught.value.code == "invalid_client"
        assert "canary" not in f"{caught.value!r}{reply.failed!r}"
