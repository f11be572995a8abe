"""State that its provider needs back, carried through clients of another dialect in a field of theirs.

Clients return signatures and encrypted reasoning as they were given them. So what another provider
signed travels there, as base64 of JSON behind a mark of ours; it is opened when it comes back, and is
never sent to a provider as that provider's own.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from modelway.framing.fields import Fields
from modelway.types import Part, Reasoning, ReasoningDelta, ToolCall

CLAUDE = "anthropic-messages"
"""``Reasoning.format`` of what Claude signed, which is also meant where a signature has no format."""

_MARK = b"modelway:"
PREFIX = base64.b64encode(_MARK)
"""How every seal begins: the mark's length is a multiple of three, so nothing runs over it."""
_TEXT_MARK, _TEXT_PREFIX = _MARK.decode(), PREFIX.decode()
_CONVERSATIONS = ("messages", "contents", "input")


class Carried(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ``Reasoning`` without its text; or, where ``call`` is said, the signature of that call."""

    signature: str | None = None
    encrypted: str | None = None
    id: str | None = None
    format: str | None = None
    call: str | None = None


NOTHING = Carried()

_decode = msgspec.json.Decoder(Carried).decode


def of(part: Reasoning) -> Carried:
    """What is to be carried of it; ``NOTHING`` where its text is all there is."""
    return Carried(
        signature=part.signature, encrypted=part.encrypted, id=part.id, format=part.format
    )


def joined(state: Carried, delta: ReasoningDelta) -> Carried:
    """With one more piece of the same thought: signatures are appended, the rest is set once."""
    if delta.signature is delta.encrypted is delta.id is delta.format is None:
        return state
    signature = state.signature
    if delta.signature is not None:
        signature = (signature or "") + delta.signature
    return Carried(
        signature=signature,
        encrypted=delta.encrypted if delta.encrypted is not None else state.encrypted,
        id=delta.id or state.id,
        format=delta.format or state.format,
    )


def of_call(call_id: str, signature: str) -> Carried:
    return Carried(call=call_id, signature=signature)


def sealed(state: Carried) -> str:
    """Base64 in the standard alphabet: also where a field is bytes, and the wire's base64 is ours."""
    return base64.b64encode(_MARK + msgspec.json.encode(state)).decode()


def opened(text: str | None) -> Carried | None:
    """The state; None for a text that is no seal. Clients may write base64 in either alphabet."""
    if text is None or not text.startswith((_TEXT_PREFIX, _TEXT_MARK)):
        return None
    try:
        if text.startswith(_TEXT_PREFIX):
            plain = text.replace("-", "+").replace("_", "/")
            data = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        else:
            data = text.encode()
        return _decode(data.removeprefix(_MARK))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None


def restored(parts: Sequence[Part]) -> tuple[Part, ...]:
    """A client's message with its seals opened: thoughts as they were, and calls with their signatures."""
    found: list[Part] = []
    signatures: dict[str, str | None] = {}
    for part in parts:
        state = None
        if isinstance(part, Reasoning):
            state = opened(part.signature) or opened(part.encrypted)
        if state is None:
            found.append(part)
        elif state.call is not None:
            signatures[state.call] = state.signature
        else:
            found.append(
                Reasoning(
                    text=part.text,  # type: ignore[union-attr]  # a state is of a Reasoning alone
                    signature=state.signature,
                    encrypted=state.encrypted,
                    id=state.id,
                    format=state.format,
                )
            )
    if signatures:
        found = [
            replace(part, signature=signatures[part.id])
            if isinstance(part, ToolCall) and part.id in signatures
            else part
            for part in found
        ]
    return tuple(found)


def in_bytes(fields: Fields) -> bool:
    """Whether a client's bytes hold a seal: a provider of its own dialect would take it for its own."""
    for name in _CONVERSATIONS:
        said = fields.get(name)
        if said is not None and PREFIX in bytes(said):
            return True
    return False
