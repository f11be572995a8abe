"""Us → Bedrock's Converse API: requests written, answers read.

What is left out or changed is a warning; the same said in this API's own words is not. Model and
streaming are said by the path alone.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects import breakpoints
from modelway.dialects.bedrock_converse.blocks import read_content
from modelway.dialects.bedrock_converse.conversation import write_conversation
from modelway.dialects.bedrock_converse.families import family
from modelway.dialects.bedrock_converse.notes import Notes
from modelway.dialects.bedrock_converse.thinking import write_additional, write_output
from modelway.dialects.bedrock_converse.tools import write_tools
from modelway.dialects.bedrock_converse.usage import (
    finish_reason,
    read_stop_sequence,
    read_usage,
)
from modelway.dialects.bedrock_converse.wire import NAME, Answer, InputTokens, UsageOnly
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
    TokenCount,
    ToolCall,
    ToolResult,
    Usage,
)

PROTECTED = frozenset({"messages", "model", "modelId", "stream"})
"""Body fields that neither a caller's extras nor an operator's additions may set."""

COUNTED = ("messages", "system", "toolConfig", "additionalModelRequestFields")
"""What counting tokens takes. Source: ``ConverseTokensRequest`` of the service model, 2026-11-21."""

_answer = Decoder(Answer)
_usage_only = Decoder(UsageOnly)
_input_tokens = Decoder(InputTokens)


def chat_path(model: str, stream: bool) -> str:
    return f"/model/{quoted(model)}/converse{'-stream' if stream else ''}"


def count_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    return f"/model/{quoted(model)}/count-tokens"


def quoted(model: str) -> str:
    """An id or ARN as one step of a path: ``:`` and ``/`` are escaped, as botocore does."""
    if model in ("", ".", ".."):
        raise BadRequestError(f"no model of Bedrock has the name {model!r}", param="model")
    return quote(model, safe="-._~")


# ---------------------------------------------------------------- requests


def encode_chat(request: ChatRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    notes = Notes(target.model)
    body = _asked(request, target, notes)
    config = _inference(request, target, notes)
    if config:
        body["inferenceConfig"] = config
    if request.metadata:
        body["requestMetadata"] = request.metadata
    _refuse_or_warn(request, notes)
    _finish_body(body, request, target, notes)
    return _encoded(body, notes)


def encode_count(request: ChatRequest, target: Target, stream: bool) -> Encoded:  # noqa: ARG001
    """The same question without what only matters to the answer."""
    notes = Notes(target.model)
    body = _asked(request, target, notes)
    _finish_body(body, request, target, notes)
    counted = {name: body[name] for name in COUNTED if name in body}
    return _encoded({"input": {"converse": counted}}, notes)


def _encoded(body: JSON, notes: Notes) -> Encoded:
    try:
        return Encoded(msgspec.json.encode(body), notes.taken())
    except UnicodeEncodeError:
        raise BadRequestError("a text of the request holds half a surrogate pair") from None
    except TypeError as error:
        raise BadRequestError(f"the request holds a value that is not JSON: {error}") from None


def _asked(request: ChatRequest, target: Target, notes: Notes) -> JSON:
    """What the model is shown, and how it is to reason and answer."""
    request = breakpoints.within(request, notes.warn)
    kin = family(target.model)
    system, turns = write_conversation(request.messages, kin, notes)
    body: JSON = {"messages": turns}
    if system:
        body["system"] = system
    called = any(
        isinstance(part, ToolCall | ToolResult)
        for message in request.messages
        for part in message.parts
    )
    config = write_tools(request.tools, request.tool_choice, called, target.quirks, notes)
    if config:
        body["toolConfig"] = config
    fields = write_additional(request.thinking, request.top_k, request.max_tokens, kin, notes)
    if fields:
        body["additionalModelRequestFields"] = fields
    output = write_output(request.thinking, request.response_format, kin, target.quirks, notes)
    if output:
        body["outputConfig"] = output
    return body


def _inference(request: ChatRequest, target: Target, notes: Notes) -> JSON:
    """Source: ``InferenceConfiguration`` of the service model, 2026-11-21."""
    config: JSON = {}
    if request.max_tokens is not None:
        if type(request.max_tokens) is not int or request.max_tokens < 1:
            raise BadRequestError(
                f"max_tokens is a whole number from 1, not {request.max_tokens!r}",
                param="max_tokens",
            )
        config["maxTokens"] = request.max_tokens
    for name, wire, value in (
        ("temperature", "temperature", request.temperature),
        ("top_p", "topP", request.top_p),
    ):
        if value is None:
            continue
        if not 0 <= value <= 1:
            raise BadRequestError(
                f"0 to 1 for {target.model} over Bedrock's Converse API, not {value}", param=name
            )
        config[wire] = value
    stop = [sequence for sequence in request.stop if sequence]
    if len(stop) != len(request.stop):
        notes.warn("stop", "Bedrock refuses empty stop sequences: left out")
    most = target.quirks.max_stop
    if most is not None and len(stop) > most:
        notes.warn("stop", f"this host takes {most} stop sequences: the first {most} are sent")
        stop = stop[:most]
    if stop:
        config["stopSequences"] = stop
    return config


def _refuse_or_warn(request: ChatRequest, notes: Notes) -> None:
    if request.n is not None and request.n != 1:
        raise UnsupportedError(
            f"{notes.model} gives one answer a request over Bedrock's Converse API, not "
            f"{request.n}; ask {request.n} times",
            model=notes.model,
            param="n",
        )
    for name, asked in (
        ("frequency_penalty", request.frequency_penalty),
        ("presence_penalty", request.presence_penalty),
        ("seed", request.seed),
        ("logprobs", request.logprobs or None),
        ("top_logprobs", request.top_logprobs),
        ("parallel_tool_calls", request.parallel_tool_calls),
        ("user", request.user),
    ):
        if asked is not None:
            notes.warn(name, "Bedrock's Converse API has no such setting: left out")


def _finish_body(body: JSON, request: ChatRequest, target: Target, notes: Notes) -> None:
    """The caller's extras, the host's quirks, and last the operator's own fields, in ``body``."""
    if request.extra_dialect in (None, NAME):
        for name, value in request.extra.items():
            if name in PROTECTED:
                notes.warn(name, "cannot be set as an extra field: left out")
            else:
                body[name] = _both(body.get(name), value)
    else:
        for name in request.extra:
            notes.warn(name, f"a field of {request.extra_dialect}: left out")
    for name in target.quirks.drop:
        if name in body and name not in PROTECTED:
            del body[name]
            notes.warn(name, "this host refuses it: left out")
    for name, other in target.quirks.rename.items():
        if name in body:
            body[other] = body.pop(name)
    body |= body_fields(target)


