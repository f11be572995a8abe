"""A client's own bytes, edited for Bedrock: the few edits that are allowed.

They are: the fields that the operator set on that model or deployment. The model and whether to
stream stand in the path; where whoever read that added them to the fields, they are left out.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from modelway.call import Operation, Target
from modelway.dialects.bedrock_converse.upstream import body_fields
from modelway.framing.fields import Fields, join
from modelway.ports import Spliced

_OF_THE_PATH = frozenset({"model", "stream"})


def splice(fields: Fields, target: Target, operation: Operation) -> Spliced:
    edited: dict[str, bytes | Raw] = {
        name: raw for name, raw in fields.items() if name not in _OF_THE_PATH
    }
    if operation == "chat":
        for name, value in body_fields(target).items():
            edited[name] = msgspec.json.encode(value)
    return Spliced(join(edited))
