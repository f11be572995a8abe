"""Texts to embed, in as many requests as their host wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from modelway.call import Call, Deployment, Reply
from modelway.dialects import requested
from modelway.errors import LLMError, ResponseError
from modelway.ports import Handler, Middleware
from modelway.retrieval import EmbedRequest, EmbedResponse
from modelway.types import Usage

_AT_ONCE = 4
"""Requests of one call that are open at the same time."""


class Leave(Protocol):
    """Leave to send one request more."""

    def done(self, used_tokens: int | None) -> None: ...


def splitting(deployment: Deployment, enter: Callable[[], Awaitable[Leave]]) -> Middleware:
    """Splits what is more than the host takes at once, and joins the answers in order.

    Every request after the first has leave of its own; the first one's counts the tokens of all. A
    client's own bytes go as they are: how many it sends is between it and its host.
    """
    most = deployment.provider.embed_batch

    async def entered(call: Call, inner: Handler) -> Reply:
        leave = await enter()
        try:
            return await inner(call)
        finally:
            leave.done(0)

    async def split(call: Call, inner: Handler) -> Reply:
        body = call.body
        own = call.request is None and body is not None and body.dialect == deployment.dialect
        if own or not most:
            return await inner(call)
        request = requested(call)
        if not isinstance(request, EmbedRequest) or len(request.inputs) <= most:
            return await inner(call)
        pieces = [
            replace(
                call,
                request=replace(request, inputs=request.inputs[at : at + most]),
                body=None,
            )
            for at in range(0, len(request.inputs), most)
        ]
        return joined(await _all(pieces, inner, entered))

    return split


async def _all(calls: Sequence[Call], inner: Handler, entered: Middleware) -> list[Reply]:
    """Every reply, in order; the first failure ends the others and is raised."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(call: Call) -> Reply:
        async with free:
            return await (inner(call) if call is calls[0] else entered(call, inner))

    tasks = [asyncio.ensure_future(one(call)) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException as error:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(error, LLMError) and any(not _failed(one) for one in ended):
            error.partly_answered = True
        raise


def _failed(ended: Reply | BaseException) -> bool:
    """Whether a part was refused; one that was cut may have been answered all the same."""
    return isinstance(ended, LLMError) and not ended.partly_answered


def joined(replies: Sequence[Reply]) -> Reply:
    """The replies as one: vectors in order, usage added up where each said its own."""
    answers: list[EmbedResponse] = [reply.value for reply in replies]
    first = answers[0]
    if any(answer.model != first.model for answer in answers):
        raise ResponseError("parts of one request were embedded by different models")
    usage = Usage(
        input_tokens=_sum([answer.usage.input_tokens for answer in answers]),
        raw={"requests": [answer.usage.raw for answer in answers]},
    )
    value = replace(
        first,
        vectors=tuple([vector for answer in answers for vector in answer.vectors]),
        usage=usage,
        warnings=tuple(dict.fromkeys([note for answer in answers for note in answer.warnings])),
    )
    return replace(replies[0], value=value, usage=usage)


def _sum(counts: Sequence[int | None]) -> int | None:
    said = [count for count in counts if count is not None]
    return sum(said) if len(said) == len(counts) else None