def _both(present: object, extra: object) -> object:
    """Objects go together, at any depth; otherwise the extra wins."""
    if not (isinstance(present, dict) and isinstance(extra, dict)):
        return extra
    return {**present, **{name: _both(present.get(name), extra[name]) for name in extra}}


def body_fields(target: Target) -> JSON:
    """The operator's own fields, without those that decide what is asked of whom."""
    return {name: value for name, value in target.body.items() if name not in PROTECTED}


# ---------------------------------------------------------------- answers


def decode_chat(body: bytes) -> ChatResponse:
    body = _utf8(body)
    answer = read_answer(_answer, body, "the answer")
    try:
        parts = read_content(answer.output.message.content, "output.message.content")
    except BadRequestError as error:
        raise ResponseError(
            f"the answer cannot be read: {error.message} at {error.param}"
        ) from None
    parts = tuple([part for part in parts if part not in (Text(text=""), Reasoning())])
    return ChatResponse(
        choices=(
            Choice(
                message=Message(role="assistant", parts=parts),
                finish_reason=finish_reason(answer.stop_reason),
                raw_finish_reason=answer.stop_reason,
                stop_sequence=read_stop_sequence(answer.additional_model_response_fields),
            ),
        ),
        usage=read_usage(answer.usage) or Usage(),
    )


def _utf8(body: bytes) -> bytes:
    """Content is kept as bytes until its blocks are known, so bad UTF-8 is replaced before."""
    if body.isascii():
        return body
    try:
        body.decode()
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace").encode()
    return body


def usage(body: bytes) -> Usage | None:
    """The usage of a whole answer; raises what ``decode_chat`` raises for an answer that is none."""
    try:
        return read_usage(_usage_only.decode(body).usage)
    except UNREADABLE:
        said = decode_chat(body).usage
        return said if said != Usage() else None


def decode_count(body: bytes) -> TokenCount:
    counted = read_answer(_input_tokens, body, "the token count")
    return TokenCount(input_tokens=counted.input_tokens)
