"""Anthropic's Messages API, both halves: us → provider and client → us."""

from __future__ import annotations

from modelway.dialects.anthropic_messages import (
    downstream,
    encoder,
    faults,
    relay,
    splice,
    stream,
    upstream,
)
from modelway.dialects.anthropic_messages.wire import NAME, SUBSET
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
        "count_tokens": Codec(upstream.count_path, upstream.encode_count, upstream.decode_count),
        "models": Codec(upstream.models_path, upstream.encode_models, upstream.decode_models),
    },
    downstream={
        "chat": Face(
            downstream.decode_chat,
            downstream.encode_chat,
            encoder=encoder.encoder,
            answer=downstream.answer_chat,
        ),
        "count_tokens": Face(downstream.decode_count, downstream.encode_count),
        "models": Face(downstream.decode_models, downstream.encode_models),
    },
    splice=splice.splice,
    error=faults.error,
    refuse=faults.refuse,
    headers=((b"anthropic-version", b"2023-06-01"),),
    passed_headers=frozenset({b"anthropic-beta"}),
    passed_query=frozenset({b"beta=true"}),
    request_id_header=b"request-id",
    schema_subset=SUBSET,
    json_mode=False,
)
