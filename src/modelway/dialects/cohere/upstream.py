"""Us → Cohere's chat: requests written, answers read.

What is left out or changed is a warning; the same said in this API's own words is not.
"""

from __future__ import annotations

from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects.cohere.body import finished
from modelway.dialects.cohere.content import read_said
from modelway.dialects.cohere.conversation import write_conversation
from modelway.dialects.cohere.settings import (
    write_format,
    write_thinking,
    write_tool_choice,
    write_tools,
)
from modelway.dialects.cohere.usage import finish_reason, read_usage
from modelway.dialects.cohere.wire import Answer, Logprob, UsageOnly
from modelway.dialects.notes import Notes
from modelway.dialects.reading import UNREADABLE, read_answer
from modelway.errors import BadRequestError, ResponseError, UnsupportedError
from modelway.ports import Encoded
from modelway.types import (
    JSON,
    ChatRequest,
    ChatResponse,
    Choice,
    Message,
    Reasoning,
    Text,
    TokenLogprob,
    Usage,
)

MOST_STOP = 5
"""Source: ``stop_sequences``, https://docs.cohere.com/v2/reference/chat, 2026-11-21."""

_answer = Decoder(Answer)
_usage_only = Decoder(UsageOnly)


def chat_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    return "/v2/chat"


# ---------------------------------------------------------------- requests


def encode_chat(request: ChatRequest, target: Target, stream: bool) -> Encoded:
    notes = Notes(target.model)
    messages, documents = write_conversation(request.messages, notes)
    body: JSON = {"model": target.model, "messages": messages}
    if stream:
        body["stream"] = True
    if documents:
        body["documents"] = documents
    if request.tools:
        body |= write_tools(request.tools, target.quirks, notes)
    body |= write_tool_choice(request.tool_choice, body, notes)
    body |= _sampling(request, target, notes)
    for name, value in (
        ("response_format", write_format(request.response_format, target.quirks, notes)),
        ("thinking", write_thinking(request.thinking, notes)),
    ):
        if value is not None:
            body[name] = value
    _refuse_or_warn(request, notes)
    return finished(body, request.extra, request.extra_dialect, target, notes)


def _sampling(request: ChatRequest, target: Target, notes: Notes) -> JSON:
    if request.max_tokens is not None and request.max_tokens < 1:
        raise BadRequestError(
            f"max_tokens is a whole number from 1, not {request.max_tokens!r}", param="max_tokens"
        )
    settings: JSON = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "p": request.top_p,
        "k": request.top_k,
        "seed": request.seed,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "logprobs": request.logprobs,
    }
    most = target.quirks.max_stop or MOST_STOP
    if len(request.stop) > most:
        notes.warn("stop", f"Cohere takes {most} stop sequences: the first {most} are sent")
    if request.stop:
        settings["stop_sequences"] = request.stop[:most]
    return {name: value for name, value in settings.items() if value is not None}


def _refuse_or_warn(request: ChatRequest, notes: Notes) -> None:
    if request.n is not None and request.n != 1:
        raise UnsupportedError(
            f"{notes.model} gives one answer a request over Cohere's API, not {request.n}; "
            f"ask {request.n} times",
            model=notes.model,
            param="n",
        )
    for name, asked in (
        ("n", request.n),
        ("top_logprobs", request.top_logprobs),
        ("parallel_tool_calls", request.parallel_tool_calls),
        ("user", request.user),
        ("metadata", request.metadata or None),
    ):
        if asked is not None:
            notes.warn(name, "Cohere has no such setting: left out")


# ---------------------------------------------------------------- answers


def decode_chat(body: bytes) -> ChatResponse:
    answer = read_answer(_answer, body, "the answer")
    parts = [
        part
        for part in read_said(answer.message)
        if not (isinstance(part, Text | Reasoning) and part in (Text(text=""), Reasoning()))
    ]
    if answer.finish_reason is None and not parts:
        raise ResponseError("the provider's answer has neither content nor a finish reason")
    return ChatResponse(
        id=answer.id,
        choices=(
            Choice(
                message=Message(role="assistant", parts=tuple(parts)),
                finish_reason=finish_reason(answer.finish_reason),
                raw_finish_reason=answer.finish_reason,
                logprobs=tuple([read_logprob(one) for one in answer.logprobs or ()]),
            ),
        ),
        usage=read_usage(answer.usage) or Usage(),
    )


def read_logprob(one: Logprob) -> TokenLogprob:
    """Of a text of several tokens, their sum: its own log-probability."""
    return TokenLogprob(token=one.text or "", logprob=sum(one.logprobs or ()))


def usage(body: bytes) -> Usage | None:
    """The usage of a whole answer; raises what ``decode_chat`` raises for an answer that is none."""
    try:
        return read_usage(_usage_only.decode(body).usage)
    except UNREADABLE:
        said = decode_chat(body).usage
        return said if said != Usage() else None
