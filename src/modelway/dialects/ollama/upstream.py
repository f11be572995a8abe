"""Us → a server of Ollama's API: requests written, answers read.

What is left out or changed is a warning; the same said in this API's own words is not.
"""

from __future__ import annotations

import msgspec
from msgspec.json import Decoder

from modelway.call import Question, Target
from modelway.dialects.notes import Notes
from modelway.dialects.ollama.faults import spoken_error
from modelway.dialects.ollama.messages import write_messages, write_tools
from modelway.dialects.ollama.reading import arguments_in, read_images
from modelway.dialects.ollama.settings import (
    refuse_or_warn,
    write_format,
    write_options,
    write_think,
)
from modelway.dialects.ollama.usage import finish_reason, read_time, read_usage
from modelway.dialects.ollama.wire import NAME, Answer, Logprob, Said, read_answer
from modelway.dialects.reading import UNREADABLE
from modelway.errors import BadRequestError, ResponseError, UnsupportedError
from modelway.ports import Encoded
from modelway.types import (
    JSON,
    ChatRequest,
    ChatResponse,
    Choice,
    Message,
    Part,
    Reasoning,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
)

PROTECTED = frozenset({"model", "messages", "prompt", "input", "stream"})
"""Body fields that neither a caller's extras nor an operator's additions may set."""

_answer = Decoder(Answer)
_done = Decoder(dict[str, msgspec.Raw])


def path(path: str, model: str, stream: bool) -> str:  # noqa: ARG001 - the body says both
    return path


# ---------------------------------------------------------------- requests


def encode_chat(request: ChatRequest, target: Target, stream: bool) -> Encoded:
    notes = Notes(target.model)
    body: JSON = {
        "model": target.model,
        "messages": write_messages(request.messages, notes),
    }
    tools = write_tools(request.tools, request.tool_choice, notes)
    if tools:
        body["tools"] = tools
    _settings(body, request, target, notes)
    return _finished(body, request, target, stream, notes)


def encode_generate(request: ChatRequest, target: Target, stream: bool) -> Encoded:
    """A system prompt, and one message of a user."""
    notes = Notes(target.model)
    if request.tools:
        raise UnsupportedError("text completion has no tools; chat instead", param="tools")
    written = write_messages(request.messages, notes)
    *system, asked = written
    if asked["role"] != "user" or [one["role"] for one in system] not in ([], ["system"]):
        raise UnsupportedError(
            f"{target.model} completes one text: a user's message, and a system prompt before it; "
            "chat with it instead",
            model=target.model,
            param="messages",
        )
    body: JSON = {"model": target.model, "prompt": asked["content"]}
    if "images" in asked:
        body["images"] = asked["images"]
    if system:
        body["system"] = system[0]["content"]
    _settings(body, request, target, notes)
    return _finished(body, request, target, stream, notes)


def _settings(body: JSON, request: ChatRequest, target: Target, notes: Notes) -> None:
    refuse_or_warn(request, notes)
    for name, value in (
        ("format", write_format(request.response_format, target.quirks, notes)),
        ("think", write_think(request.thinking, notes)),
        ("logprobs", request.logprobs),
        ("top_logprobs", request.top_logprobs),
        ("options", write_options(request, target.quirks, notes) or None),
    ):
        if value is not None:
            body[name] = value


def _finished(
    body: JSON, request: ChatRequest, target: Target, stream: bool, notes: Notes
) -> Encoded:
    """With the caller's extras, the host's quirks, and last the operator's own fields."""
    body["stream"] = stream  # it streams unless told
    add_extras(body, request, notes)
    for name in target.quirks.drop:
        if name in body and name not in PROTECTED:
            del body[name]
            notes.warn(name, "this host refuses it: left out")
    for name, other in target.quirks.rename.items():
        if name in body and name not in PROTECTED:
            body.setdefault(other, body.pop(name))
    for name, value in body_fields(target).items():
        body[name] = merged(body.get(name), value)
    return encoded(body, notes)


