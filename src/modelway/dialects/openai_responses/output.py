"""Events → the items of an output, and what a stream says on the way there.

One writing serves both forms: a whole answer is what is left when its events have been told. A message
or a thought is closed when another item begins; calls stay open, as their pieces may be interleaved.
It is long because each piece is announced, told and closed three times: as part, item and response.
"""

from __future__ import annotations

import hashlib
from typing import Any, assert_never

from modelway.dialects.openai_responses.items import CONTENT, PHASE
from modelway.dialects.openai_responses.parts import citation_out, logprobs_out
from modelway.dialects.openai_responses.thoughts import Thought, sealed_call
from modelway.dialects.openai_responses.wire import NAME
from modelway.types import (
    JSON,
    Audio,
    Citation,
    CitationDelta,
    File,
    Finish,
    Image,
    Inline,
    Opaque,
    PartDelta,
    ReasoningDelta,
    RefusalDelta,
    Start,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
)


class _Open:
    """An item that is being told. ``texts`` are the pieces of what arrives in deltas."""

    __slots__ = ("at", "item", "part", "texts")

    def __init__(self, at: int, item: JSON) -> None:
        self.at = at
        self.item = item
        self.part: int | None = None
        """Our index of the part that a message is in."""
        self.texts: list[str] = []


class Output:
    """``add`` events; each gives the payloads of a stream. ``items`` are whole after ``end``."""

    def __init__(self) -> None:
        self.items: list[JSON] = []
        self._id = ""
        self._last: _Open | None = None
        """The message that is open."""
        self._thought: Thought | None = None
        self._calls: dict[int, _Open] = {}
        self._phase: JSON = {}
        self._out: list[JSON] = []

    def begin(self, answer_id: str) -> None:
        self._id = answer_id

    def add(self, event: StreamEvent) -> list[JSON]:
        """What the event adds. An answer of this API is one: other choices are not told."""
        self._out = []
        if isinstance(event, Start | Finish) or event.choice:
            return self._out
        match event:
            case TextDelta():
                self._text(event)
            case ReasoningDelta():
                self._think(event)
            case RefusalDelta():
                self._refusal(event)
            case ToolCallDelta():
                self._call(event)
            case CitationDelta():
                self._cite(event.index, event.citation)
            case PartDelta():
                self._whole(event)
            case _:
                assert_never(event)
        return self._out

    def end(self, *, incomplete: bool) -> list[JSON]:
        """Close what is open; what was cut off by the end is told to be incomplete."""
        self._out = []
        status = "incomplete" if incomplete else "completed"
        self._close(status)
        for call in self._calls.values():
            self._close_call(call, status)
        return self._out

    # ------------------------------------------------------------ items

    def _open(self, item: JSON) -> _Open:
        opened = _Open(len(self.items), item)
        self.items.append(item)
        self._say("output_item.added", output_index=opened.at, item=_snapshot(item))
        return opened

    def _say(self, kind: str, **fields: Any) -> None:
        self._out.append({"type": f"response.{kind}", **fields})

    def _new_id(self, prefix: str) -> str:
        """The same at every writing of this answer."""
        seed = f"{self._id}/{len(self.items)}".encode("utf-8", "replace")
        return f"{prefix}_{hashlib.blake2s(seed, digest_size=16).hexdigest()}"

    def _close(self, status: str = "completed") -> None:
        opened, self._last = self._last, None
        if opened is not None:
            self._close_part(opened)
            opened.item["status"] = status
            self._say("output_item.done", output_index=opened.at, item=opened.item)
        thought, self._thought = self._thought, None
        if thought is not None:
            self._out += thought.close()
            self._say("output_item.done", output_index=thought.at, item=thought.item)

    # ------------------------------------------------------------ messages

    def _message(self) -> _Open:
        last = self._last
        if last is not None and not self._phase:
            return last
        self._close()
        item: JSON = {
            "id": self._new_id("msg"),
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
            **self._phase,
        }
        self._phase = {}
        self._last = self._open(item)
        return self._last

    def _part(self, index: int, part: JSON) -> _Open:
        """The message, in the part of this index; a new part unless it is in it."""
        opened = self._message()
        if opened.part != index or opened.item["content"][-1].get("type") != part.get("type"):
            self._close_part(opened)
            opened.part = index
            opened.texts = []
            opened.item["content"].append(part)
            self._say("content_part.added", **_place(opened), part=_snapshot(part))
        return opened

    def _text(self, event: TextDelta) -> None:
        opened = self._part(event.index, _new_text())
        logprobs = logprobs_out(event.logprobs) if event.logprobs else []
        if event.text or logprobs:
            opened.texts.append(event.text)
            opened.item["content"][-1]["logprobs"] += logprobs
            place = _place(opened)
            self._say("output_text.delta", **place, delta=event.text, logprobs=logprobs)

    def _refusal(self, event: RefusalDelta) -> None:
        opened = self._part(event.index, {"type": "refusal", "refusal": ""})
        opened.texts.append(event.text)
        self._say("refusal.delta", **_place(opened), delta=event.text)

    def _cite(self, index: int, citation: Citation) -> None:
        annotation = citation_out(citation)
        if annotation is None:
            return
        opened = self._last
        if opened is None or opened.part is None or not self._is_text(opened):
            # Of a text that is closed, or never came.
            opened = self._part(index, _new_text())
        annotations = opened.item["content"][-1]["annotations"]
        annotations.append(annotation)
        self._say(
            "output_text.annotation.added",
            **_place(opened),
            annotation_index=len(annotations) - 1,
            annotation=annotation,
        )

    def _is_text(self, opened: _Open) -> bool:
        content: list[JSON] = opened.item["content"]
        return bool(content) and content[-1].get("type") == "output_text"

    def _close_part(self, opened: _Open) -> None:
        if opened.part is None:
            return
        part, place = opened.item["content"][-1], _place(opened)
        text = "".join(opened.texts)
        if part.get("type") == "output_text":
            part["text"] = text
            self._say("output_text.done", **place, text=text, logprobs=part["logprobs"])
        elif part.get("type") == "refusal":
            part["refusal"] = text
            self._say("refusal.done", **place, refusal=text)
        self._say("content_part.done", **place, part=part)
        opened.part = None

    # ------------------------------------------------------------ thoughts

    def _think(self, event: ReasoningDelta) -> None:
        thought = self._thought
        if thought is None or not thought.takes(event):
            self._close()
            id_ = event.id or self._new_id("rs")
            opened = self._open({"id": id_, "type": "reasoning", "summary": []})
            thought = self._thought = Thought(opened.at, opened.item, event)
        self._out += thought.add(event)

    # ------------------------------------------------------------ calls

    def _call(self, event: ToolCallDelta) -> None:
        opened = self._calls.get(event.index)
        if event.signature is not None:
            call_id = event.id or (opened.item["call_id"] if opened is not None else "")
            sealed = sealed_call(call_id, event.signature)
            item: JSON = {"id": self._new_id("rs"), "type": "reasoning", "summary": []}
            self._item({**item, "encrypted_content": sealed})
        if opened is None:
            self._close()
            opened = self._open(
                {
                    "id": self._new_id("fc"),
                    "type": "function_call",
                    "status": "in_progress",
                    "call_id": event.id or "",
                    "name": event.name or "",
                    "arguments": "",
                }
            )
            self._calls[event.index] = opened
        if event.arguments:
            opened.texts.append(event.arguments)
            self._say(
                "function_call_arguments.delta",
                item_id=opened.item["id"],
                output_index=opened.at,
                delta=event.arguments,
            )

    def _close_call(self, call: _Open, status: str) -> None:
        arguments = "".join(call.texts)
        call.item |= {"status": status, "arguments": arguments}
        self._say(
            "function_call_arguments.done",
            item_id=call.item["id"],
            output_index=call.at,
            name=call.item["name"],
            arguments=arguments,
        )
        self._say("output_item.done", output_index=call.at, item=call.item)

    # ------------------------------------------------------------ what comes whole

    def _whole(self, event: PartDelta) -> None:
        match event.part:
            case Opaque(dialect=dialect, kind=kind, data=data) if dialect == NAME:
                if kind == PHASE:
                    self._phase = data
                elif kind.startswith(CONTENT):
                    self._part(event.index, data)
                else:
                    self._item(data)
            case Image(source=Inline(data=data)):
                # Source: OpenAPI 2.3.0, ImageGenToolCall: ``result`` is base64, 2026-11-21.
                item = {"id": self._new_id("ig"), "type": "image_generation_call"}
                self._item({**item, "status": "completed", "result": data})
            case Audio(transcript=str(transcript)) if transcript:
                self._text(TextDelta(text=transcript, index=event.index))
            case Image() | Audio() | File() | Opaque():
                pass  # this dialect has no word for it
            case _:
                assert_never(event.part)

    def _item(self, data: JSON) -> None:
        self._close()
        opened = self._open(data)
        self._say("output_item.done", output_index=opened.at, item=data)


def _new_text() -> JSON:
    return {"type": "output_text", "text": "", "annotations": [], "logprobs": []}


def _place(opened: _Open) -> JSON:
    return {
        "item_id": opened.item["id"],
        "output_index": opened.at,
        "content_index": len(opened.item["content"]) - 1,
    }


def _snapshot(value: JSON) -> JSON:
    """As it is now: it will be added to before it is written."""
    return {
        name: list(inner) if isinstance(inner, list) else inner for name, inner in value.items()
    }
