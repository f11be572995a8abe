"""OpenAI's Responses API, both halves: us → provider and client → us."""

from __future__ import annotations

from modelway.dialects.openai_responses import (
    answer,
    decoder,
    downstream,
    relay,
    upstream,
)
from modelway.dialects.openai_responses.encoder import Encoder
from modelway.dialects.openai_responses.splice import splice
from modelway.dialects.openai_responses.wire import NAME
from modelway.dialects.openai_wire import embeddings, faults, models
from modelway.dialects.openai_wire.body import SUBSET
from modelway.ports import Codec, Dialect, Face

DIALECT = Dialect(
    name=NAME,
    upstream={
        "chat": Codec(
            upstream.chat_path,
            upstream.encode_chat,
            decoder.decode,
            decoder.Decoder,
            relay=relay.relay,
            usage=decoder.usage,
        ),
        "count_tokens": Codec(upstream.count_path, upstream.encode_count, upstream.decode_count),
        "embed": Codec(
            embeddings.path, embeddings.encode, embeddings.decode, usage=embeddings.usage
        ),
        "models": Codec(models.list_path, models.ask, models.decode),
        "model": Codec(models.one_path, models.ask, models.decode_one),
    },
    downstream={
        "chat": Face(downstream.decode_chat, answer.encode, Encoder, answer=answer.encode),
        "count_tokens": Face(downstream.decode_chat, downstream.encode_count),
        "embed": Face(
            embeddings.decode_asked, embeddings.encode_answer, answer=embeddings.encode_answer
        ),
        "models": Face(models.asked, models.encode),
        "model": Face(models.asked, models.encode_one),
    },
    splice=splice,
    error=faults.error,
    refuse=faults.refuse,
    # Features and traces; organisation and project belong to the operator's own account.
    passed_headers=frozenset({b"openai-beta", b"x-client-request-id"}),
    schema_subset=SUBSET,
    inlined=frozenset({"audio"}),
)
