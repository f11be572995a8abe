"""Us → Replicate: predictions asked for, waited for and read.

A model's own inputs have names of their own: a caller's extras and an operator's fields are inputs,
but for those of the prediction itself. What is left out or changed is a warning.
Source: https://replicate.com/docs/reference/http#predictions.create, 2026-11-21.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.json import Decoder

from modelway.call import Target
from modelway.dialects.notes import Notes
from modelway.dialects.replicate.families import Family, family
from modelway.dialects.replicate.faults import failure
from modelway.dialects.replicate.paths import version_of
from modelway.dialects.replicate.prompt import write_conversation
from modelway.dialects.replicate.wire import NAME, Model, Prediction, read_answer
from modelway.errors import BadRequestError, ResponseError, UnsupportedError
from modelway.ports import Encoded, Follow
from modelway.types import (
    JSON,
    ChatRequest,
    ChatResponse,
    Choice,
    Message,
    ModelListing,
    Text,
    Usage,
)

PROTECTED = frozenset({"prompt", "messages", "version", "stream", "model", "input"})
"""Fields that neither a caller's extras nor an operator's additions may set."""

_OF_THE_PREDICTION = frozenset({"webhook", "webhook_events_filter"})

POLL_S = 0.5
"""Between two looks at a prediction. Source: replicate-python 1.0.7, default_poll_interval."""

_RUNNING = ("starting", "processing")

_prediction = Decoder(Prediction)
_model = Decoder(Model)


# ---------------------------------------------------------------- requests


def encode_chat(request: ChatRequest, target: Target, stream: bool) -> Encoded:
    notes = Notes(target.model)
    row = family(target.model)
    _refuse(request, notes)
    inputs = write_conversation(request.messages, row, notes)
    inputs |= _settings(request, row, notes)
    body: JSON = {"input": inputs}
    version = version_of(target.model)
    if version is not None:
        body["version"] = version
    if stream:
        body["stream"] = True
    _add_extras(body, request, target, notes)
    try:
        return Encoded(msgspec.json.encode(body), notes.taken())
    except UnicodeEncodeError:
        raise BadRequestError("a text of the request holds half a surrogate pair") from None
    except TypeError as error:
        raise BadRequestError(f"the request holds a value that is not JSON: {error}") from None
    except RecursionError:
        raise BadRequestError("the request is nested too deeply") from None


def _refuse(request: ChatRequest, notes: Notes) -> None:
    if request.tools:
        raise UnsupportedError(
            f"{notes.model} cannot be offered functions over Replicate's API",
            model=notes.model,
            param="tools",
        )
    if request.n is not None and request.n != 1:
        raise UnsupportedError(
            f"{notes.model} gives one answer a prediction, not {request.n}; ask {request.n} times",
            model=notes.model,
            param="n",
        )


def _settings(request: ChatRequest, row: Family, notes: Notes) -> JSON:
    inputs: JSON = {}
    if request.max_tokens is not None:
        if request.max_tokens < 1:
            raise BadRequestError(
                f"max_tokens is a whole number from 1, not {request.max_tokens!r}",
                param="max_tokens",
            )
        inputs[row.max_tokens] = request.max_tokens
    for name in ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty"):
        value = getattr(request, name)
        if value is None:
            continue
        if name in row.settings:
            inputs[row.settings[name]] = value
        else:
            notes.warn(name, "this model has no such input: left out")
    _write_stop(request, row, inputs, notes)
    thinking = request.thinking
    if thinking is not None:
        if thinking.effort is not None and row.effort is not None:
            inputs[row.effort] = thinking.effort
        if thinking != msgspec.structs.replace(type(thinking)(), effort=thinking.effort) or (
            row.effort is None
        ):
            notes.warn("thinking", "only an effort can be said, and not to every model: left out")
    for name in (
        "n",
        "logprobs",
        "top_logprobs",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "user",
        "metadata",
    ):
        if getattr(request, name) not in (None, False, {}):
            notes.warn(name, "Replicate has no such setting: left out")
    return inputs


def _write_stop(request: ChatRequest, row: Family, inputs: JSON, notes: Notes) -> None:
    """One text, with commas between: what holds one cannot be said."""
    said = [one for one in request.stop if one and "," not in one] if row.stop else []
    if len(said) < len(request.stop):
        what = "stop sequences with a comma, and empty ones" if row.stop else "no stop sequences"
        notes.warn(
            "stop", f"{what}: left out" if row.stop else f"this model takes {what}: left out"
        )
    if said and row.stop is not None:
        inputs[row.stop] = ",".join(said)


def _add_extras(body: JSON, request: ChatRequest, target: Target, notes: Notes) -> None:
    """The caller's extras, the host's quirks, and last the operator's own fields."""
    inputs = body["input"]
    for name, value in request.extra.items():
        if request.extra_dialect not in (None, NAME):
            notes.warn(name, f"a field of {request.extra_dialect}: left out")
        elif name in PROTECTED:
            notes.warn(name, "cannot be set as an extra field: left out")
        else:
            (body if name in _OF_THE_PREDICTION else inputs)[name] = value
    for name in target.quirks.drop:
        if name in inputs and name not in PROTECTED:
            del inputs[name]
            notes.warn(name, "this model refuses it: left out")
    for name, other in target.quirks.rename.items():
        if name in inputs:
            inputs[other] = inputs.pop(name)
    for name, value in target.body.items():
        if name not in PROTECTED:
            (body if name in _OF_THE_PREDICTION else inputs)[name] = value


