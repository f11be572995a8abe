"""Google's generateContent API, which Gemini speaks, both halves: us → provider and client → us."""

from __future__ import annotations

from modelway.dialects.gemini import (
    downstream,
    embed,
    encoder,
    faults,
    models,
    parts,
    paths,
    splice,
    stream,
    upstream,
)
from modelway.dialects.gemini.wire import NAME
from modelway.ports import Codec, Dialect, Face

DIALECT = Dialect(
    name=NAME,
    upstream={
        "chat": Codec(
            paths.chat_path,
            upstream.encode_chat,
            upstream.decode_chat,
            stream.Decoder,
            relay=stream.Relay,
            usage=upstream.usage,
        ),
        "count_tokens": Codec(paths.count_path, upstream.encode_count, upstream.decode_count),
        "embed": Codec(paths.embed_path, embed.encode, embed.decode),
        "models": Codec(paths.models_path, models.encode_question, models.decode_list),
        "model": Codec(paths.model_path, models.encode_question, models.decode_one),
    },
    downstream={
        "chat": Face(downstream.decode_chat, downstream.encode_chat, encoder=encoder.encoder),
        "count_tokens": Face(downstream.decode_count, downstream.encode_count),
        "embed": Face(embed.decode_asked, embed.encode_answer, answer=embed.answer_asked),
        "models": Face(models.decode_asked, models.encode_list),
        "model": Face(models.decode_asked, models.encode_one),
    },
    splice=splice.splice,
    error=faults.error,
    refuse=faults.refuse,
    events_query=b"alt=sse",
    schema_subset="gemini",
    inlined=frozenset({"image", "audio", "file"}),
    own_hosts=parts.OWN_HOSTS,
)
