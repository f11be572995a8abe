"""Ollama's own API, both halves: us → a server of it, and its clients → us."""

from __future__ import annotations

from functools import partial

from modelway.dialects.ollama import (
    downstream,
    embed,
    encoder,
    faults,
    models,
    relay,
    splice,
    stream,
    upstream,
)
from modelway.dialects.ollama.wire import NAME, STREAM_TYPE
from modelway.ports import Codec, Dialect, Face

_STREAM_TYPES = (STREAM_TYPE, b"application/ndjson", b"application/octet-stream")

DIALECT = Dialect(
    name=NAME,
    upstream={
        "chat": Codec(
            partial(upstream.path, "/api/chat"),
            upstream.encode_chat,
            upstream.decode,
            stream.Decoder,
            relay=relay.relay,
            usage=upstream.usage,
            stream_types=_STREAM_TYPES,
            mark=b"",
        ),
        "complete": Codec(
            partial(upstream.path, "/api/generate"),
            upstream.encode_generate,
            upstream.decode,
            stream.Decoder,
            relay=relay.relay,
            usage=upstream.usage,
            stream_types=_STREAM_TYPES,
            mark=b"",
        ),
        "embed": Codec(
            partial(upstream.path, "/api/embed"), embed.encode, embed.decode, usage=embed.usage
        ),
        "models": Codec(partial(upstream.path, "/api/tags"), models.ask_all, models.decode_list),
        "model": Codec(partial(upstream.path, "/api/show"), models.ask_one, models.decode_one),
    },
    downstream={
        "chat": Face(
            downstream.decode_chat,
            downstream.encode_chat,
            encoder=encoder.of_chat,
            stream_type=STREAM_TYPE,
        ),
        "complete": Face(
            downstream.decode_generate,
            downstream.encode_generate,
            encoder=encoder.of_generate,
            stream_type=STREAM_TYPE,
        ),
        "embed": Face(embed.decode_asked, embed.encode_answer),
        "models": Face(models.decode_asked, models.encode_list),
        "model": Face(models.decode_asked, models.encode_one),
    },
    splice=splice.splice,
    error=faults.error,
    refuse=faults.refuse,
    streams_unless_told=True,
    completes_by_chat=True,
    schema_subset="llamacpp",
    inlined=frozenset({"image"}),
)
