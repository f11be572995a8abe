"""Bedrock's wire: Converse, InvokeModel and the count of tokens, by their paths."""

from __future__ import annotations

from modelway.simulator import bedrock_invoke, bedrock_read, bedrock_write, frames
from modelway.simulator.script import ScriptedError
from modelway.simulator.wires import Operation, Wire, route

BEDROCK = Wire(
    name="bedrock",
    request_id_header=b"x-amzn-requestid",
    request_id_prefix="",
    error=bedrock_write.error,
    unknown_model=bedrock_read.unknown_model,
    unknown_path="Unable to determine the operation of {where}",
    error_headers=bedrock_write.error_headers,
    unauthorised=ScriptedError(
        status=403,
        type="UnrecognizedClientException",
        message="The security token included in the request is invalid.",
    ),
)


ROUTES = (
    route(
        "/model/{model}/converse",
        Operation(BEDROCK, bedrock_read.read, bedrock_write.whole, call_id_prefix="tooluse_"),
    ),
    route(
        "/model/{model}/converse-stream",
        Operation(
            BEDROCK,
            bedrock_read.read_stream,
            bedrock_write.whole,
            bedrock_write.events,
            bedrock_write.error_event,
            call_id_prefix="tooluse_",
            stream_media=bedrock_write.stream_media,
            halved=frames.halved,
        ),
    ),
    route(
        "/model/{model}/invoke",
        Operation(
            BEDROCK,
            bedrock_invoke.read,
            bedrock_invoke.whole,
            id_prefix="msg_bdrk_01",
            call_id_prefix="toolu_bdrk_01",
        ),
    ),
    route(
        "/model/{model}/invoke-with-response-stream",
        Operation(
            BEDROCK,
            bedrock_invoke.read_stream,
            bedrock_invoke.whole,
            bedrock_invoke.events,
            bedrock_write.error_event,
            id_prefix="msg_bdrk_01",
            call_id_prefix="toolu_bdrk_01",
            stream_media=bedrock_write.stream_media,
            halved=frames.halved,
        ),
    ),
    route(
        "/model/{model}/count-tokens",
        Operation(BEDROCK, bedrock_invoke.read_counted, bedrock_write.counted),
    ),
)
