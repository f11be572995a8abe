"""Reasoning as a client of this API is told of it, and gives it back.

OpenAI's own has a summary, and state that only OpenAI reads. Another's text is a ``reasoning_text``,
and its signature travels where clients keep state: in ``encrypted_content``, as an envelope of ours.
So does the signature of a call, in a reasoning item beside it.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from modelway.dialects import carried
from modelway.dialects.openai_responses.wire import STATE
from modelway.types import JSON, Reasoning, ReasoningDelta


def parts_in(
    id_: str | None, summary: str, thought: str, encrypted: str | None
) -> tuple[Reasoning, ...]:
    """The parts of a whole item: a summary with its state, and a thought that is shown."""
    parts: tuple[Reasoning, ...] = ()
    if summary or encrypted or not thought:
        parts = (Reasoning(text=summary, encrypted=encrypted or None, id=id_, format=STATE),)
    return (*parts, Reasoning(text=thought, id=id_)) if thought else parts


def sealed_call(call_id: str, signature: str) -> str:
    """The ``encrypted_content`` of the item that stands beside a call."""
    return carried.sealed(carried.of_call(call_id, signature))


class Thought:
    """A reasoning item that is being told."""

    __slots__ = ("_content", "_state", "_summary", "at", "index", "item", "named")

    def __init__(self, at: int, item: JSON, event: ReasoningDelta) -> None:
        self.at = at
        self.item = item
        self.index = event.index
        """Our index of the part that was last told."""
        self.named = event.id
        self._summary: list[str] | None = None
        self._content: list[str] | None = None
        self._state = carried.NOTHING

    def takes(self, event: ReasoningDelta) -> bool:
        """Whether it is of this item: more of the same part, or the part that goes with it."""
        if event.index == self.index:
            return True
        own = event.format == STATE
        pieces, beside = (self._summary, -1) if own else (self._content, 1)
        same = event.id is not None and event.id == self.named
        return same and pieces is None and event.index - self.index == beside

    def add(self, event: ReasoningDelta) -> list[JSON]:
        own = event.format == STATE
        if event.index == self.index:
            own = own or (self._summary is not None and self._content is None)
        self.index = event.index
        if own and event.encrypted is not None:
            self.item["encrypted_content"] = event.encrypted
        self._state = carried.joined(
            self._state,
            replace(
                event,
                encrypted=None if own else event.encrypted,
                format=None if own else event.format,
            ),
        )
        if own:
            if self._summary is None:
                self._summary = []
            return self._add_summary(event.text) if event.text else []
        if self._content is None:
            self._content = []
        if not event.text:
            return []
        self._content.append(event.text)
        return [self._event("reasoning_text.delta", "content_index", delta=event.text)]

    def _add_summary(self, text: str) -> list[JSON]:
        said: list[JSON] = []
        assert self._summary is not None  # noqa: S101 - set by the only caller
        if not self._summary:
            part = {"type": "summary_text", "text": ""}
            said.append(self._event("reasoning_summary_part.added", "summary_index", part=part))
        self._summary.append(text)
        said.append(self._event("reasoning_summary_text.delta", "summary_index", delta=text))
        return said

    def _event(self, kind: str, index: str, **fields: Any) -> JSON:
        return {
            "type": f"response.{kind}",
            "item_id": self.item["id"],
            "output_index": self.at,
            index: 0,
            **fields,
        }

    def close(self) -> list[JSON]:
        """The item is whole after it."""
        said: list[JSON] = []
        if self._summary:
            text = "".join(self._summary)
            part = {"type": "summary_text", "text": text}
            self.item["summary"] = [part]
            said.append(self._event("reasoning_summary_text.done", "summary_index", text=text))
            said.append(self._event("reasoning_summary_part.done", "summary_index", part=part))
        if self._content:
            text = "".join(self._content)
            self.item["content"] = [{"type": "reasoning_text", "text": text}]
            said.append(self._event("reasoning_text.done", "content_index", text=text))
        if self._content is not None:
            # Sealed even where there is none: OpenAI knows no item of this id, and would be sent it.
            self.item.setdefault("encrypted_content", carried.sealed(self._state))
        return said
