"""What clouds answer, by hand from their documentation, and a world where they are on loopback."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import anthropic
import openai
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from modelway.framing.eventstream import frame
from modelway.gateway.app import Gateway
from modelway.gateway.authorise import open_keys
from modelway.gateway.serve import listen, run
from modelway.opening import open_engine
from support.endpoints import Asked, World, told
from support.origin_server import Received, plain
from support.serving import KEY

AWS_KEYS = ("AKIDEXAMPLE", "canary-secret", "canary-session")
TOKEN_HOSTS = (
    "login.microsoftonline.com",
    "oauth2.googleapis.com",
    "metadata.google.internal",
    "169.254.169.254",
)

_MESSAGE = {"role": "assistant", "content": "Hello"}
OPENAI = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}
OPENAI_CHUNKS: list[Any] = [
    {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    for delta, finish in ((_MESSAGE, None), ({}, "stop"))
] + [{"object": "chat.completion.chunk", "choices": [], "usage": OPENAI["usage"]}]

EMBEDDED = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1795000000,
    "status": "completed",
    "model": "gpt-4o-mini-2024-07-18",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
}

_EMPTY = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 1},
}
ANTHROPIC = {
    **_EMPTY,
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 2},
}
ANTHROPIC_EVENTS: list[Any] = [
    {"type": "message_start", "message": _EMPTY},
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

GEMINI = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7},
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r-1",
}

CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7},
    "metrics": {"latencyMs": 9},
}
CONVERSE_EVENTS: list[tuple[str, Any]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"delta": {"text": "Hello"}, "contentBlockIndex": 0}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": CONVERSE["usage"], "metrics": {"latencyMs": 9}}),
]


def framed(name: str, payload: Any) -> bytes:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(payload).encode())


def invoked(event: Any) -> bytes:
    """One event of Anthropic's in a frame of InvokeModel's."""
    return framed("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()})


def _events(*events: Any, named: bool = False, ended: bytes = b"") -> bytes:
    lines = [
        (b"event: %b\n" % event["type"].encode() if named else b"")
        + b"data: %b\n\n" % json.dumps(event).encode()
        for event in events
    ]
    return plain(b"".join(lines) + ended, b"content-type: text/event-stream")


def _frames(*frames: bytes) -> bytes:
    return plain(b"".join(frames), b"content-type: application/vnd.amazon.eventstream")


class Clouds:
    """Answers as each path is documented to. ``refusals``: a host's beginning → what it says instead.

    Tokens are ``canary-1``, ``canary-2`` …, each good for ``life_s``.
    """

    def __init__(self, life_s: int = 3600) -> None:
        self.tokens = 0
        self.life_s = life_s
        self.refusals: dict[str, bytes] = {}

    def __call__(self, asked: Asked) -> bytes:
        host = asked.url.split("//")[1]
        for beginning, refusal in self.refusals.items():
            if host.startswith(beginning):
                return refusal
        if host.startswith("169.254.169.254") and "/latest/" in asked.url:
            return _instance(asked)
        if host.startswith(TOKEN_HOSTS):
            self.tokens += 1
            return told({"access_token": f"canary-{self.tokens}", "expires_in": self.life_s})
        path = asked.received.target.partition("?")[0]
        fields = json.loads(asked.received.body or b"{}")
        if path.endswith(("/chat/completions",)):
            return (
                _events(*OPENAI_CHUNKS, ended=b"data: [DONE]\n\n")
                if fields.get("stream")
                else told(OPENAI)
            )
        if path.endswith("/count-tokens:rawPredict"):
            return told({"input_tokens": 5})
        if path.endswith(("/messages", ":rawPredict", ":streamRawPredict")):
            return (
                _events(*ANTHROPIC_EVENTS, named=True) if fields.get("stream") else told(ANTHROPIC)
            )
        answers = {
            ":generateContent": lambda: told(GEMINI),
            ":streamGenerateContent": lambda: _events(GEMINI),
            "/converse": lambda: told(CONVERSE),
            "/embeddings": lambda: told(EMBEDDED),
            "/responses": lambda: told(RESPONSE),
            "/count-tokens": lambda: told({"inputTokens": 5}),
            ":countTokens": lambda: told({"totalTokens": 5}),
            "/count_tokens": lambda: told({"input_tokens": 5}),
            "/converse-stream": lambda: _frames(*[framed(*each) for each in CONVERSE_EVENTS]),
            "/invoke": lambda: told(ANTHROPIC),
            "/invoke-with-response-stream": lambda: _frames(*map(invoked, ANTHROPIC_EVENTS)),
        }
        found = [answer for end, answer in answers.items() if path.endswith(end)]
        return found[0]() if found else told({"message": f"no {path}"}, b"404 Not Found")


def _instance(asked: Asked) -> bytes:
    """An EC2 instance's metadata service, version 2.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html,
    2026-11-21.
    """
    path = asked.received.target
    if path == "/latest/api/token":
        return plain(b"session-1", b"content-type: text/plain")
    if asked.received.header("x-aws-ec2-metadata-token") != "session-1":
        return plain(b"", status=b"401 Unauthorized")
    if path.endswith("/security-credentials/"):
        return plain(b"role-1", b"content-type: text/plain")
    names = ("AccessKeyId", "SecretAccessKey", "Token")
    keys = dict(zip(names, AWS_KEYS, strict=True))
    return told({"Code": "Success", **keys, "Expiration": "2099-01-01T00:00:00Z"})


def by_botocore(url: str, request: Received) -> str:
    """The authorization that botocore would have written over the bytes that came, at this URL."""
    sent = request.header("authorization") or ""
    names = sent.split("SignedHeaders=")[1].split(",")[0].split(";")
    aws = AWSRequest(request.method, url, data=request.body)
    for name, value in request.headers:
        if name in names and name != "host":
            aws.headers[name] = value
    aws.context["timestamp"] = request.header("x-amz-date")
    region = sent.split("/")[2]
    signer = SigV4Auth(Credentials(*AWS_KEYS), "bedrock", region)
    text = signer.string_to_sign(aws, signer.canonical_request(aws))
    return sent.rpartition("=")[0] + "=" + signer.signature(text, aws)


def service_account(directory: Path) -> str:
    """The path of a service account's file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    said = {
        "type": "service_account",
        "project_id": "proj-1",
        "client_email": "me@proj-1.iam.gserviceaccount.com",
        "private_key_id": "kid-1",
        "private_key": pem.decode(),
    }
    path = directory / "account.json"
    path.write_text(json.dumps(said))
    return str(path)


class Clients(NamedTuple):
    openai: openai.AsyncOpenAI
    anthropic: anthropic.AsyncAnthropic
    url: str


@contextlib.asynccontextmanager
async def gateway(w: World, config: Any, account: str, state: Path) -> AsyncIterator[Clients]:
    """The gateway over this world, in this loop, and clients of it."""
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    keys, _ = open_keys(state, [KEY])
    environment = {"GOOGLE_APPLICATION_CREDENTIALS": account}
    opened = await open_engine(config, environment=environment, transport=w.around.transport)
    started = asyncio.Event()
    serving = asyncio.create_task(run(Gateway(opened.engine, keys), listening, started.set))
    await asyncio.wait_for(started.wait(), 20)
    try:
        async with (
            openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as of_openai,
            anthropic.AsyncAnthropic(base_url=url, api_key=KEY, max_retries=0) as of_anthropic,
        ):
            yield Clients(of_openai, of_anthropic, url)
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        await opened.aclose()
