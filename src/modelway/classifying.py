"""A small model asked what a call's task is, where the operator wants one to be, before it is routed."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from modelway.asked import AskedCall
from modelway.call import Call, Options, Reply
from modelway.errors import LLMError
from modelway.policies.task.asked import answered, ask
from modelway.ports import Handler, Middleware
from modelway.types import ChatRequest, ChatResponse, Text

_WAIT_S = 5.0
"""For a label; a small model that takes longer is not waited for."""
_OPTIONS = Options(timeout_s=_WAIT_S, retries=0, fallbacks=())
_OWN = "modelway: task"
"""The key of the calls that are made for this, which are not classified themselves."""


def classifying(
    model: str,
    is_local: Callable[[], bool],
    handle: Callable[[], Handler],
    new_id: Callable[[], str],
) -> Middleware:
    """Has ``model`` say what each chat is; the rules say it where it cannot."""

    async def classify(call: Call, inner: Handler) -> Reply:
        if call.operation != "chat" or call.key == _OWN or call.only is not None:
            return await inner(call)
        asked = AskedCall(call)
        request, task = asked.request, asked.task
        if request is None or task is None:
            return await inner(call)
        question = ask(_last_words(request), task, model=model, is_local=is_local())
        if question is None:
            return await inner(call)
        options = _OPTIONS
        if call.options.timeout_s is not None and call.options.timeout_s < _WAIT_S:
            options = replace(options, timeout_s=call.options.timeout_s)
        own = Call(id=new_id(), model=model, request=question, key=_OWN, options=options)
        try:
            reply = await handle()(own)
        except LLMError:
            return await inner(call)
        if isinstance(reply.value, ChatResponse):
            call = replace(call, task=answered(reply.value, task))
        return await inner(call)

    return classify


def _last_words(request: ChatRequest) -> str:
    for message in reversed(request.messages):
        if message.role == "user":
            return "\n".join([part.text for part in message.parts if isinstance(part, Text)])
    return ""
