"""Every recorded exchange goes through a cassette unchanged, and is found again by its request."""

import json
from contextlib import nullcontext

import pytest

from modelway.errors import APIConnectionError
from modelway.transport.cassette import Player, Recorder
from support.cassettes import Scripted, ScriptedResponse, TestClock, wire
from support.corpus import pieces
from support.counts import count


def asked(one, *, backwards=False):
    """Its request, told from all others by the target; its fields in the other order."""
    body = one.request
    if backwards and isinstance(body, dict):
        body = dict(reversed(body.items()))
    content = b"" if body is None else json.dumps(body, indent=2 if backwards else None).encode()
    return wire(content, target=f"/{one.id}", method="POST" if content else "GET")


def steps(one, chunking):
    """Its pieces; a stream is cut after the last."""
    cut = APIConnectionError("cut", code="cut")
    return [*pieces(one.body, chunking, one.id), *([cut] if one.stream else [])]


@pytest.mark.parametrize("chunking", ["event", "torn"])
async def test_bytes_chunks_and_heads_are_kept(exchanges, tmp_path, chunking):
    path = tmp_path / "c.jsonl"
    clock = TestClock()
    answers = [
        ScriptedResponse(steps(one, chunking), clock, status=one.status, headers=one.headers)
        for one in exchanges
    ]
    recorder = Recorder(Scripted(*answers), path, clock=clock)
    for one in exchanges:
        response = await recorder.send(asked(one))
        assert await read(response, broken=one.stream) == pieces(one.body, chunking, one.id)
    player = Player(path, speed=0)
    removed = {
        b"set-cookie",
        b"openai-organization",
        b"openai-project",
        b"anthropic-organization-id",
    }
    for one in exchanges:
        response = await player.send(asked(one, backwards=True))
        assert response.status == one.status
        assert response.headers == tuple([pair for pair in one.headers if pair[0] not in removed])
        assert await read(response, broken=one.stream) == pieces(one.body, chunking, one.id)
        count("cassettes keep an exchange", one.provider)


async def read(response, *, broken):
    found = []
    with pytest.raises(APIConnectionError, match="cut") if broken else nullcontext():
        async for piece in response:
            found.append(piece)  # noqa: PERF401 - what came before the cut is kept
    return found
