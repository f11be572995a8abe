"""A client's own bytes, edited for a server of Ollama's API: the few edits that are allowed.

They are: ``model``, and the fields that the operator set on that model or deployment, within
``options`` where the client has some.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from modelway.call import Operation, Target
from modelway.dialects.ollama.upstream import body_fields, merged
from modelway.framing.fields import Fields, join
from modelway.ports import Spliced

_any = Decoder()


def splice(fields: Fields, target: Target, operation: Operation) -> Spliced:
    if operation == "models":
        return Spliced(b"")
    edited: dict[str, bytes | Raw] = {**fields, "model": msgspec.json.encode(target.model)}
    if operation != "model":
        for name, value in body_fields(target).items():
            present = _any.decode(fields[name]) if name in fields else None
            edited[name] = msgspec.json.encode(merged(present, value))
    return Spliced(join(edited))
