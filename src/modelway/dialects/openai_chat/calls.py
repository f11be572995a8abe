"""Tool calls as they arrive: whole or in pieces, numbered, named and identified as each host likes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from modelway.dialects.openai_chat.wire import JSON, Function, ToolCallPiece
from modelway.types import StreamEvent, ToolCallDelta

_FIRST_INDEX = 20_000
"""Content index of call 0: behind all other parts of a message."""


class _OpenCall:
    __slots__ = ("arguments", "id", "name", "pending", "signature", "slot", "told")

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.id = ""
        self.name = ""
        self.signature: str | None = None
        self.arguments = False
        """Whether any have come."""
        self.pending: list[str] = []
        self.told = False
        """Whether the first event is out, after which id and name are fixed."""


class Calls:
    """The calls of one choice."""

    __slots__ = ("_answer_id", "_by_index", "_calls", "_choice", "_customs", "_slots")

    def __init__(self, choice: int, answer_id: str) -> None:
        self._choice = choice
        self._answer_id = answer_id
        self._calls: list[_OpenCall] = []
        self._by_index: dict[int, _OpenCall] = {}
        """The index on the wire → the call that was last opened under it."""
        self._slots: set[int] = {-1}
        self._customs: dict[int, JSON] = {}

    def add(self, piece: ToolCallPiece, events: list[StreamEvent]) -> None:
        """Append the events of a piece: none for what must wait for its name or its end."""
        if piece.custom is not None or piece.type == "custom":
            self._add_custom(piece)
            return
        function = piece.function or Function()
        call = self._call(piece, function)
        call.id = call.id or piece.id or ""
        call.name = call.name or function.name or ""
        google = (piece.extra_content or {}).get("google")
        if isinstance(google, dict) and isinstance(google.get("thought_signature"), str):
            call.signature = google["thought_signature"]
        self._tell(call, _arguments(function.arguments), events)

    def _call(self, piece: ToolCallPiece, function: Function) -> _OpenCall:
        """The call that this is a piece of: by index, by id, or the last; else a new one.

        Some hosts send several whole calls under one index, or none; a new id with a name is one.
        """
        name, given = function.name, piece.id
        if piece.index is not None:
            call = self._by_index.get(piece.index)
            if call is None or (name and given and call.id and given != call.id):
                call = self._by_index[piece.index] = self._open(piece.index)
            return call
        if given:
            for call in reversed(self._calls):
                if call.id == given:
                    return call
        if self._calls and not name and (not given or not self._calls[-1].id):
            return self._calls[-1]
        return self._open(0)

    def _open(self, wanted: int) -> _OpenCall:
        """A new call, at the place that is wanted where it is free, else behind all others."""
        slot = wanted if wanted >= 0 and wanted not in self._slots else max(self._slots) + 1
        self._slots.add(slot)
        call = _OpenCall(slot)
        self._calls.append(call)
        return call

    def _tell(self, call: _OpenCall, arguments: str, events: list[StreamEvent]) -> None:
        call.arguments = call.arguments or bool(arguments)
        if not call.told:
            call.pending.append(arguments)
            if call.name:
                self._tell_first(call, events)
        elif arguments or call.signature:
            signature, call.signature = call.signature, None
            events.append(
                ToolCallDelta(
                    index=_FIRST_INDEX + call.slot,
                    arguments=arguments,
                    signature=signature,
                    choice=self._choice,
                )
            )

    def _tell_first(self, call: _OpenCall, events: list[StreamEvent]) -> None:
        call.told = True
        signature, call.signature = call.signature, None
        events.append(
            ToolCallDelta(
                index=_FIRST_INDEX + call.slot,
                id=call.id or self._invented_id(call.slot),
                name=call.name,
                arguments="".join(call.pending),
                signature=signature,
                choice=self._choice,
            )
        )

    def _invented_id(self, slot: int) -> str:
        """An id for a call that came without one: the same at every reading of this answer."""
        seed = f"{self._answer_id}/{self._choice}/{slot}".encode("utf-8", "replace")
        return "call_" + hashlib.blake2s(seed, digest_size=12).hexdigest()

    def _add_custom(self, piece: ToolCallPiece) -> None:
        """Free-text calls. Source: OpenAI's OpenAPI 2.3.0, CustomToolCall, 2026-11-21."""
        index = piece.index if piece.index is not None else len(self._customs)
        whole = self._customs.setdefault(index, {"id": "", "type": "custom", "custom": {}})
        whole["id"] = whole["id"] or piece.id or ""
        custom = piece.custom or {}
        held = whole["custom"]
        held["name"] = held.get("name") or custom.get("name") or ""
        held["input"] = held.get("input", "") + (custom.get("input") or "")

    def customs(self) -> list[JSON]:
        """The free-text calls, whole, in their order."""
        return [custom for _, custom in sorted(self._customs.items())]

    def end(self, events: list[StreamEvent]) -> None:
        """Append what was held back: calls without a name, and ``{}`` for calls without arguments."""
        for call in self._calls:
            if not call.arguments:
                self._tell(call, "{}", events)
            if not call.told:
                self._tell_first(call, events)


def _arguments(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