def add_extras(body: JSON, request: Question, notes: Notes) -> None:
    """The caller's own fields; ``options`` go together."""
    for name, value in request.extra.items():
        if request.extra_dialect not in (None, NAME):
            notes.warn(f"extra.{name}", f"a field of {request.extra_dialect}: left out")
        elif name in PROTECTED:
            notes.warn(f"extra.{name}", "cannot be set as an extra field: left out")
        else:
            body[name] = merged(value, body.get(name)) if name in body else value


def encoded(body: JSON, notes: Notes) -> Encoded:
    try:
        return Encoded(msgspec.json.encode(body), notes.taken())
    except (UnicodeEncodeError, TypeError, OverflowError, RecursionError) as error:
        raise BadRequestError(f"the request cannot be written as JSON: {error}") from None


def merged(present: object, later: object) -> object:
    """Objects go together; otherwise the later one wins."""
    if isinstance(present, dict) and isinstance(later, dict):
        return {**present, **later}
    return later


def body_fields(target: Target) -> JSON:
    """The operator's own fields, without those that decide what is asked of whom."""
    return {name: value for name, value in target.body.items() if name not in PROTECTED}


# ---------------------------------------------------------------- answers


def decode(body: bytes) -> ChatResponse:
    answer, said = _read(body)
    called = bool(said.tool_calls)
    choice = Choice(
        message=Message(role="assistant", parts=parts_of(said, answer.created_at)),
        finish_reason=finish_reason(answer.done_reason, called),
        raw_finish_reason=answer.done_reason,
        logprobs=logprobs_in(answer.logprobs),
    )
    return ChatResponse(
        model=answer.model,
        choices=(choice,),
        usage=read_usage(body) or Usage(),
        created=read_time(answer.created_at),
    )


def _read(body: bytes) -> tuple[Answer, Said]:
    answer = read_answer(_answer, body, "the answer")
    if answer.error is not None:
        raise spoken_error(answer)
    said = answer.said
    if said is None:
        raise ResponseError("the answer of the provider has no message")
    if not answer.done:
        raise ResponseError("the answer of the provider is not done: it has no end")
    return answer, said


def parts_of(said: Said, created_at: str) -> tuple[Part, ...]:
    thought = (Reasoning(text=said.thinking),) if said.thinking else ()
    text = (Text(text=said.content),) if said.content else ()
    return (*thought, *text, *read_images(said.images), *read_calls(said, created_at, 0))


def read_calls(said: Said, created_at: str, before: int) -> list[ToolCall]:
    """Older servers give no ids: then the time and the place make one."""
    when = "".join([digit for digit in created_at if digit.isdigit()])
    return [
        ToolCall(
            id=call.id or f"call_{when}_{before + number}",
            name=call.function.name,
            arguments=arguments_in(call),
        )
        for number, call in enumerate(said.tool_calls or (), 1)
    ]


def logprobs_in(logprobs: list[Logprob] | None) -> tuple[TokenLogprob, ...]:
    return tuple(
        [
            TokenLogprob(
                token=one.token,
                logprob=one.logprob,
                bytes=None if one.bytes is None else tuple(one.bytes),
                top=tuple(
                    [
                        TokenLogprob(
                            token=other.token,
                            logprob=other.logprob,
                            bytes=None if other.bytes is None else tuple(other.bytes),
                        )
                        for other in one.top_logprobs or ()
                    ]
                ),
            )
            for one in logprobs or ()
        ]
    )


def usage(body: bytes) -> Usage | None:
    """The usage of a whole answer; raises what ``decode`` raises for an answer that is none."""
    try:
        fields = _done.decode(body)
    except UNREADABLE:
        fields = {}
    if not ("done" in fields and ("message" in fields or "response" in fields)):
        said = decode(body).usage
        return said if said != Usage() else None
    return read_usage(body)
