"""Cohere's wire: chat, embeddings, reranking and models, by their paths."""

from __future__ import annotations

from modelway.simulator import cohere_read, cohere_retrieval, cohere_write
from modelway.simulator.wires import Lookup, Operation, Wire, route

COHERE = Wire(
    name="cohere",
    request_id_header=b"x-debug-trace-id",
    request_id_prefix="",
    error=cohere_write.error,
    unknown_model=cohere_read.unknown_model,
    unknown_path="resource not found: {where}",
)


ROUTES = (
    route(
        "/v2/chat",
        Operation(
            COHERE,
            cohere_read.read,
            cohere_write.whole,
            cohere_write.events,
            cohere_write.error_event,
            call_id_prefix="tool_",
        ),
    ),
    route("/v2/embed", Operation(COHERE, cohere_retrieval.read_embed, cohere_retrieval.embedded)),
    route("/v2/rerank", Operation(COHERE, cohere_retrieval.read_rerank, cohere_retrieval.reranked)),
    route("/v1/rerank", Operation(COHERE, cohere_retrieval.read_rerank, cohere_retrieval.reranked)),
    route("/v1/models", Lookup(COHERE, cohere_write.models), "GET"),
    route("/v1/models/{model}", Lookup(COHERE, cohere_write.model), "GET"),
)
