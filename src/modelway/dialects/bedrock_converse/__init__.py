"""Amazon Bedrock's Converse API, both halves: us → provider and client → us.

Models are not listed here: that is another service, at another host.
"""

from __future__ import annotations

from modelway.dialects.bedrock_converse import (
    downstream,
    encoder,
    faults,
    relay,
    splice,
    stream,
    upstream,
)
from modelway.dialects.bedrock_converse.wire import NAME
from modelway.ports import Codec, Dialect, Face

_STREAM_TYPE = b"application/vnd.amazon.eventstream"

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
            stream_types=(_STREAM_TYPE,),
            mark=b"",
        ),
        "count_tokens": Codec(upstream.count_path, upstream.encode_count, upstream.decode_count),
    },
    downstream={
        "chat": Face(
            downstream.decode_chat,
            downstream.encode_chat,
            encoder=encoder.encoder,
            stream_type=_STREAM_TYPE,
        ),
        "count_tokens": Face(downstream.decode_count, downstream.encode_count),
    },
    splice=splice.splice,
    error=faults.error,
    refuse=faults.refuse,
    request_id_header=b"x-amzn-requestid",
    inlined=frozenset({"image", "audio", "file"}),
    schema_subset="bedrock",
    json_mode=False,
)
