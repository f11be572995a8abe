"""Replicate's predictions: begun, looked at until they are done, streamed, and cancelled.

Source: https://replicate.com/docs/reference/http, https://replicate.com/docs/topics/predictions/
streaming, 2026-11-21; forms as recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.question import (
    Asked,
    Envelope,
    Question,
    Refused,
    Thought,
    WireError,
    Words,
    refuse,
)
from modelway.simulator.script import ScriptedError
from modelway.simulator.strict import Misfit, Shape, fitted, parse

_TITLES: dict[int, tuple[str, str]] = {
    400: ("Bad request", "The request is invalid."),
    401: ("Unauthenticated", "You did not pass a valid authentication token"),
    402: ("Insufficient credit", "You have insufficient credit to run this model."),
    403: ("Forbidden", "You do not have permission to perform this action."),
    404: ("Not found", "The requested resource could not be found."),
    422: ("Input validation failed", "The input is invalid."),
    429: ("Too many requests", "Request was throttled. Expected available in 1 second."),
    500: ("Internal server error", "An internal error occurred."),
    503: ("Service unavailable", "The service is temporarily unavailable."),
}
_STAGES = ("starting", "processing", "succeeded")


class Create(Shape, frozen=True, kw_only=True):
    input: dict[str, Any]
    version: str | None = None
    model: str | None = None
    stream: bool | None = None
    webhook: str | None = None
    webhook_events_filter: list[str] | None = None
    webhook_completed: str | None = None


def read(asked: Asked) -> Question:
    """The input of a prediction."""
    request = fitted(parse(asked.body, worded), Create, asked, worded)
    owner, name = asked.places.get("owner"), asked.places.get("name")
    model = request.model or request.version if owner is None else f"{owner}/{name}"
    if not model:
        raise _invalid("version", "version is required")
    short = model.rpartition("/")[2]
    model = short if short.startswith("sim-") else model
    if asked.script.only_listed_models and model not in asked.listed:
        raise unknown_model(model)
    prompt = request.input.get("prompt")
    if not isinstance(prompt, str):
        raise _invalid("input.prompt", "prompt is required")
    most = request.input.get("max_tokens", request.input.get("max_new_tokens"))
    if not isinstance(most, int | None):
        raise _invalid("input.max_tokens", "Invalid type. Expected: integer")
    stops = request.input.get("stop_sequences") or ""
    waits = (asked.request.header("prefer") or "").startswith("wait")
    return Question(
        dialect="replicate",
        model=model,
        text=prompt,
        input_tokens=tokens.count_value([prompt, request.input.get("system_prompt")]),
        max_tokens=most,
        stop=tuple([each for each in str(stops).split(",") if each]),
        told={"input": request.input, "waits": waits, "version": request.version or "hidden"},
    )


def read_stream(asked: Asked) -> Question:
    """A prediction that was begun, to be streamed."""
    question: Question = _found(asked)["question"]
    return msgspec.structs.replace(question, stream=True)


def begun(envelope: Envelope) -> bytes:
    """A prediction that was begun; one that is waited for is done at once."""
    asked, name = envelope.question, envelope.id
    at = f"{envelope.base_url}/v1"
    pieces = _pieces(envelope)
    started = datetime.fromtimestamp(envelope.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    counts = envelope.counts
    done = {
        "output": pieces,
        "started_at": started,
        "completed_at": started,
        "metrics": {
            "input_token_count": counts.input_tokens,
            "output_token_count": counts.output_tokens,
            "predict_time": 0.2,
            "total_time": 0.3,
            "time_to_first_token": 0.1,
            "tokens_per_second": 100.0,
        },
    }
    head = {
        "id": name,
        "model": asked.model,
        "version": asked.told["version"],
        "input": asked.told["input"],
        "logs": "",
        "data_removed": False,
        "error": None,
        "created_at": started,
        "urls": {
            "cancel": f"{at}/predictions/{name}/cancel",
            "get": f"{at}/predictions/{name}",
            "stream": f"{at}/streams/{name}",
            "web": f"{envelope.base_url}/p/{name}",
        },
    }
    stage = _STAGES[-1] if asked.told["waits"] else _STAGES[0]
    kept = {"question": asked, "head": head, "done": done, "stage": stage}
    envelope.shelf.put(f"prediction {name}", kept)
    return _prediction(kept)


def looked_at(asked: Asked) -> bytes:
    """A prediction, one stage further than when it was last looked at."""
    kept = _found(asked)
    if kept["stage"] in _STAGES:
        kept["stage"] = _STAGES[min(_STAGES.index(kept["stage"]) + 1, len(_STAGES) - 1)]
    return _prediction(kept)


def cancelled(asked: Asked) -> bytes:
    """A prediction that goes no further, if it was not done."""
    kept = _found(asked)
    if kept["stage"] != _STAGES[-1]:
        kept["stage"] = "canceled"
    return _prediction(kept)


def events(envelope: Envelope) -> Iterator[tuple[bytes, int]]:
    """The events of a prediction's stream, each with the number of tokens in it."""
    for number, piece in enumerate(_pieces(envelope)):
        lines = b"".join([f"data: {line}\n".encode() for line in piece.split("\n")])
        yield f"event: output\nid: {envelope.created}:{number}\n".encode() + lines + b"\n", 1
    yield b"event: done\nid: %d:end\ndata: {}\n\n" % envelope.created, 0


def error(said: ScriptedError, request_id: str) -> bytes:  # noqa: ARG001  not in Replicate's body
    """The body of an error."""
    title, detail = _TITLES.get(said.status) or _TITLES[400 if said.status < 500 else 500]
    body = {"title": said.type or title, "detail": said.message or detail, "status": said.status}
    if said.param is not None:
        field = {"type": "invalid", "field": said.param, "description": said.message}
        body = {**body, "invalid_fields": [field]}
    return msgspec.json.encode(body)


def error_event(said: ScriptedError, envelope: Envelope) -> bytes:
    """The end of a stream that failed."""
    detail = msgspec.json.decode(error(said, envelope.request_id))["detail"]
    told = msgspec.json.encode({"detail": detail})
    return b"event: error\ndata: " + told + b'\n\nevent: done\ndata: {"reason":"error"}\n\n'


def unknown_model(model: str) -> WireError:  # noqa: ARG001  Replicate does not say which
    """The refusal of a model that is not listed."""
    return WireError(ScriptedError(status=404))


def worded(misfit: Misfit) -> WireError:
    """A misfit as Replicate tells it."""
    field = f"{misfit.path}.{misfit.name}".strip(".")
    if misfit.kind == "json":
        return refuse(f"Malformed JSON: {misfit.told}")
    told = {
        "unknown": f"Additional property {misfit.name} is not allowed",
        "missing": f"{misfit.name} is required",
    }
    return _invalid(field, told.get(misfit.kind, misfit.told))


def _invalid(field: str, told: str) -> WireError:
    return refuse(f"- {field}: {told}\n", status=422, param=field)


def _found(asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] | None = asked.shelf.get(f"prediction {asked.places['id']}")
    if found is None:
        raise WireError(ScriptedError(status=404))
    return found


def _prediction(kept: dict[str, Any]) -> bytes:
    done = kept["done"] if kept["stage"] == _STAGES[-1] else {}
    return msgspec.json.encode({**kept["head"], **done, "status": kept["stage"]})


def _pieces(envelope: Envelope) -> list[str]:
    said = [
        part.text
        for part in envelope.answers[0].parts
        if isinstance(part, Words | Refused) or (isinstance(part, Thought) and not part.hidden)
    ]
    return tokens.pieces("".join(said))
