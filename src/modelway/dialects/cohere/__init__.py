"""Cohere's API, version 2, both halves: us → provider and client → us."""

from __future__ import annotations

from modelway.dialects.cohere import (
    downstream,
    embed,
    encoder,
    faults,
    models,
    relay,
    rerank,
    splice,
    stream,
    upstream,
)
from modelway.dialects.cohere.wire import NAME
from modelway.ports import Codec, Dialect, Face

DIALECT = Dialect(
    name=NAME,
    upstream={
        "chat": Codec(
            upstream.chat_path,
            upstream.encode_chat,
            upstream.decode_chat,
            stream.Decoder,
            relay=relay.relay,
            usage=upstream.usage,
        ),
        "embed": Codec(embed.path, embed.encode, embed.decode, usage=embed.usage),
        "rerank": Codec(rerank.path, rerank.encode, rerank.decode, usage=rerank.usage),
        "models": Codec(models.list_path, models.encode_question, models.decode_list),
        "model": Codec(models.model_path, models.encode_question, models.decode_one),
    },
    downstream={
        "chat": Face(downstream.decode_chat, downstream.encode_chat, encoder=encoder.encoder),
        "embed": Face(embed.decode_asked, embed.encode_answer, answer=embed.encode_answer),
        "rerank": Face(rerank.decode_asked, rerank.encode_answer),
    },
    splice=splice.splice,
    error=faults.error,
    refuse=faults.refuse,
    schema_subset=NAME,
    inlined=frozenset({"file"}),
)
