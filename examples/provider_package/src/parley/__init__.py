"""Parley's wire format, both halves: us → provider and client → us. The one name is ``DIALECT``."""

from modelway.ports import Codec, Dialect, Face
from parley import downstream, faults, upstream
from parley.wire import NAME, STREAM_TYPE

CODEC = Codec(
    path=upstream.path,
    encode=upstream.encode,
    decode=upstream.decode,
    decoder=upstream.Decoder,
    relay=upstream.Relay,
    usage=lambda body: upstream.decode(body).usage,
    stream_types=(STREAM_TYPE,),
    mark=b'"is":',
)
FACE = Face(downstream.decode, downstream.encode, downstream.Encoder, stream_type=STREAM_TYPE)

DIALECT = Dialect(
    name=NAME,
    upstream={"chat": CODEC},
    downstream={"chat": FACE},
    splice=upstream.splice,
    error=faults.error,
    refuse=faults.refuse,
    schema_subset=None,  # structured answers are asked for in words
    json_mode=False,
)
