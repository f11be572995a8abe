"""Questions for vectors: how they are put, and how several are asked as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from modelway.errors import BadRequestError
from modelway.retrieval import EmbedInput, EmbedRequest, EmbedResponse, InputType
from modelway.types import JSON, CallWarning, Image, Usage

Ask: TypeAlias = Callable[[EmbedRequest], Awaitable[EmbedResponse]]


def embed_request(
    inputs: EmbedInput | Sequence[EmbedInput],
    *,
    model: str | None = None,
    dimensions: int | None = None,
    input_type: InputType | None = None,
    truncate: bool | None = None,
    extra: JSON | None = None,
) -> EmbedRequest:
    """One text or several; token ids are a tuple of integers. BadRequestError for none."""
    if isinstance(inputs, str | Image):
        told: tuple[EmbedInput, ...] = (inputs,)
    elif isinstance(inputs, tuple) and inputs and all(type(one) is int for one in inputs):
        told = (inputs,)
    else:
        told = tuple(inputs)  # type: ignore[arg-type]
    if not told:
        raise BadRequestError("nothing is to be embedded: there are no inputs", param="inputs")
    for number, one in enumerate(told):
        if not isinstance(one, str | tuple | Image) or (not one and one != ""):
            raise BadRequestError(
                f"an input is a text, a tuple of token ids or an Image, not {one!r}",
                param=f"inputs[{number}]",
            )
    return EmbedRequest(
        model=model or "",
        inputs=told,
        dimensions=dimensions,
        input_type=input_type,
        truncate=truncate,
        extra=extra or {},
    )


class _Waiting(NamedTuple):
    inputs: tuple[EmbedInput, ...]
    answered: asyncio.Future[EmbedResponse]


class Coalescer:
    """Joins what several callers ask of one model within a short window into one call.

    A caller that gives up does not take the others along; an error is everybody's.
    """

    def __init__(self) -> None:
        self._waiting: dict[object, list[_Waiting]] = {}
        self._asking: set[asyncio.Task[None]] = set()

    async def embed(
        self, request: EmbedRequest, ask: Ask, *, window_s: float, key: object = None
    ) -> EmbedResponse:
        """The answer to this request, which may have been asked together with others.

        ``key`` tells apart callers whose requests must not be joined.
        """
        together = (key, repr(replace(request, inputs=())))
        mine = _Waiting(request.inputs, asyncio.get_running_loop().create_future())
        waiting = self._waiting.get(together)
        if waiting is None:
            self._waiting[together] = waiting = []
            task = asyncio.ensure_future(self._ask_after(window_s, together, request, ask))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        waiting.append(mine)
        return await mine.answered

    async def _ask_after(
        self, window_s: float, together: object, request: EmbedRequest, ask: Ask
    ) -> None:
        waiting: list[_Waiting] = []
        try:
            await asyncio.sleep(window_s)
            waiting = [one for one in self._waiting.pop(together) if not one.answered.cancelled()]
            if not waiting:
                return
            inputs = tuple([text for one in waiting for text in one.inputs])
            answer = await ask(replace(request, inputs=inputs))
        except BaseException as error:
            for one in waiting or self._waiting.pop(together, []):
                if not one.answered.done():
                    one.answered.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            _share(answer, waiting)


def _share(answer: EmbedResponse, waiting: Sequence[_Waiting]) -> None:
    """Each caller's vectors. What the call used is no single caller's, and is said so."""
    at = 0
    for one in waiting:
        end = at + len(one.inputs)
        if not one.answered.done():
            one.answered.set_result(
                answer if len(waiting) == 1 else _part(answer, at, end, len(waiting))
            )
        at = end


def _part(answer: EmbedResponse, start: int, end: int, callers: int) -> EmbedResponse:
    used = answer.usage.input_tokens
    said = "an unknown number of" if used is None else str(used)
    note = CallWarning(
        setting="coalesce_s",
        message=f"answered together with {callers - 1} other calls, which used {said} tokens in all",
    )
    return replace(
        answer,
        vectors=answer.vectors[start:end],
        usage=Usage(),
        cost_pico_usd=None,
        warnings=(*answer.warnings, note),
    )
