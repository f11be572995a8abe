"""What stands in a journal: entries, how each is written as bytes, and what cannot be written."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from modelway.ledger.values import Intent, Settlement
from modelway.ports import Pool

MOST_ENTRY_BYTES = 64 * 1024
"""Past it texts are cut: nobody fills a disk with the name of a user."""
_LONGEST = 200
_MOST_ITEMS = 50
_MOST = 2**63 - 1


class Granted(Struct, frozen=True, kw_only=True, array_like=True, tag=3):
    """A part of a budget that this process may spend, and what of it attempts have used up to here."""

    pool: Pool
    grant: int
    amount: int
    used: int = 0


class Returned(Struct, frozen=True, kw_only=True, array_like=True, tag=4):
    """A grant whose rest was given back: what was used of it is known."""

    pool: str
    grant: int


class Begun(Struct, frozen=True, kw_only=True, array_like=True, tag=5):
    """The end of what a segment carries over: all that is open is in it, what came before can go."""

    node: str
    time: float
    before_bytes: int = 0
    """How long the segment before it was."""


Entry: TypeAlias = Intent | Settlement | Granted | Returned | Begun
_Cut = TypeVar("_Cut", bound=Entry)

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Entry).decode


def cut(entry: _Cut) -> _Cut:
    """The same without what cannot be kept: halves of characters, endless texts, endless numbers."""
    return replace(entry, **{name: _cut(getattr(entry, name)) for name in entry.__struct_fields__})


def _cut(value: Any) -> Any:
    match value:
        case str():
            return value[:_LONGEST].encode("utf-8", "replace").decode()
        case bool():
            return value
        case int():
            return max(-_MOST, min(value, _MOST))
        case tuple() if hasattr(value, "_fields"):
            return type(value)(*[_cut(one) for one in value])
        case tuple():
            return tuple([_cut(one) for one in value[:_MOST_ITEMS]])
    return value
