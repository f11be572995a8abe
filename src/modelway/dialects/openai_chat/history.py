"""Messages → what a provider of this dialect is sent: the upstream half of what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from modelway.catalog.rows import Quirks
from modelway.dialects.openai_chat.parts import cache_out, image_out
from modelway.dialects.openai_chat.reasoning import Warn, send_back
from modelway.dialects.openai_chat.wire import JSON, NAME
from modelway.dialects.openai_wire.media import AUDIO_FORMATS, data_url
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import (
    Audio,
    CacheTTL,
    File,
    Image,
    Inline,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Remote,
    Stored,
    Text,
    ToolCall,
    ToolResult,
)


class History:
    """One request's messages being written for one host."""

    def __init__(self, model: str, quirks: Quirks, warn: Warn) -> None:
        self._model = model
        self._quirks = quirks
        self._warn = warn

    def write(self, messages: Sequence[Message]) -> list[JSON]:
        written: list[JSON] = []
        for number, message in enumerate(messages):
            path = f"messages[{number}]"
            match message.role:
                case "system":
                    written.append(self._plain(message, "system", path))
                case "developer":
                    known = self._quirks.developer_role
                    written.append(self._plain(message, "developer" if known else "system", path))
                case "user" | "tool":
                    written += self._turns(message, path)
                case "assistant":
                    written.append(self._assistant(message, path))
                case _:
                    assert_never(message.role)
        return written

    # ------------------------------------------------------------ roles

    def _plain(self, message: Message, role: str, path: str) -> JSON:
        return self._named({"role": role, "content": self._content(message.parts, path)}, message)

    def _named(self, written: JSON, message: Message) -> JSON:
        if message.name is not None:
            written["name"] = message.name
        return written

    def _turns(self, message: Message, path: str) -> list[JSON]:
        """A user's or tools' message; each tool result is a message of its own, the order is kept."""
        written: list[JSON] = []
        run: list[Part] = []
        for number, part in enumerate(message.parts):
            if isinstance(part, ToolResult):
                if run:
                    written.append(self._user(run, message, path))
                    run = []
                written.append(self._tool(part, f"{path}.parts[{number}]"))
            else:
                run.append(part)
        if run or not message.parts:
            if message.role == "tool":
                raise BadRequestError(
                    f"{path}: a message of role 'tool' holds tool results only", param=path
                )
            written.append(self._user(run, message, path))
        return written

    def _user(self, parts: Sequence[Part], message: Message, path: str) -> JSON:
        return self._named({"role": "user", "content": self._content(parts, path)}, message)

    def _tool(self, result: ToolResult, path: str) -> JSON:
        if result.is_error:
            self._warn(
                "messages.is_error",
                "this dialect does not mark a failed tool; its text is sent as is",
            )
        parts: tuple[Part, ...] = result.parts
        for part in parts:
            if isinstance(part, Image | File):
                raise self._unsupported(f"{path}: a {_kind(part)} in a tool result", "text")
        if result.cache is not None:
            parts = self._cached_last(parts, result.cache)
        written: JSON = {
            "role": "tool",
            "tool_call_id": result.call_id,
            "content": self._content(parts, path),
        }
        if result.name is not None:
            written["name"] = result.name
        return written

    def _cached_last(self, parts: tuple[Part, ...], cache: CacheTTL) -> tuple[Part, ...]:
        """The breakpoint of a result, moved to its last text, where this dialect has a place for it."""
        if parts and isinstance(parts[-1], Text):
            last = Text(text=parts[-1].text, cache=cache)
            return (*parts[:-1], last)
        self._no_cache()
        return parts

    def _assistant(self, message: Message, path: str) -> JSON:
        said: list[Part] = []
        calls: list[JSON] = []
        thoughts: list[Reasoning] = []
        beside: JSON = {}
        for number, part in enumerate(message.parts):
            match part:
                case Reasoning():
                    thoughts.append(part)
                case ToolCall():
                    calls.append(self._call(part))
                case Refusal() if "refusal" not in beside:
                    beside["refusal"] = part.text
                case Audio():
                    beside["audio"] = {"id": self._audio_id(part, f"{path}.parts[{number}]")}
                case Image() if self._quirks.reasoning_field == "reasoning_details":
                    # OpenRouter's form for pictures that a model made.
                    beside.setdefault("images", []).append(self._image(part, path))
                case Opaque(dialect=dialect, kind="annotation") if dialect == NAME:
                    beside.setdefault("annotations", []).append(part.data)
                case Opaque(dialect=dialect, kind="custom_tool_call") if dialect == NAME:
                    calls.append(part.data)
                case Opaque(dialect=dialect, kind=kind) if dialect != NAME:
                    self._warn("messages.opaque", f"{kind} of {dialect} cannot travel; left out")
                case Text() | Refusal() | Opaque():
                    said.append(part)
                case Image() | File() | ToolResult():
                    where = f"{path}.parts[{number}]: a {_kind(part)} said by the assistant"
                    raise self._unsupported(where, "a message of role 'user'")
                case _:
                    assert_never(part)
        written: JSON = {"role": "assistant", **send_back(thoughts, self._quirks, self._warn)}
        written["content"] = self._content(said, path) if said or not (calls or beside) else None
        written |= beside
        if calls:
            written["tool_calls"] = calls
        return self._named(written, message)

    def _call(self, call: ToolCall) -> JSON:
        if call.cache is not None:
            self._no_cache()
        written: JSON = {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        if call.signature is not None and "gemini" not in self._model.lower():
            self._warn("messages.signature", "a call's signature is Gemini's own; left out")
        elif call.signature is not None:
            # Source: https://ai.google.dev/gemini-api/docs/thought-signatures (OpenAI form), 2026-11-21.
            written["extra_content"] = {"google": {"thought_signature": call.signature}}
        return written

    # ------------------------------------------------------------ content

    def _content(self, parts: Sequence[Part], path: str) -> str | list[JSON]:
        if not parts:
            return ""
        first = parts[0]
        if len(parts) == 1 and isinstance(first, Text) and first.text:
            if first.citations:
                self._no_citations()
            if first.cache is None or not self._cache(first.cache):
                return first.text
        return [self._part(part, f"{path}.parts[{n}]") for n, part in enumerate(parts)]

    def _part(self, part: Part, path: str) -> JSON:
        match part:
            case Text():
                if part.citations:
                    self._no_citations()
                return self._cached({"type": "text", "text": part.text}, part.cache)
            case Image():
                return self._cached(self._image(part, path), part.cache)
            case Audio():
                return self._cached(self._audio(part, path), part.cache)
            case File():
                return self._cached(self._file(part, path), part.cache)
            case Refusal():
                return {"type": "refusal", "refusal": part.text}
            case Opaque(dialect=dialect) if dialect == NAME:
                return part.data
            case Opaque():
                raise self._unsupported(
                    f"{path}: the part {part.kind!r}", f"a provider of the dialect {part.dialect!r}"
                )
            case Reasoning() | ToolCall() | ToolResult():
                raise BadRequestError(f"{path}: a {_kind(part)} cannot stand here", param=path)
            case _:
                assert_never(part)

    def _image(self, part: Image, path: str) -> JSON:
        match part.source:
            case Remote(url=url):
                return image_out(url, part.detail)
            case Inline() as source:
                return image_out(data_url(source), part.detail)
            case Stored():
                raise self._unsupported(f"{path}: an image by file id", "a URL or inline data")
            case _:
                assert_never(part.source)

    def _audio(self, part: Audio, path: str) -> JSON:
        if not isinstance(part.source, Inline):
            raise self._unsupported(f"{path}: sound by URL or file id", "inline data")
        media_type = part.source.media_type.partition(";")[0].lower()
        wanted = AUDIO_FORMATS.get(media_type) or media_type.rpartition("/")[2]
        return {"type": "input_audio", "input_audio": {"data": part.source.data, "format": wanted}}

    def _audio_id(self, part: Audio, path: str) -> str:
        if part.id is None:
            raise self._unsupported(
                f"{path}: sound said by the assistant without its id", "the id of an earlier answer"
            )
        return part.id

    def _file(self, part: File, path: str) -> JSON:
        if part.context is not None:
            self._warn("messages.context", "this dialect has no context for a file; not sent")
        if part.citations is not None:
            self._warn(
                "messages.citations", "citations cannot be asked for in this dialect; not sent"
            )
        match part.source:
            case Stored(id=id):
                inner = {"file_id": id}
            case Inline() as source:
                inner = {"file_data": data_url(source)}
            case Remote():
                raise self._unsupported(f"{path}: a file by URL", "inline data or a file id")
            case _:
                assert_never(part.source)
        if part.name is not None:
            inner["filename"] = part.name
        return {"type": "file", "file": inner}

    # ------------------------------------------------------------ what may be missing

    def _cached(self, written: JSON, cache: CacheTTL | None) -> JSON:
        if cache is not None and self._cache(cache):
            written["cache_control"] = cache_out(cache)
        return written

    def _cache(self, cache: CacheTTL | None) -> bool:
        """Whether the breakpoint can be sent; warns when not."""
        if cache is not None and not self._quirks.cache_control:
            self._no_cache()
            return False
        return True

    def _no_cache(self) -> None:
        self._warn("messages.cache", "cache breakpoints cannot be set at this provider; not sent")

    def _no_citations(self) -> None:
        self._warn("messages.citations", "an earlier answer's citations are not sent back")

    def _unsupported(self, what: str, carrier: str) -> UnsupportedError:
        return UnsupportedError(
            f"{what} cannot be sent to {self._model!r} by Chat Completions; it takes {carrier}",
            model=self._model,
        )


def _kind(part: Part) -> str:
    return type(part).__name__
