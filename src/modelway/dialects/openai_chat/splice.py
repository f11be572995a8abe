"""A client's own bytes, edited for a provider of the same dialect; here stand all edits allowed.

``model``; ``stream_options.include_usage`` when the client streams without it; the operator's own
body fields. The rest stays as it was written, in its order.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from modelway.call import Operation, Target
from modelway.dialects.openai_chat.encoder import wants_usage
from modelway.framing.fields import Fields
from modelway.ports import Spliced

_KEPT = frozenset({"model", "messages"})
_TRUE = msgspec.Raw(b"true")
_INCLUDE_USAGE = b'{"include_usage":true}'


def splice(fields: Fields, target: Target, operation: Operation) -> Spliced:
    """The body for this target. An operation other than chat has no body."""
    if operation != "chat":
        return Spliced(b"")
    edits: dict[str, bytes] = {"model": _quoted(target.model)}
    hide_usage = False
    if fields.get("stream") == _TRUE and target.quirks.stream_usage and not wants_usage(fields):
        edits["stream_options"] = _with_usage(fields.get("stream_options"))
        hide_usage = True
    if target.body:
        hide_usage = hide_usage and "stream_options" not in target.body
        edits |= {
            name: msgspec.json.encode(value)
            for name, value in target.body.items()
            if name not in _KEPT
        }
    pieces: list[bytes | msgspec.Raw] = []
    for name, value in fields.items():
        pieces += (_name(name), edits.pop(name) if name in edits else value)
    for name, edit in edits.items():
        pieces += (_name(name), edit)
    pieces.append(b"}")
    return Spliced(b"{" + b"".join(pieces)[1:], hide_usage)


def _with_usage(raw: msgspec.Raw | None) -> bytes:
    if raw is None:
        return _INCLUDE_USAGE
    options = msgspec.json.decode(raw)
    if not isinstance(options, dict):
        return _INCLUDE_USAGE
    return msgspec.json.encode({**options, "include_usage": True})


@lru_cache(maxsize=512)
def _quoted(text: str) -> bytes:
    return msgspec.json.encode(text)


@lru_cache(maxsize=512)
def _name(name: str) -> bytes:
    return b"," + msgspec.json.encode(name) + b":"
