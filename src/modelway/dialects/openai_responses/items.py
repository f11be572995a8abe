"""Messages → the items of ``input``: the upstream half of what was said.

It is long because this API has four kinds of item where others have a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from modelway.call import Target
from modelway.dialects.openai_responses.parts import citation_out, file_out, image_out
from modelway.dialects.openai_responses.wire import NAME, STATE
from modelway.dialects.openai_wire.body import Warn
from modelway.dialects.openai_wire.media import AUDIO_FORMATS
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import (
    JSON,
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
    Text,
    ToolCall,
    ToolResult,
)

CONTENT = "content:"
"""Begins ``Opaque.kind`` of a part of a message's content; without it, it is a whole item."""

PHASE = "phase"
"""``Opaque.kind`` before the texts of a message that is said in that phase, ``{"phase": …}``.

Source: OpenAPI 2.3.0, MessagePhase: "preserve and resend phase on all assistant messages", 2026-11-21.
"""


class Items:
    """One request's messages being written for one host."""

    def __init__(self, target: Target, stored: bool, warn: Warn) -> None:
        self._target = target
        self._stored = stored
        """Whether the provider may be keeping what it answered before."""
        self._warn = warn

    def write(self, messages: Sequence[Message]) -> list[JSON]:
        written: list[JSON] = []
        for number, message in enumerate(messages):
            path = f"messages[{number}]"
            if message.name is not None:
                self._warn("messages.name", "the Responses API has no names of speakers; not sent")
            if message.role == "assistant":
                written += self._assistant(message, path)
            else:
                written += self._asked(message, path)
        return written

    # ------------------------------------------------------------ what is asked

    def _asked(self, message: Message, path: str) -> list[JSON]:
        """Tool results and whole items stand by themselves; the order is kept."""
        role: str = message.role
        if role == "developer" and not self._target.quirks.developer_role:
            role = "system"
        written: list[JSON] = []
        run: list[JSON] = []
        for number, part in enumerate(message.parts):
            at = f"{path}.parts[{number}]"
            if isinstance(part, ToolResult):
                item = self._result(part, at)
            elif isinstance(part, Opaque) and not part.kind.startswith(CONTENT):
                item = self._opaque(part, at)
            else:
                run.append(self._input(part, at))
                continue
            if run:
                written.append(_message(role, run))
                run = []
            written.append(item)
        if run or not message.parts:
            if role == "tool":
                raise BadRequestError(
                    f"{path}: a message of role 'tool' holds tool results only", param=path
                )
            written.append(_message(role, run))
        return written

    def _input(self, part: Part, at: str) -> JSON:
        match part:
            case Text():
                return self._cached({"type": "input_text", "text": part.text}, part.cache)
            case Image():
                return self._cached(image_out(part.source, part.detail), part.cache)
            case File():
                for setting, value in (("context", part.context), ("citations", part.citations)):
                    if value is not None:
                        self._warn(f"messages.{setting}", "not a field of this dialect's files")
                return self._cached(file_out(part.source, part.name), part.cache)
            case Audio(source=Inline() as source) if source.media_type in AUDIO_FORMATS:
                sound = {"data": source.data, "format": AUDIO_FORMATS[source.media_type]}
                return self._cached({"type": "input_audio", "input_audio": sound}, part.cache)
            case Audio():
                raise self._unsupported(f"{at}: sound that is not wav or mp3, sent along", at)
            case Refusal():
                return {"type": "input_text", "text": part.text}
            case Opaque():
                return self._opaque(part, at)
            case Reasoning() | ToolCall() | ToolResult():
                raise BadRequestError(f"{at}: a {_kind(part)} cannot stand here", param=at)
            case _:
                assert_never(part)

    def _cached(self, written: JSON, cache: CacheTTL | None) -> JSON:
        """Source: OpenAPI 2.3.0, PromptCacheBreakpointParam, for gpt-5.6 and later, 2026-11-21."""
        if cache is not None:
            if self._target.quirks.cache_control:
                written["prompt_cache_breakpoint"] = {"mode": "explicit"}
                if cache != "5m":
                    self._warn("cache", "a breakpoint has no lifetime of its own here")
            else:
                self._warn("cache", "cache breakpoints cannot be set at this provider; not sent")
        return written

    def _result(self, result: ToolResult, at: str) -> JSON:
        """Source: OpenAPI 2.3.0, FunctionCallOutputItemParam: a text, or a list of inputs, 2026-11-21."""
        if result.is_error:
            self._warn(
                "messages.is_error",
                "this dialect does not mark a failed tool; its text is sent as is",
            )
        if result.cache is not None:
            self._warn("cache", "cache breakpoints cannot be set on a tool's result; not sent")
        output: str | list[JSON] = [self._input(part, at) for part in result.parts]
        match result.parts:
            case ():
                output = ""
            case (Text(text=text, cache=None),) if text:
                output = text
        return {"type": "function_call_output", "call_id": result.call_id, "output": output}

    # ------------------------------------------------------------ what was answered

    def _assistant(self, message: Message, path: str) -> list[JSON]:
        written: list[JSON] = []
        run: list[JSON] = []
        """The content of the message that is being written."""
        phase: JSON = {}
        for number, part in enumerate(message.parts):
            at = f"{path}.parts[{number}]"
            item: JSON | None
            match part:
                case Text() | Refusal():
                    run.append(self._said(part))
                    continue
                case Opaque(dialect=dialect, kind=kind) if dialect == NAME and kind.startswith(
                    CONTENT
                ):
                    run.append(part.data)
                    continue
                case Reasoning():
                    item = self._thought(part, written if not run else [])
                case ToolCall():
                    item = self._call(part)
                case Opaque(dialect=dialect, kind=kind) if dialect == NAME and kind == PHASE:
                    if run:
                        written.append({**_message("assistant", run), **phase})
                        run = []
                    phase = part.data
                    continue
                case Opaque(dialect=dialect) if dialect == NAME:
                    item = part.data
                case Opaque():
                    self._warn(
                        "messages.opaque",
                        f"{part.kind} of {part.dialect} means nothing to the Responses API; left out",
                    )
                    item = None
                case Audio() if part.transcript:
                    run.append({"type": "output_text", "text": part.transcript, "annotations": []})
                    continue
                case Image() | Audio() | File() | ToolResult():
                    raise self._unsupported(f"{at}: a {_kind(part)} said by the assistant", at)
                case _:
                    assert_never(part)
            if item is not None:
                if run:
                    written.append({**_message("assistant", run), **phase})
                    run, phase = [], {}
                written.append(item)
        if run or not message.parts:
            written.append({**_message("assistant", run), **phase})
        return written

    def _said(self, part: Text | Refusal) -> JSON:
        if isinstance(part, Refusal):
            return {"type": "refusal", "refusal": part.text}
        if part.cache is not None:
            self._warn("cache", "cache breakpoints cannot be set on an answer here; not sent")
        cited = [citation_out(citation) for citation in part.citations]
        annotations = [annotation for annotation in cited if annotation is not None]
        return {"type": "output_text", "text": part.text, "annotations": annotations}

    def _call(self, call: ToolCall) -> JSON:
        if call.cache is not None:
            self._warn("cache", "cache breakpoints cannot be set on a call; not sent")
        if call.signature is not None:
            self._warn(
                "messages.signature", "another provider's state of a call cannot travel; left out"
            )
        return {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }

    def _thought(self, part: Reasoning, written: list[JSON]) -> JSON | None:
        """An item, or more of the last one; none for what this provider would refuse."""
        summary: list[JSON] = []
        if part.format == STATE:
            if part.encrypted is None and not self._stored:
                self._warn(
                    "messages.reasoning",
                    "reasoning without its encrypted state cannot travel where nothing is stored; "
                    'left out (ask for it by include: ["reasoning.encrypted_content"])',
                )
                return None
            if part.text:
                summary = [{"type": "summary_text", "text": part.text}]
            return _reasoning(part.id, summary, part.encrypted)
        if part.signature is not None or part.encrypted is not None:
            self._warn("messages.reasoning", "another dialect's signed reasoning; left out")
            return None
        if self._target.quirks.reasoning_field == "none":
            self._warn("messages.reasoning", "this provider takes no reasoning text back; left out")
            return None
        content = [{"type": "reasoning_text", "text": part.text}]
        last = written[-1] if written else None
        if part.id is not None and last is not None and last["type"] == "reasoning":
            beside = last.get("id") == part.id and "content" not in last
            if beside:  # the other half of one item
                last["content"] = content
                return None
        return {**_reasoning(part.id, summary, None), "content": content}

    # ------------------------------------------------------------ what only some can read

    def _opaque(self, part: Opaque, at: str) -> JSON:
        if part.dialect == NAME:
            return part.data
        raise UnsupportedError(
            f"{self._target.model!r} cannot be sent {at}, the part {part.kind!r}; "
            f"it takes a provider of the dialect {part.dialect!r}",
            model=self._target.model,
            param=at,
        )

    def _unsupported(self, what: str, at: str) -> UnsupportedError:
        return UnsupportedError(
            f"{self._target.model!r} cannot be sent {what} by the Responses API",
            model=self._target.model,
            param=at,
        )


def _message(role: str, content: list[JSON]) -> JSON:
    """Content of one text is a string, which every host reads."""
    match content:
        case [{"type": "input_text", "text": str(text), **rest}] if text and not rest:
            return {"type": "message", "role": role, "content": text}
        case [{"type": "output_text", "text": str(text), "annotations": []}] if text:
            return {"type": "message", "role": role, "content": text}
    return {"type": "message", "role": role, "content": content}


def _reasoning(id_: str | None, summary: list[JSON], encrypted: str | None) -> JSON:
    written: JSON = {"type": "reasoning"}
    if id_ is not None:
        written["id"] = id_
    written["summary"] = summary
    if encrypted is not None:
        written["encrypted_content"] = encrypted
    return written


def _kind(part: Part) -> str:
    return type(part).__name__.lower()
