"""What tests of the semantic cache share: calls, a provider that counts, and vectors of one's choice."""

import asyncio
import json
from pathlib import Path

from modelway.call import Body, Call, Deployment, Options, Reply, Target
from modelway.catalog.load import providers
from modelway.framing.fields import split
from modelway.policies.caching.kept import Replay
from modelway.policies.caching.semantic.cache import SemanticCache
from modelway.policies.caching.values import CacheSettings, SemanticSettings
from modelway.types import Usage
from support.hand_clock import HandClock

SET = Path(__file__).parents[2] / "bench" / "paraphrases"
WHERE = Deployment(
    id="p/m",
    provider=providers()["simulator"],
    dialect="openai-chat",
    target=Target(model="m"),
    base_url="http://127.0.0.1:1/v1",
)
USAGE = Usage(input_tokens=3, output_tokens=2)


def pairs(half):
    """(question, line, whether they are the same, kind) of a half of the labelled set."""
    found, asked = [], ""
    for line in (SET / f"{half}.txt").read_text(encoding="utf-8").splitlines():
        mark, _, text = line.partition(" ")
        if mark == "?":
            asked = text.strip()
        elif mark in {"+", "-"}:
            kind, _, said = text.strip().partition(" ")
            found.append((asked, said.strip(), mark == "+", kind))
    return found


def answer(text="hi", finish="stop"):
    """In the words of Chat Completions."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    said = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    told = {**said, "choices": [{**choice, "finish_reason": finish}], "usage": usage}
    return json.dumps(told).encode()


def chunk(finish=None, **delta):
    said = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({**said, "choices": choices}).encode() + b"\n\n"


STREAM = [
    chunk(role="assistant", content="h"),
    chunk(content="i") + chunk("stop"),
    b"data: [DONE]\n\n",
]


def call(text="How do I reset my password?", stream=False, options=None, fields=None, **more):
    said = {"model": "m", "messages": [{"role": "user", "content": text}], **(fields or {})}
    if stream:
        said["stream"] = True
    written = json.dumps(said).encode()
    body = Body(dialect="openai-chat", fields=split(written), size_bytes=len(written))
    options = options or Options()
    return Call(
        **{"id": "1", "model": "m", "stream": stream, "body": body, "options": options, **more}
    )


class Provider:
    """Answers in a client's own bytes; counts how often it is asked."""

    def __init__(self, body=None):
        self.asked = 0
        self.body = body or answer()

    async def __call__(self, call):
        self.asked += 1
        await asyncio.sleep(0)
        if call.stream:
            return Reply(deployment=WHERE, chunks=Replay(STREAM, USAGE))
        return Reply(deployment=WHERE, body=self.body, usage=USAGE)


class Embedder:
    """The same vector for all, as who crafts collisions would have it, unless told otherwise."""

    def __init__(self, **vectors):
        self.asked = []
        self.vectors = vectors
        self.error = None

    async def __call__(self, text):
        self.asked.append(text)
        if self.error is not None:
            raise self.error
        return self.vectors.get(text, [3.0, 4.0])


def semantic(
    embed=None, clock=None, vectors=None, known=(WHERE,), policies=b"", cache=None, **settings
):
    settings = SemanticSettings(**{"model": "house/embed", "threshold": 0.9, **settings})
    return SemanticCache(
        CacheSettings(**{"enabled": True, **(cache or {})}, semantic=settings),
        clock or HandClock(),
        embed=embed or Embedder(),
        deployment={one.id: one for one in known}.get,
        policies=policies,
        vectors=vectors,
    )


async def turns(number=6):
    """Let what is being written be written."""
    for _ in range(number):
        await asyncio.sleep(0)


async def ask(cache, provider, *arguments, **more):
    """The reply, when what is to be kept of it is kept."""
    asked = (
        arguments[0] if arguments and isinstance(arguments[0], Call) else call(*arguments, **more)
    )
    reply = await cache(asked, provider)
    await turns()
    return reply


async def read(reply):
    return [batch async for batch in reply.chunks or reply.events]