# ---------------------------------------------------------------- waiting


def follow(body: bytes, stream: bool) -> Follow | None:
    """Where a prediction that runs is looked at again, or streamed; None for one that is over.

    Streams of some models are at other sites, where we take no key: those are polled.
    """
    found = read_answer(_prediction, body, "the prediction")
    if found.status not in _RUNNING:
        return None
    urls = found.urls
    if not urls.get:
        raise ResponseError("the provider's prediction does not say where it goes on")
    if stream and urls.stream and _site(urls.stream) == _site(urls.get):
        return Follow(urls.stream, stream=True)
    return Follow(urls.get, delay_s=POLL_S)


def _site(url: str) -> list[str]:
    """The last two labels of a host's name."""
    return (urlsplit(url).hostname or "").split(".")[-2:]


# ---------------------------------------------------------------- answers


def decode_chat(body: bytes) -> ChatResponse:
    found = read_answer(_prediction, body, "the prediction")
    if found.status in _RUNNING:
        raise ResponseError(f"the provider's prediction is not over: {found.status}")
    if found.status != "succeeded":
        raise failure(found.status, found.error)
    text = _text(found.output)
    parts = (Text(text=text),) if text else ()
    return ChatResponse(
        id=found.id,
        model=found.model,
        created=_unix_time(found.created_at),
        choices=(
            Choice(
                message=Message(role="assistant", parts=parts),
                finish_reason="stop",
                raw_finish_reason=found.status,
            ),
        ),
        usage=_usage(found.metrics) or Usage(),
    )


def _text(output: Any) -> str:
    """A text, or pieces of one; what else a model puts out is told as JSON."""
    match output:
        case None:
            return ""
        case str():
            return output
        case list() if all(isinstance(piece, str) for piece in output):
            return "".join(output)
        case _:
            return msgspec.json.encode(output).decode()


def usage(body: bytes) -> Usage | None:
    """The usage of a whole answer; raises what ``decode_chat`` raises for one that is none."""
    decode_chat(body)
    return _usage(_prediction.decode(body).metrics)


def _usage(metrics: JSON | None) -> Usage | None:
    """Tokens, where a model counts them: others are billed by the time that they run."""
    if not metrics:
        return None
    return Usage(
        input_tokens=_count(metrics, "input_token_count", "token_input_count"),
        output_tokens=_count(metrics, "output_token_count", "token_output_count"),
        raw=metrics,
    )


def _count(metrics: JSON, *names: str) -> int | None:
    return next((metrics[name] for name in names if type(metrics.get(name)) is int), None)


def _unix_time(text: str | None) -> int | None:
    try:
        return int(datetime.fromisoformat(text).timestamp()) if text else None
    except ValueError:
        return None


# ---------------------------------------------------------------- models


def encode_question(request: Any, target: Target, stream: bool) -> Encoded:  # noqa: ARG001 - a GET
    return Encoded(b"")


def decode_model(body: bytes) -> ModelListing:
    found = read_answer(_model, body, "the model")
    return ModelListing(id=f"{found.owner}/{found.name}", name=found.name, owner=found.owner)
