"""A client's own bytes, edited for a provider of the same dialect: the few edits that are allowed.

They are: the model's name where the body repeats it, the fields that the operator set, and for one
text to embed the batch that a provider is always asked for.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from modelway.call import Operation, Target
from modelway.dialects.gemini.paths import resource
from modelway.dialects.gemini.upstream import PROTECTED, merged
from modelway.dialects.gemini.wire import RAW_LIST, RAW_OBJECT, camel
from modelway.dialects.reading import read
from modelway.framing.fields import Fields, join
from modelway.ports import Spliced

_any = Decoder()
_encode = msgspec.json.encode
_NESTED: dict[Operation, str] = {"count_tokens": "generateContentRequest", "embed": "requests"}
"""The field in which the whole request stands once more, with its model."""


def splice(fields: Fields, target: Target, operation: Operation) -> Spliced:
    if operation in ("models", "model"):
        return Spliced(b"")
    model = Raw(_encode(resource(target.model)))
    if operation == "embed" and "requests" not in fields:
        return Spliced(b'{"requests":[%b]}' % join({**fields, "model": model}), reworded=True)
    edited: dict[str, bytes | Raw] = {**fields}
    if "model" in edited:
        edited["model"] = model
    nested = _NESTED.get(operation)
    for name, raw in fields.items():
        if camel(name) == nested:
            edited[name] = _inside(raw, model, name)
    if operation == "chat":
        _add(edited, target.body)
    return Spliced(join(edited))


def _inside(raw: Raw, model: Raw, at: str) -> bytes:
    if memoryview(raw)[0] == ord("["):
        return b"[%b]" % b",".join([_renamed(each, model, at) for each in read(RAW_LIST, raw, at)])
    return _renamed(raw, model, at)


def _renamed(raw: Raw, model: Raw, at: str) -> bytes:
    fields = read(RAW_OBJECT, raw, at)
    return join({**fields, "model": model})


def _add(edited: dict[str, bytes | Raw], body: dict[str, Any]) -> None:
    """The operator's fields, each within the object of its name where the client has one."""
    names = {camel(name): name for name in edited}
    for name, value in body.items():
        if name in PROTECTED:
            continue
        written = names.get(camel(name), name)
        present = _any.decode(edited[written]) if written in edited else None
        edited[written] = _encode(merged(present, value))
