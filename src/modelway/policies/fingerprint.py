"""A name for a question: two calls have the same one where nothing that is asked is different."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from modelway.call import Call

_pack = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode
_sorted = msgspec.json.Encoder(order="sorted").encode
_PLAIN = (b"true", b"false")


def key(call: Call, *more: bytes) -> bytes:
    """A name for all that is asked, by which tenant, of which model; ``more`` tells it further apart.

    Whether the answer streams is not in it, and neither are the call's options. The order of a body's
    fields means nothing; that of what is inside them does. ValueError or TypeError for a value that
    cannot be written down.
    """
    return hashlib.sha256(
        _pack(
            (
                call.tenant,
                call.operation,
                call.model,
                call.only,
                call.headers,
                call.query,
                None if call.request is None else _json(call.request),
                _bytes(call),
                more,
            )
        )
    ).digest()


def _bytes(call: Call) -> Any:
    if call.body is None:
        return None
    fields = call.body.fields
    if "stream" in fields and bytes(fields["stream"]) in _PLAIN:
        fields = {name: fields[name] for name in fields if name != "stream"}
    return (call.body.dialect, _sorted(fields))  # raw values: each as it was written
