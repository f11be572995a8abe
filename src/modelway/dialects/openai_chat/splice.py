"""A client's own bytes, edited for a provider of the same dialect; here stand all edits allowed.

``model``; ``stream_options.include_usage`` when the client streams without it; the operator's own
body fields; a field under the name that this host knows it by. The rest stays as it was written.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from modelway.call import Operation, Target
from modelway.dialects.openai_chat.encoder import wants_usage
from modelway.framing.fields import Fields
from modelway.ports import Spliced

_KEPT = frozenset({"model", "messages"})
_INCLUDE_USAGE = b'{"include_usage":true}'


def splice(fields: Fields, target: Target, operation: Operation) -> Spliced:
    """The body for this target. ``operation`` other than chat has no body."""
    if operation != "chat":
        return Spliced(b"")
    edits: dict[str, bytes | msgspec.Raw] = {"model": _quoted(target.model)}
    hide_usage = False
    if target.quirks.stream_usage and _streams(fields) and not wants_usage(fields):
        edits["stream_options"] = _with_usage(fields.get("stream_options"))
        hide_usage = True
    for name, value in target.body.items():
        if name not in _KEPT:
            edits[name] = msgspec.json.encode(value)
            hide_usage = hide_usage and name != "stream_options"
    rename = target.quirks.rename
    pieces: list[bytes | msgspec.Raw] = []
    for name, value in fields.items():
        wanted = rename.get(name, name) if rename else name
        if wanted != name and wanted in fields:
            continue
        pieces.append(_name(wanted))
        pieces.append(edits.pop(wanted) if wanted in edits else value)
    for name, value in edits.items():
        pieces.append(_name(name))
        pieces.append(value)
    return Spliced(b"{" + b"".join(pieces)[1:] + b"}", hide_usage)


def _streams(fields: Fields) -> bool:
    raw = fields.get("stream")
    return raw is not None and bytes(memoryview(raw)) == b"true"


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
