"""The recorded provider traffic beside the repository, as exchanges of the two wires tested here.

Read from ``../shared/recorded`` and never copied; where it is absent its tests are skipped.
"""

from __future__ import annotations

import base64
import json
import lzma
import random
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PATH = Path(__file__).parents[3] / "shared" / "recorded" / "dev.jsonl.xz"

CHUNKINGS = ("event", "tiny", "torn", "whole", "byte")

OPENAI_HOSTS_WITH_MODELS = frozenset(
    ["cerebras", "groq", "lmstudio", "mistral", "openai", "openrouter", "vllm"]
)

NOT_THIS_WIRE = {
    "c686c36790b86362": "an object of xAI's Responses API, filed as chat",
    "d5ba057a396ba120": "an object of xAI's Responses API, filed as chat",
    "ef6358aecf1bc5f1": "a stream of xAI's Responses API, filed as chat",
}
"""Recordings filed under an operation that they are not."""

ERROR_IN_STREAM = {
    "574de690bdfc5ce4": "tool_use_failed",  # Groq: `event: error`
    "0eb261fece6ca95e": "502",  # OpenRouter: a chunk with `error` after the finish
    "0cf6e1e8d8864ee9": "insufficient_quota",  # OpenAI's Responses: `error`, then response.failed
}
"""Streams with status 200 that the provider itself ended with an error: the error's code."""

TWO_STREAMS = {
    "abfcfeab77ed5871": "four responses of a tool loop, one after the other",
    "0928a4f71f277e92": "two messages one after the other in one recording, hand-made for a test",
}
"""Recordings that hold more than one stream; nothing is read behind the first one's end."""

BARE_LIST = {"d040dbfb6e70fd42": "LM Studio without models answers `[]`, not a list object"}
"""Model lists that are not in an object; read as a list, or refused as unreadable."""

REFUSED_HERE = {
    "36a502ae58a7f1ca": "max_tokens is a string",
    "56e6272b59d5221f": "max_tokens is -1",
    "a2e1a74afc008aaf": "max_tokens is -1",
    "ab7f84be88fc6d88": "max_tokens is -1",
    "c63aae338d18e9b5": "max_tokens is -1",
    "ab9e89eb01225345": "max_tokens is 0",
    "bfc07eea1fe7fb2c": "a prompt that its provider stored, without input: nobody else can read it",
    "30f061bf91eb1bb4": "images stand beside the content, as in Ollama's own API",
    "8aeecb2a39dfcc4f": "temperature is a string",
}
"""Requests that a lenient host took and that are refused here once they must be understood: a cap
must bound what a call can cost. A provider of the same dialect is sent their bytes unread.
"""


NOT_MODELLED = {
    "6768ce996aeada89": "prompt_cache_breakpoint in a part, OpenAI's newest, is not read",
    "e79a7b26d94bc206": "prompt_cache_breakpoint in a part, OpenAI's newest, is not read",
    "0bc222b5033d3b2e": "a client's own fields in messages and reasoning_details of MiniMax",
    "2e4126ca43f7c7e7": "a client's own fields in messages and reasoning_details of MiniMax",
    "b1d3835857c4d61c": "a client's own fields in messages and reasoning_details of MiniMax",
    "4c711f73bbcbd08b": "cache_control beside a message's content or in a call, not in a part",
    "bf5ff983ce26c897": "cache_control beside a message's content or in a call, not in a part",
    "0deafff25529d787": "cache_control beside a message's content or in a call, not in a part",
    "8fdf09a51c7215e4": "cache_control beside a message's content or in a call, not in a part",
    "9c6f1526f9f813bd": "cache_control beside a message's content or in a call, not in a part",
    "e080ed05e166a3fc": "cache_control beside a message's content or in a call, not in a part",
}
"""Requests with fields inside messages that a decoded request does not hold. Bytes sent on to the
same dialect keep them.
"""


_GEMINI = {"count_tokens": "count_tokens", "embeddings": "embed", "models": "models"}


class Exchange(NamedTuple):
    id: str
    provider: str
    dialect: str
    operation: str
    fidelity: str
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    stream: bool
    body: bytes
    request: Any

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@cache
def exchanges() -> tuple[Exchange, ...]:
    """All exchanges of the two wires, decompressed once; empty where the corpus is absent."""
    if not PATH.exists():
        return ()
    with lzma.open(PATH) as lines:
        found = [_exchange(json.loads(line)) for line in lines]
    return tuple([one for one in found if one is not None])


def _exchange(record: dict[str, Any]) -> Exchange | None:
    wire = _wire(record)
    if wire is None or record["id"] in NOT_THIS_WIRE:
        return None
    response = record["response"]
    text = response.get("body_text")
    body = base64.b64decode(response["body_base64"]) if text is None else text.encode()
    return Exchange(
        id=record["id"],
        provider=record["provider"],
        dialect=wire[0],
        operation=wire[1],
        fidelity=record["fidelity"],
        status=response["status"],
        headers=tuple(
            [(n.lower().encode(), str(v).encode()) for n, v in response["headers"].items()]
        ),
        stream=response["kind"] == "sse",
        body=body,
        request=record["request"].get("json"),
    )


def _wire(record: dict[str, Any]) -> tuple[str, str] | None:
    api, provider, path = record["api"], record["provider"], record["request"]["path"]
    if api == "chat":
        return "openai-chat", "chat"
    if api == "responses":
        return "openai-responses", "chat"
    if api == "responses_input_tokens":
        return "openai-responses", "count_tokens"
    if api in ("messages", "anthropic_raw"):
        return "anthropic-messages", "chat"
    if api in ("generate", "stream_generate"):
        return "gemini", "chat"
    if provider == "gemini" and api in _GEMINI:
        return "gemini", _GEMINI[api]
    if api == "count_tokens" and provider == "anthropic":
        return "anthropic-messages", "count_tokens"
    if api == "embeddings" and provider not in ("gemini", "vertex"):
        return "openai-chat", "embed"
    if api == "completions" and "organization" not in path:
        return "openai-chat", "complete"
    if api == "models" and provider == "openai" and "/models/" in path:
        return "openai-chat", "model"
    if api == "models" and path.rstrip("/").endswith("/models"):
        if provider == "anthropic":
            return "anthropic-messages", "models"
        if provider in OPENAI_HOSTS_WITH_MODELS:
            return "openai-chat", "models"
    return None


def pieces(body: bytes, chunking: str, seed: object = 7) -> list[bytes]:
    """The body as a transport might deliver it; the same pieces for the same seed."""
    if chunking == "whole":
        return [body]
    if chunking == "byte":
        return [body[i : i + 1] for i in range(len(body))]
    if chunking == "event":
        return [part for part in re.split(rb"(?<=\n\n)|(?<=\n\r\n)", body) if part]
    chance = random.Random(f"{seed}/{chunking}")
    most = 7 if chunking == "tiny" else 400
    cut, at = [], 0
    while at < len(body):
        size = chance.randint(1, most)
        # Torn pieces end in the middle of things, never at an event's border.
        while chunking == "torn" and body[at + size - 1 : at + size] == b"\n":
            size += 1
        cut.append(body[at : at + size])
        at += size
    return cut
