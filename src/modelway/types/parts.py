"""What is said in a message, part by part, and where the bytes of a part come from."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]

CacheTTL: TypeAlias = Literal["5m", "1h"]
"""How long a provider is asked to keep the prompt prefix that ends at this part."""

JSON: TypeAlias = dict[str, Any]
"""A JSON object."""


# ---------------------------------------------------------------- where bytes of a part come from


class Remote(Struct, frozen=True, kw_only=True, tag="remote"):
    """Content that the provider fetches. ``media_type`` where the caller knows it."""

    url: str
    media_type: str | None = None


class Inline(Struct, frozen=True, kw_only=True, tag="inline"):
    """Content sent along. ``data`` is base64, without a ``data:`` prefix."""

    media_type: str
    data: str


class Stored(Struct, frozen=True, kw_only=True, tag="stored"):
    """Content uploaded to the provider before, by the provider's file id (or URI)."""

    id: str
    media_type: str | None = None


Source: TypeAlias = Remote | Inline | Stored


# ---------------------------------------------------------------- parts


class Citation(Struct, frozen=True, kw_only=True):
    """A source that a text leans on. ``raw`` is the provider's own object, in ``dialect``."""

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    """First character of the cited span in the text, from 0."""
    end: int | None = None
    """One past the last character of the span."""
    dialect: str | None = None
    raw: JSON = {}


class Text(Struct, frozen=True, kw_only=True, tag="text"):
    text: str
    citations: tuple[Citation, ...] = ()
    cache: CacheTTL | None = None


class Image(Struct, frozen=True, kw_only=True, tag="image"):
    source: Source
    detail: str | None = None
    cache: CacheTTL | None = None


class Audio(Struct, frozen=True, kw_only=True, tag="audio"):
    """Sound in a question, or spoken by a model (then with ``id`` and ``transcript``)."""

    source: Source
    id: str | None = None
    transcript: str | None = None
    cache: CacheTTL | None = None


class File(Struct, frozen=True, kw_only=True, tag="file"):
    """A document. ``citations`` asks the provider to cite it."""

    source: Source
    name: str | None = None
    context: str | None = None
    citations: bool | None = None
    cache: CacheTTL | None = None


class Reasoning(Struct, frozen=True, kw_only=True, tag="reasoning"):
    """What a model thought. ``signature`` or ``encrypted`` state must go back unchanged in a tool loop."""

    text: str = ""
    signature: str | None = None
    encrypted: str | None = None
    id: str | None = None
    format: str | None = None
    """Whose signature or state it is, where the provider says."""


class Refusal(Struct, frozen=True, kw_only=True, tag="refusal"):
    """A model's own words for not answering, where a dialect keeps them apart from text."""

    text: str


class ToolCall(Struct, frozen=True, kw_only=True, tag="tool_call"):
    """A call that the model asks for. ``arguments`` is JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str = "{}"
    signature: str | None = None
    """Opaque reasoning state bound to this call, where a provider attaches one."""
    cache: CacheTTL | None = None


class ToolResult(Struct, frozen=True, kw_only=True, tag="tool_result"):
    """What a call returned. Decoders put one result in one message of role ``tool``."""

    call_id: str
    parts: tuple[Text | Image | File | Opaque, ...] = ()
    name: str | None = None
    is_error: bool | None = None
    cache: CacheTTL | None = None


class Opaque(Struct, frozen=True, kw_only=True, tag="opaque"):
    """A part that only its own dialect understands, kept whole; another dialect refuses or warns."""

    dialect: str
    kind: str
    data: JSON


Part: TypeAlias = Text | Image | Audio | File | Reasoning | Refusal | ToolCall | ToolResult | Opaque


class Message(Struct, frozen=True, kw_only=True):
    role: Role
    parts: tuple[Part, ...] = ()
    name: str | None = None
