"""A client's parts read; what the vocabulary cannot say whole is kept whole, as ``Opaque``."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from msgspec import Raw, Struct
from msgspec.json import Decoder

from modelway.dialects import carried
from modelway.dialects.gemini import responses, signatures
from modelway.dialects.gemini.assembly import media
from modelway.dialects.gemini.wire import (
    FLAG,
    JSON_OBJECT,
    NAME,
    RAW_LIST,
    RAW_OBJECT,
    STRING,
    Blob,
    camel,
    read_fields,
)
from modelway.dialects.reading import UNREADABLE, read
from modelway.errors import BadRequestError
from modelway.types import (
    Audio,
    File,
    Image,
    Opaque,
    Part,
    Remote,
    Source,
    Stored,
    Text,
    ToolCall,
    ToolResult,
)

_BESIDE = ("thought", "thoughtSignature")
OWN_HOSTS = frozenset(
    ("generativelanguage.googleapis.com", "youtube.com", "www.youtube.com", "youtu.be")
)
"""Whose addresses Gemini takes as its own: uploaded files and videos."""


class _Plain(Struct, forbid_unknown_fields=True):
    """What most parts are."""

    text: str


_plain = Decoder(_Plain).decode


class Reader:
    """Reads the parts of one conversation, and gives calls and results without ids the same ones."""

    __slots__ = ("_names", "_waiting")

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._waiting: list[tuple[str, str]] = []

    def parts(self, raw: Raw, at: str) -> list[Part]:
        found: list[Part] = []
        for number, each in enumerate(items(raw, at)):
            found += self._part(each, f"{at}.{number}")
        return found

    def _part(self, raw: Raw, at: str) -> list[Part]:
        try:
            return [Text(text=_plain(raw).text)]
        except UNREADABLE:
            said = read_fields(raw, at)
        thought = "thought" in said and read(FLAG, said["thought"], f"{at}.thought")
        signature = _string(said, "thoughtSignature", at)
        if signature in signatures.SKIPPED or carried.opened(signature) == carried.NOTHING:
            signature = None
        match [name for name in said if name not in _BESIDE]:
            case ["text"]:
                return _text(_string(said, "text", at) or "", thought, signature)
            case ["functionCall"] if not thought:
                call = self._call(said["functionCall"], signature, f"{at}.functionCall")
                found: list[Part] = [] if call is None else [call]
            case ["functionResponse"] if not thought and signature is None:
                result = self._result(said["functionResponse"], f"{at}.functionResponse")
                found = [] if result is None else [result]
            case [("inlineData" | "fileData") as kind] if not thought:
                found = [*_media(kind, said[kind], f"{at}.{kind}")]
                if found and signature is not None:
                    found.append(signatures.read("", signature))
            case []:
                raise BadRequestError("a part says nothing", param=at)
            case _:
                found = []
        return found or [_opaque(raw, at)]

    def _call(self, raw: Raw, signature: str | None, at: str) -> ToolCall | None:
        call = read_fields(raw, at)
        if not call.keys() <= {"id", "name", "args"}:
            return None
        name = _string(call, "name", at) or ""
        id_ = _string(call, "id", at) or "call_" + at.partition(".")[2].rpartition(".")[0].replace(
            ".parts.", "_"
        )
        self._names[id_] = name
        self._waiting.append((id_, name))
        arguments = "{}"
        if "args" in call:
            read(RAW_OBJECT, call["args"], f"{at}.args")
            arguments = bytes(call["args"]).decode()
        return ToolCall(id=id_, name=name, arguments=arguments, signature=signature)

    def _result(self, raw: Raw, at: str) -> ToolResult | None:
        said = read_fields(raw, at)
        if not said.keys() <= {"id", "name", "response", "parts"}:
            return None
        name = _string(said, "name", at)
        id_ = _string(said, "id", at) or self._answered(name) or f"call_{name}"
        self._waiting = [one for one in self._waiting if one[0] != id_]
        texts: tuple[str, ...] = ()
        is_error: bool | None = None
        if "response" in said:
            read(RAW_OBJECT, said["response"], f"{at}.response")
            texts, is_error = responses.read(said["response"])
        found: list[Text | Image | File | Opaque] = [Text(text=text) for text in texts]
        if "parts" in said:
            found += [
                _beside(each, f"{at}.parts.{number}")
                for number, each in enumerate(items(said["parts"], f"{at}.parts"))
            ]
        known = self._names.get(id_)
        return ToolResult(
            call_id=id_,
            parts=tuple(found),
            name=None if name == (known or id_) else name,
            is_error=is_error,
        )

    def _answered(self, name: str | None) -> str | None:
        """The first call of this function that has no result yet."""
        return next((id_ for id_, called in self._waiting if called == name), None)


def items(raw: Raw, at: str) -> list[Raw]:
    """A list, or the one item that Google takes for it."""
    return [raw] if memoryview(raw)[0] == ord("{") else read(RAW_LIST, raw, at)


def _string(fields: dict[str, Raw], name: str, at: str) -> str | None:
    return read(STRING, fields[name], f"{at}.{name}") if name in fields else None


def _text(text: str, thought: bool, signature: str | None) -> list[Part]:
    """A text; a signature on it, or a thought of another provider's, is a part behind it."""
    if thought:
        return [signatures.read(text, signature)] if text or signature else []
    said: list[Part] = [Text(text=text)] if text or not signature else []
    return [*said, signatures.read("", signature)] if signature else said


def _beside(raw: Raw, at: str) -> Image | File | Opaque:
    said = read_fields(raw, at)
    for kind in ("inlineData", "fileData"):
        if said.keys() == {kind}:
            for part in _media(kind, said[kind], f"{at}.{kind}"):
                if not isinstance(part, Audio):
                    return part
    return _opaque(raw, at)


def _media(kind: str, raw: Raw, at: str) -> list[Image | Audio | File]:
    """One part, or none where it says more than where its bytes are."""
    said = read_fields(raw, at)
    media_type = _string(said, "mimeType", at)
    if kind == "inlineData":
        if said.keys() != {"mimeType", "data"} or media_type is None:
            return []
        return [media(Blob(media_type, _string(said, "data", at) or ""))]
    if not {"fileUri"} <= said.keys() <= {"fileUri", "mimeType"}:
        return []
    source = _source(_string(said, "fileUri", at) or "", media_type)
    kinds: dict[str, type[Image | Audio]] = {"image": Image, "audio": Audio}
    return [kinds.get((media_type or "").partition("/")[0], File)(source=source)]


def _source(uri: str, media_type: str | None) -> Source:
    """Addresses of the web may be asked for by anybody; Google's own mean something to Google."""
    try:
        parts = urlsplit(uri)
        foreign = parts.scheme in ("http", "https") and parts.hostname not in OWN_HOSTS
    except ValueError:
        foreign = False
    return (
        Remote(url=uri, media_type=media_type) if foreign else Stored(id=uri, media_type=media_type)
    )


def _opaque(raw: Raw, at: str) -> Opaque:
    data: dict[str, Any] = read(JSON_OBJECT, raw, at)
    kind = next((camel(name) for name in data if camel(name) not in _BESIDE), "part")
    return Opaque(dialect=NAME, kind=kind, data=data)
