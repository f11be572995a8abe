"""The catalogue's row: where Gemini is asked in each dialect, and how the key travels there."""

from __future__ import annotations

import asyncio

import pytest

from modelway.call import Call
from modelway.config.load import load
from modelway.config.resolve import resolve
from modelway.dialects import dialect
from modelway.exchange import speaking
from modelway.sending import Sender

HOST = "/v1beta"


class Kept:
    """A transport that answers nothing and keeps what it was asked."""

    status, headers = 200, ()

    async def send(self, request):
        self.request = request
        return self

    async def aclose(self):
        """Nothing is open."""


def asked(operation="chat", client=None, stream=False, **provider):
    settings = load({"providers": {"gemini": provider}}, environment={"GEMINI_API_KEY": "k-1"})
    [deployment] = resolve(settings, "gemini/gemini-2.5-flash").deployments
    spoken = speaking(deployment, operation, client)
    kept = Kept()
    call = Call(id="1", model="m", operation=operation, stream=stream)
    codec = dialect(spoken.dialect).upstream[operation]
    asyncio.run(Sender(spoken, kept).send(call, codec, b"{}"))
    return kept.request.target, dict(kept.request.headers)


@pytest.mark.parametrize(
    ("operation", "stream", "target"),
    [
        ("chat", False, f"{HOST}/models/gemini-2.5-flash:generateContent"),
        ("chat", True, f"{HOST}/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("count_tokens", False, f"{HOST}/models/gemini-2.5-flash:countTokens"),
        ("embed", False, f"{HOST}/models/gemini-2.5-flash:batchEmbedContents"),
        ("models", False, f"{HOST}/models?pageSize=1000"),
    ],
)
def test_its_own_dialect_with_its_own_header(operation, stream, target):
    where, headers = asked(operation, stream=stream)
    assert where == target
    assert headers[b"x-goog-api-key"] == b"k-1"
    assert b"authorization" not in headers
    assert "k-1" not in where


def test_the_compatible_api_takes_a_bearer_token():
    where, headers = asked(client="openai-chat")
    assert where == f"{HOST}/openai/chat/completions"
    assert headers[b"authorization"] == b"Bearer k-1"
    assert b"x-goog-api-key" not in headers


def test_what_an_operator_says_of_the_key_holds_for_all_dialects():
    _, headers = asked(client="openai-chat", auth="api-key")
    assert headers[b"api-key"] == b"k-1"
