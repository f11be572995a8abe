"""Legacy text completion, ``POST /completions``: a prompt is a user's message of one text.

Its answers have the form of Chat Completions' but for ``text``, and are read as those are. What only
this operation has goes by the dialect ``openai-completions``, so that no chat is sent it.
Source: https://platform.openai.com/docs/api-reference/completions (OpenAPI 2.3.0), 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from modelway.call import Target
from modelway.dialects.openai_chat.wire import JSON, Logprobs
from modelway.dialects.openai_wire.body import Notes, Warn, add_extras, check, finished
from modelway.dialects.openai_wire.faults import malformed
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import Fields
from modelway.ports import Encoded
from modelway.types import ChatRequest, Message, Opaque, Part, Text, TokenLogprob

LEGACY = "openai-completions"

_OURS = frozenset({"model", "prompt", "stream", "stream_options"})

_IMPOSSIBLE = -9999.0

_AS_THEY_ARE = (
    "max_tokens",
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "n",
    "user",
)
_ABSENT = (
    "top_k",
    "parallel_tool_calls",
    "response_format",
    "thinking",
    "metadata",
    "tool_choice",
)

_TYPES: dict[str, Any] = {
    "max_tokens": int | None,
    "temperature": float | None,
    "top_p": float | None,
    "frequency_penalty": float | None,
    "presence_penalty": float | None,
    "seed": int | None,
    "n": int | None,
    "user": str | None,
    "stop": str | list[str] | None,
    "logprobs": int | None,
    "stream": bool | None,
}


# ---------------------------------------------------------------- us → provider


def path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    return "/completions"


def encode(request: ChatRequest, target: Target, stream: bool) -> Encoded:
    """The body; UnsupportedError for what is no prompt."""
    warn = Notes()
    check(request)
    body: JSON = {"model": target.model, "prompt": _prompt(request, target)}
    for name in _AS_THEY_ARE:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    if request.stop:
        body["stop"] = list(request.stop)
    if request.logprobs:
        body["logprobs"] = request.top_logprobs or 0
    _warn_of_absent(request, warn)
    add_extras(request, LEGACY, _OURS, body, warn)
    if stream:
        body["stream"] = True
        if target.quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
    return Encoded(finished(body, _older(target), _OURS, warn), warn.taken())


def _older(target: Target) -> Target:
    """The host without the newer name that it has for the cap of a chat."""
    rename = {name: to for name, to in target.quirks.rename.items() if name != "max_tokens"}
    return replace(target, quirks=replace(target.quirks, rename=rename))


def _prompt(request: ChatRequest, target: Target) -> Any:
    match request.messages:
        case (Message(role="user", parts=(Text(text=text),)),):
            return text
        case (Message(role="user", parts=(Opaque(dialect=dialect, data={"prompt": told}),)),) if (
            dialect == LEGACY
        ):
            return told
    raise UnsupportedError(
        f"{target.model!r} completes one text: a user's message of one text part, and no other; "
        "chat with it instead",
        model=target.model,
        param="messages",
    )


def _warn_of_absent(request: ChatRequest, warn: Warn) -> None:
    if request.tools:
        raise UnsupportedError("text completion has no tools; chat instead", param="tools")
    for name in _ABSENT:
        if getattr(request, name) not in (None, {}):
            warn(name, "text completion has no such setting; not sent")


# ---------------------------------------------------------------- client → us


def decode(fields: Fields) -> ChatRequest:
    """The question; BadRequestError with the path of a fault."""
    left = dict(fields)
    for name in ("model", "prompt"):
        if name not in left:
            raise BadRequestError(f"{name} is required", param=name)
    left.pop("stream_options", None)
    said: dict[str, Any] = {"model": _read(left.pop("model"), str, "model")}
    said["messages"] = (Message(role="user", parts=(_prompt_in(left.pop("prompt")),)),)
    for name, kind in _TYPES.items():
        if name in left:
            said[name] = _read(left.pop(name), kind, name)
    said.pop("stream", None)
    stop = said.pop("stop", None)
    said["stop"] = (stop,) if isinstance(stop, str) else tuple(stop or ())
    wanted = said.pop("logprobs", None)
    if wanted is not None:
        said["logprobs"], said["top_logprobs"] = True, wanted
    extra = {name: msgspec.json.decode(raw) for name, raw in left.items()}
    request = ChatRequest(**said, extra=extra, extra_dialect=LEGACY if extra else None)
    check(request)
    return request


def _prompt_in(raw: msgspec.Raw) -> Part:
    """One text; several, and token ids, are kept as they are for those who complete them."""
    told = msgspec.json.decode(raw)
    match told:
        case str() if told:
            return Text(text=told)
        case [str(text)] if text:
            return Text(text=text)
        case [] | "" | None:
            raise malformed("must not be empty", "prompt")
        case list():
            return Opaque(dialect=LEGACY, kind="prompt", data={"prompt": told})
    raise malformed("must be a text, token ids, or a list of either", "prompt")


def _read(raw: msgspec.Raw, kind: Any, name: str) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise malformed(str(error).partition(" - at")[0], name) from None


# ---------------------------------------------------------------- log-probabilities


def logprobs_in(told: Logprobs) -> tuple[TokenLogprob, ...]:
    """Lists side by side; the first token of an echoed prompt has none."""
    numbers = told.token_logprobs if isinstance(told.token_logprobs, list) else []
    tops = told.top_logprobs if isinstance(told.top_logprobs, list) else []
    found: list[TokenLogprob] = []
    for position, token in enumerate(told.tokens):
        top = tops[position] if position < len(tops) else None
        found.append(
            TokenLogprob(
                token=str(token),
                logprob=_number(numbers[position]) if position < len(numbers) else _IMPOSSIBLE,
                top=tuple(
                    [TokenLogprob(token=name, logprob=_number(one)) for name, one in top.items()]
                    if isinstance(top, dict)
                    else []
                ),
            )
        )
    return tuple(found)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else _IMPOSSIBLE


def logprobs_out(logprobs: Sequence[TokenLogprob], offset: int) -> JSON | None:
    """``offset`` is where the first token stands in the text, in characters."""
    if not logprobs:
        return None
    offsets: list[int] = []
    for one in logprobs:
        offsets.append(offset)
        offset += len(one.token)
    return {
        "tokens": [one.token for one in logprobs],
        "token_logprobs": [one.logprob for one in logprobs],
        "top_logprobs": [{top.token: top.logprob for top in one.top} for one in logprobs],
        "text_offset": offsets,
    }
