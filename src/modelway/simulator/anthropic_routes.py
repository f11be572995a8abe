"""Anthropic's wire: messages, their count and models, by their paths."""

from __future__ import annotations

from functools import partial

from modelway.simulator import anthropic_read, anthropic_write
from modelway.simulator.question import Asked, Envelope
from modelway.simulator.wires import Lookup, Operation, Wire, route

ANTHROPIC = Wire(
    name="anthropic",
    request_id_header=b"request-id",
    request_id_prefix="req_01",
    error=anthropic_write.error,
    unknown_model=anthropic_read.unknown_model,
    required_headers=(("anthropic-version", "anthropic-version: header is required"),),
    limits="anthropic",
)


def _models(asked: Asked) -> bytes:
    return anthropic_write.models(list(asked.listed.values()), asked.query)


def _model(asked: Asked) -> bytes:
    name = asked.places["model"]
    if name not in asked.listed:
        raise ANTHROPIC.unknown_model(name)
    return anthropic_write.model(asked.listed[name])


def _counted(envelope: Envelope) -> bytes:
    return anthropic_write.count(envelope.question.input_tokens)


ROUTES = (
    route(
        "/v1/messages",
        Operation(
            ANTHROPIC,
            anthropic_read.read,
            anthropic_write.whole,
            anthropic_write.events,
            anthropic_write.error_event,
            id_prefix="msg_01",
            call_id_prefix="toolu_01",
        ),
    ),
    route(
        "/v1/messages/count_tokens",
        Operation(ANTHROPIC, partial(anthropic_read.read, counting=True), _counted),
    ),
    route("/v1/models", Lookup(ANTHROPIC, _models), "GET"),
    route("/v1/models/{model}", Lookup(ANTHROPIC, _model), "GET"),
)
