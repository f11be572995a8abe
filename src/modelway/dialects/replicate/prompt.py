"""A conversation written as the input of a language model: mostly one text.

One question goes as it is. Of more turns a transcript is made, which is a warning, unless the model
takes ``messages``.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway.dialects.notes import Notes
from modelway.dialects.replicate.families import Family
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import (
    JSON,
    Image,
    Inline,
    Message,
    Reasoning,
    Refusal,
    Remote,
    Text,
)

_SPEAKERS = {"user": "User", "assistant": "Assistant"}


def write_conversation(messages: Sequence[Message], row: Family, notes: Notes) -> JSON:
    """The inputs that say the conversation; BadRequestError when there is nothing to answer."""
    images: list[str] = []
    system: list[str] = []
    turns: list[tuple[str, str]] = []
    for number, message in enumerate(messages):
        at = f"messages.{number}"
        if message.name is not None:
            notes.warn(f"{at}.name", "Replicate has no names of speakers: left out")
        text = _text(message, at, images, notes)
        if message.role in ("system", "developer"):
            system.append(text)
        else:
            turns.append((message.role, text))
    if not any(text for _, text in turns) and not images:
        raise BadRequestError("there is no message with content to answer", param="messages")
    written = _images(images, row, notes)
    if any(role == "assistant" for role, _ in turns):
        return written | _several(system, turns, row, notes)
    return written | _prompt(system, "\n\n".join([text for _, text in turns]), row, notes)


def _prompt(system: list[str], prompt: str, row: Family, notes: Notes) -> JSON:
    if not system:
        return {"prompt": prompt}
    told = "\n\n".join(system)
    if row.system is None:
        notes.warn("messages.system", "this model takes no system prompt: it begins the prompt")
        return {"prompt": f"{told}\n\n{prompt}"}
    return {row.system: told, "prompt": prompt}


def _several(system: list[str], turns: list[tuple[str, str]], row: Family, notes: Notes) -> JSON:
    if row.messages:
        told = [{"role": "system", "content": text} for text in system]
        return {"messages": told + [{"role": role, "content": text} for role, text in turns]}
    notes.warn("messages", "this model takes one prompt: the turns are sent as a transcript")
    lines = [f"{_SPEAKERS[role]}: {text}" for role, text in turns]
    if turns[-1][0] == "user":
        lines.append("Assistant:")
    return _prompt(system, "\n\n".join(lines), row, notes)


def _text(message: Message, at: str, images: list[str], notes: Notes) -> str:
    """A message's texts; its images are put beside them."""
    texts: list[str] = []
    for number, part in enumerate(message.parts):
        where = f"{at}.{number}"
        if getattr(part, "cache", None) is not None:
            notes.warn("messages.cache", "Replicate takes no cache breakpoints: left out")
        match part:
            case Text() | Refusal():
                texts.append(part.text)
            case Image() if message.role == "user":
                images.append(_address(part, where, notes))
            case Reasoning():
                notes.warn(where, "reasoning cannot be said back to Replicate: left out")
            case _:
                what = type(part).__name__
                raise UnsupportedError(
                    f"{notes.model} cannot be sent a {what} ({where}) over Replicate's API; it "
                    "takes texts and images",
                    model=notes.model,
                    param=where,
                )
    return "\n\n".join(texts)


def _address(part: Image, at: str, notes: Notes) -> str:
    """Inputs are URLs; bytes go in one. Source: …/docs/topics/predictions/input-files, 2026-11-21."""
    if part.detail is not None:
        notes.warn(f"{at}.detail", "Replicate has no such field: left out")
    match part.source:
        case Remote():
            return part.source.url
        case Inline():
            return f"data:{part.source.media_type};base64,{part.source.data}"
        case _:
            raise UnsupportedError(
                f"{notes.model} cannot be sent stored images ({at}) over Replicate's API",
                model=notes.model,
                param=at,
            )


def _images(images: list[str], row: Family, notes: Notes) -> JSON:
    if not images:
        return {}
    if row.images is not None:
        return {row.images: images}
    if row.image is not None and len(images) == 1:
        return {row.image: images[0]}
    what = "more than one image" if row.image is not None else "images"
    raise UnsupportedError(
        f"{notes.model} takes no {what} over Replicate's API", model=notes.model, param="messages"
    )
