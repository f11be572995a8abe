"""Reasoning state of other providers inside Gemini's ``thoughtSignature``, to a client and back.

A client of this dialect sends signatures back as it was given them, so whatever state another
provider needs again can travel there: as base64 of JSON behind a mark of ours.
"""

from __future__ import annotations

import base64
import binascii

import msgspec
from msgspec import Struct

from modelway.dialects.gemini.wire import OWN_FORMATS, SIGNATURE_FORMAT
from modelway.types import Reasoning

_MARK = b"modelway:"

SKIPPED = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""What Gemini 3 takes for a call that it did not make itself.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures#faqs, 2026-11-21.
"""


class _State(Struct, omit_defaults=True):
    signature: str | None = None
    encrypted: str | None = None
    id: str | None = None
    format: str | None = None


_decode = msgspec.json.Decoder(_State).decode


def written(part: Reasoning) -> str | None:
    """The ``thoughtSignature`` that carries this part's state; None for none."""
    if part.format in OWN_FORMATS and part.encrypted is None:
        return part.signature
    state = _State(part.signature, part.encrypted, part.id, part.format)
    if state == _State():
        return None
    return base64.b64encode(_MARK + msgspec.json.encode(state)).decode()


def read(text: str, signature: str | None) -> Reasoning:
    """The reasoning that a client sent back; clients write base64 in either alphabet."""
    if not signature:
        return Reasoning(text=text)
    try:
        data = base64.b64decode(signature.replace("-", "+").replace("_", "/"), validate=True)
        state = _decode(data.removeprefix(_MARK)) if data.startswith(_MARK) else None
    except (binascii.Error, ValueError, msgspec.DecodeError):
        state = None
    if state is None:
        return Reasoning(text=text, signature=signature, format=SIGNATURE_FORMAT)
    return Reasoning(
        text=text,
        signature=state.signature,
        encrypted=state.encrypted,
        id=state.id,
        format=state.format,
    )
