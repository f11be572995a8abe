"""Refuses what a model is known not to see or hear, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from modelway.call import Call, Deployment, Reply
from modelway.catalog.models import ModelInfo
from modelway.dialects import requested
from modelway.errors import UnsupportedError
from modelway.ports import Handler, Middleware
from modelway.types import Audio, ChatRequest, Image, Message, Part, ToolResult

Carriers = Callable[[str], Sequence[str]]
"""A modality → names of models that are configured and take it."""


def lacking(info: ModelInfo | None) -> frozenset[str]:
    """Tags of parts that the model is known not to take; what is not known is not refused.

    Who lists nothing but text takes neither; of the others only images are told apart reliably.
    """
    if info is None or not info.inputs:
        return frozenset()
    if set(info.inputs) == {"text"}:
        return frozenset(("image", "audio"))
    return frozenset() if "image" in info.inputs else frozenset(("image",))


def perceiving(deployment: Deployment, refused: frozenset[str], carriers: Carriers) -> Middleware:
    """UnsupportedError, naming the part and who could take it, for a part of a ``refused`` kind.

    A client's own bytes are judged by their provider.
    """

    async def perceive(call: Call, inner: Handler) -> Reply:
        body = call.body
        if call.request is None and body is not None and body.dialect == deployment.dialect:
            return await inner(call)
        request = requested(call)
        if isinstance(request, ChatRequest):
            call = replace(call, request=request)
            for path, kind in _places(request.messages):
                if kind in refused:
                    raise _refusal(deployment, path, kind, carriers(kind))
        return await inner(call)

    return perceive


def _places(messages: Sequence[Message]) -> Iterator[tuple[str, str]]:
    """Each part that is seen or heard: its path and its kind."""
    for number, message in enumerate(messages):
        yield from _below(message.parts, f"messages[{number}]")


def _below(parts: Sequence[Part], path: str) -> Iterator[tuple[str, str]]:
    for number, part in enumerate(parts):
        match part:
            case Image():
                yield f"{path}.parts[{number}]", "image"
            case Audio():
                yield f"{path}.parts[{number}]", "audio"
            case ToolResult():
                yield from _below(part.parts, f"{path}.parts[{number}]")
            case _:
                pass


def _refusal(
    deployment: Deployment, path: str, kind: str, others: Sequence[str]
) -> UnsupportedError:
    could = f"; {' or '.join(others[:3])} could" if others else ""
    return UnsupportedError(
        f"{deployment.provider.name}/{deployment.model} takes no {kind}, and {path} is one{could}",
        model=deployment.model,
        provider=deployment.provider.name,
        param=path,
    )
