"""A client's own bytes, edited for a provider of the same dialect: the few edits that are allowed.

They are: the model's name, and the fields that the operator set on that model or deployment.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from modelway.call import Operation, Target
from modelway.dialects.cohere.body import body_fields
from modelway.framing.fields import Fields, join
from modelway.ports import Spliced


def splice(fields: Fields, target: Target, operation: Operation) -> Spliced:  # noqa: ARG001
    edited: dict[str, bytes | Raw] = {**fields, "model": msgspec.json.encode(target.model)}
    for name, value in body_fields(target).items():
        edited[name] = msgspec.json.encode(value)
    return Spliced(join(edited))
