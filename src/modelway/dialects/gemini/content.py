"""Parts written for a provider; what has no part of Gemini's is a warning or an error.

Source: https://ai.google.dev/api/caching#Part, 2026-11-21.
"""

from __future__ import annotations

from typing import assert_never

from modelway.dialects.gemini import responses, signatures
from modelway.dialects.gemini.answer import arguments_object, write_source
from modelway.dialects.gemini.assembly import ANSWER_ONLY
from modelway.dialects.gemini.wire import NAME, OWN_FORMATS
from modelway.dialects.notes import Notes
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import (
    JSON,
    Audio,
    File,
    Image,
    Inline,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)

_NOTHING = Text(text="")
"""Alone it is taken; Vertex AI refuses it beside other parts."""


class Writer:
    """Writes the parts of one conversation; it knows by then which call a result is of."""

    __slots__ = ("_names", "_notes")

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._names: dict[str, str] = {}

    def parts(self, parts: tuple[Part, ...], role: Role, at: str) -> list[JSON]:
        written: list[JSON] = []
        signed: JSON | None = None  # the part that a signature behind it belongs to
        for number, part in enumerate(parts):
            where = f"{at}.{number}"
            if getattr(part, "cache", None) is not None:
                self._notes.warn("messages.cache", _NO_BREAKPOINTS)
            if isinstance(part, Reasoning) and not part.text and signed is not None:
                own = self._own_signature(part, where)
                if own:
                    signed["thoughtSignature"] = own
                signed = None
                continue
            if part == _NOTHING and len(parts) > 1:
                self._notes.warn(where, "an empty text beside other parts: left out")
                continue
            one = self._part(part, role, where)
            signed = one if isinstance(part, Text | Image | Audio | File) else None
            if one is not None:
                written.append(one)
        return written

    def _part(self, part: Part, role: Role, at: str) -> JSON | None:
        """The part, or None for what is left out with a warning."""
        match part:
            case Text():
                return self._text(part, at)
            case Image() | Audio() | File():
                return self._media(part, at)
            case Reasoning():
                return self._reasoning(part, at)
            case Refusal():
                self._notes.warn(at, "a refusal is sent as text")
                return self._text(Text(text=part.text), at)
            case ToolCall():
                return self._call(part, at)
            case ToolResult():
                return self._result(part, at)
            case Opaque():
                return self._opaque(part, role, at)
            case _:
                assert_never(part)

    def _text(self, part: Text, at: str) -> JSON:
        if part.citations:
            self._notes.warn(f"{at}.citations", "citations cannot be sent to Gemini: left out")
        return {"text": part.text}

    def _media(self, part: Image | Audio | File, at: str) -> JSON:
        for name in ("detail", "id", "transcript", "name", "context", "citations"):
            if getattr(part, name, None) is not None:
                self._notes.warn(f"{at}.{name}", "Gemini has no such field: left out")
        source = part.source
        if not isinstance(source, Inline) and source.media_type is None:
            self._notes.warn(
                f"{at}.source.media_type", "not said: Gemini must find it out from the address"
            )
        return write_source(source)

    def _reasoning(self, part: Reasoning, at: str) -> JSON | None:
        """Thoughts without a signature are accepted from anybody; signatures are Gemini's alone."""
        signature = self._own_signature(part, at)
        if not part.text:
            return {"text": "", "thoughtSignature": signature} if signature else None
        written: JSON = {"text": part.text, "thought": True}
        return written | {"thoughtSignature": signature} if signature else written

    def _own_signature(self, part: Reasoning, at: str) -> str | None:
        if part.format in OWN_FORMATS and part.signature:
            return part.signature
        if part.signature or part.encrypted:
            whose = part.format or "another provider"
            self._notes.warn(
                f"{at}.signature", f"state of {whose} cannot be sent to Gemini: left out"
            )
        return None

    def _call(self, part: ToolCall, at: str) -> JSON:
        arguments = arguments_object(part.arguments)
        if arguments is None:
            raise BadRequestError(
                f"the arguments of the call {part.id} to {part.name} are not a JSON object; "
                "Gemini takes nothing else",
                param=f"{at}.arguments",
            )
        self._names[part.id] = part.name
        call: JSON = {"name": part.name, "args": arguments}
        written: JSON = {"functionCall": {"id": part.id, **call} if part.id else call}
        if part.signature:
            written["thoughtSignature"] = part.signature
        return written

    def _result(self, part: ToolResult, at: str) -> JSON:
        name = self._names.get(part.call_id) or part.name
        if name is None:
            self._notes.warn(f"{at}.name", "the call is not in the conversation: its id is sent")
            name = part.call_id
        elif part.name is not None and part.name != name:
            self._notes.warn(f"{at}.name", f"sent as {name}, as the call was")
        said = [each.text for each in part.parts if isinstance(each, Text)]
        response: JSON = {"name": name, "response": responses.write(said, part.is_error)}
        if part.call_id:
            response = {"id": part.call_id, **response}
        beside = [each for each in part.parts if not isinstance(each, Text)]
        if beside:
            response["parts"] = [
                self._beside(each, f"{at}.{number}") for number, each in enumerate(beside)
            ]
        return {"functionResponse": response}

    def _beside(self, part: Image | File | Opaque, at: str) -> JSON:
        """Source: https://ai.google.dev/gemini-api/docs/function-calling#multimodal, 2026-11-21."""
        if not isinstance(part, Opaque):
            return self._media(part, at)
        if part.dialect == NAME:
            return part.data
        raise self._foreign(part, at)

    def _opaque(self, part: Opaque, role: Role, at: str) -> JSON | None:
        if part.dialect == NAME:
            return None if part.kind in ANSWER_ONLY else part.data
        if role == "assistant":
            self._notes.warn(at, f"{part.kind} of {part.dialect} means nothing here: left out")
            return None
        raise self._foreign(part, at)

    def _foreign(self, part: Opaque, at: str) -> UnsupportedError:
        return UnsupportedError(
            f"{self._notes.model} cannot be sent {part.kind} ({at}), which only {part.dialect} "
            "understands",
            model=self._notes.model,
            param=at,
        )


_NO_BREAKPOINTS = "Gemini caches prefixes by itself and takes no breakpoints: left out"


def sign_first_call(parts: list[JSON]) -> bool:
    """Give a turn's first call the placeholder for a signature; False where it has one, or no call."""
    first = next((part for part in parts if "functionCall" in part), None)
    if first is None or "thoughtSignature" in first:
        return False
    first["thoughtSignature"] = signatures.SKIPPED[0]
    return True
