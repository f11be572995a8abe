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

_TRUE = msgspec.Raw(b"true")
_INCLUDE_USAGE = b'{"include_usage":true}'

_KNOWN = {
    name: b',"%b":' % name.encode()
    for name in (
        "model",
        "messages",
        "max_completion_tokens",
        "max_tokens",
        "n",
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
        "user",
    )
}
"""Names that most requests have, as they stand in a body."""

_WITHOUT_BODY = frozenset({"models", "model"})
_ASKED = frozenset({"model", "messages", "prompt", "input", "query", "documents"})
"""What is asked of whom: no operator's addition."""

_new = tuple.__new__  # a third of the cost of a NamedTuple's own constructor


def splice(fields: Fields, target: Target, operation: Operation) -> Spliced:
    """The body for this target; lists of models have none."""
    if operation in _WITHOUT_BODY:
        return Spliced(b"")
    edited: dict[str, bytes | msgspec.Raw] = {**fields, "model": _quoted(target.model)}
    hide_usage = False
    if fields.get("stream") == _TRUE and target.quirks.stream_usage and not wants_usage(fields):
        edited["stream_options"] = _with_usage(fields.get("stream_options"))
        hide_usage = True
    for name, value in target.body.items():
        if name not in _ASKED:
            edited[name] = msgspec.json.encode(value)
            hide_usage = hide_usage and name != "stream_options"
    pieces: list[bytes | msgspec.Raw] = []
    for name, text in edited.items():
        pieces.append(_KNOWN.get(name) or b"," + msgspec.json.encode(name) + b":")
        pieces.append(text)
    pieces[0] = b"{" + pieces[0][1:]
    pieces.append(b"}")
    return _new(Spliced, (b"".join(pieces), hide_usage, False))


def _with_usage(raw: msgspec.Raw | None) -> bytes:
    if raw is None:
        return _INCLUDE_USAGE
    options = msgspec.json.decode(raw)
    if not isinstance(options, dict):
        return _INCLUDE_USAGE
    return msgspec.json.encode({**options, "include_usage": True})


@lru_cache(maxsize=512)
def _quoted(model: str) -> bytes:
    """The operator's name of a model, as JSON."""
    return msgspec.json.encode(model)
