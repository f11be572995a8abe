"""Replicate's wire: predictions begun, looked at, cancelled and streamed, by their paths."""

from __future__ import annotations

from modelway.simulator import replicate_wire
from modelway.simulator.wires import Lookup, Operation, Wire, route

REPLICATE = Wire(
    name="replicate",
    request_id_header=b"",
    request_id_prefix="",
    error=replicate_wire.error,
    unknown_model=replicate_wire.unknown_model,
    unknown_path="The requested resource could not be found.",
    error_media=b"application/problem+json",
)


ROUTES = (
    *[
        route(
            path,
            Operation(
                REPLICATE, replicate_wire.read, replicate_wire.begun, status=201, defers=True
            ),
        )
        for path in (
            "/v1/predictions",
            "/v1/models/{owner}/{name}/predictions",
            "/v1/deployments/{owner}/{name}/predictions",
        )
    ],
    route("/v1/predictions/{id}", Lookup(REPLICATE, replicate_wire.looked_at), "GET"),
    route("/v1/predictions/{id}/cancel", Lookup(REPLICATE, replicate_wire.cancelled)),
    route(
        "/v1/streams/{id}",
        Operation(
            REPLICATE,
            replicate_wire.read_stream,
            replicate_wire.begun,
            replicate_wire.events,
            replicate_wire.error_event,
        ),
        "GET",
    ),
)
