"""Replicate's predictions, for its language models: us → provider only.

There is no other half: what a model takes and gives is the model's own, and nobody's client speaks of
conversations in it. Nor are models listed: a list would be of everything that anybody published.
"""

from __future__ import annotations

from modelway.call import Operation, Target
from modelway.dialects.replicate import faults, paths, stream, upstream
from modelway.dialects.replicate.wire import NAME
from modelway.errors import UnsupportedError
from modelway.framing.fields import Fields
from modelway.ports import Codec, Dialect, Spliced


def _splice(fields: Fields, target: Target, operation: Operation) -> Spliced:  # noqa: ARG001
    raise UnsupportedError("no client speaks Replicate's dialect here", model=target.model)


DIALECT = Dialect(
    name=NAME,
    upstream={
        "chat": Codec(
            paths.chat_path,
            upstream.encode_chat,
            upstream.decode_chat,
            stream.Decoder,
            usage=upstream.usage,
            follow=upstream.follow,
            # Half of what the API allows, which is as long as we wait for a first byte.
            # Source: https://replicate.com/docs/topics/predictions/create-a-prediction, 2026-11-21.
            whole_headers=((b"prefer", b"wait=30"),),
        ),
        "model": Codec(paths.model_path, upstream.encode_question, upstream.decode_model),
    },
    downstream={},
    splice=_splice,
    error=faults.error,
    refuse=faults.refuse,
    schema_subset=None,
    json_mode=False,
    tools=False,
)
