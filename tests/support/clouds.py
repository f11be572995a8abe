"""What clouds answer, by hand from their documentation, and a world where they are on loopback."""

from __future__ import annotations

import base64
import json
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from modelway.framing.eventstream import frame
from support.endpoints import Asked, told
from support.origin_server import Received, plain

AWS_KEYS = ("AKIDEXAMPLE", "canary-secret", "canary-session")
TOKEN_HOSTS = ("login.microsoftonline.com", "oauth2.googleapis.com")

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
        if path.endswith(("/messages", ":rawPredict", ":streamRawPredict")):
            return (
                _events(*ANTHROPIC_EVENTS, named=True) if fields.get("stream") else told(ANTHROPIC)
            )
        answers = {
            ":generateContent": lambda: told(GEMINI),
            ":streamGenerateContent": lambda: _events(GEMINI),
            "/converse": lambda: told(CONVERSE),
            "/converse-stream": lambda: _frames(*[framed(*each) for each in CONVERSE_EVENTS]),
            "/invoke": lambda: told(ANTHROPIC),
            "/invoke-with-response-stream": lambda: _frames(*map(invoked, ANTHROPIC_EVENTS)),
        }
        found = [answer for end, answer in answers.items() if path.endswith(end)]
        return found[0]() if found else told({"message": f"no {path}"}, b"404 Not Found")


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
