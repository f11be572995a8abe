"""OpenAI's Chat Completions, which most hosts and engines copy: us to them, and clients to us."""

from __future__ import annotations

from modelway.dialects.openai_chat import (
    completed,
    completions,
    decoder,
    downstream,
    upstream,
    usage,
)
from modelway.dialects.openai_chat.encoder import ChunkEncoder
from modelway.dialects.openai_chat.relay import ChunkRelay
from modelway.dialects.openai_chat.splice import splice
from modelway.dialects.openai_chat.wire import NAME, read_plain
from modelway.dialects.openai_wire import embeddings, faults, models, rerank
from modelway.dialects.openai_wire.body import SUBSET
from modelway.ports import Codec, Dialect, Face
from modelway.types import Usage


def _usage(body: bytes) -> Usage | None:
    """The usage of a whole answer; raises what ``decode`` raises for an answer that is none."""
    plain = read_plain(body)
    if plain is not None:
        return usage.plain(plain)
    said = decoder.decode(body).usage
    return said if said != Usage() else None


def _chat_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the same for all
    return "/chat/completions"


DIALECT = Dialect(
    name=NAME,
    upstream={
        "chat": Codec(
            _chat_path,
            upstream.encode,
            decoder.decode,
            decoder.ChunkDecoder,
            relay=ChunkRelay,
            usage=_usage,
        ),
        "complete": Codec(
            completions.path,
            completions.encode,
            decoder.decode,
            decoder.ChunkDecoder,
            relay=ChunkRelay,
            usage=_usage,
        ),
        "embed": Codec(
            embeddings.path, embeddings.encode, embeddings.decode, usage=embeddings.usage
        ),
        "rerank": Codec(rerank.path, rerank.encode, rerank.decode, usage=rerank.usage),
        "models": Codec(models.list_path, models.ask, models.decode),
        "model": Codec(models.one_path, models.ask, models.decode_one),
    },
    downstream={
        "chat": Face(downstream.decode, downstream.encode, ChunkEncoder),
        "complete": Face(completions.decode, completed.encode, completed.CompletionEncoder),
        "embed": Face(
            embeddings.decode_asked, embeddings.encode_answer, answer=embeddings.encode_answer
        ),
        "rerank": Face(rerank.decode_asked, rerank.encode_answer),
        "models": Face(models.asked, models.encode),
        "model": Face(models.asked, models.encode_one),
    },
    splice=splice,
    error=faults.error,
    refuse=faults.refuse,
    # Features and traces; organisation and project belong to the operator's own account.
    passed_headers=frozenset({b"openai-beta", b"x-client-request-id"}),
    schema_subset=SUBSET,
    inlined=frozenset({"audio", "file"}),
)
