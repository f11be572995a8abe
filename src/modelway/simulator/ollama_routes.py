"""Ollama's own wire, by its paths."""

from __future__ import annotations

from modelway.simulator import ollama_other, ollama_read, ollama_write
from modelway.simulator.wires import Lookup, Operation, Wire, route

OLLAMA = Wire(
    name="ollama",
    request_id_header=b"",
    request_id_prefix="",
    error=ollama_write.error,
    unknown_model=ollama_read.unknown_model,
    unknown_path="404 page not found",
    error_media=b"application/json; charset=utf-8",
)


ROUTES = (
    route(
        "/api/chat",
        Operation(
            OLLAMA,
            ollama_read.read,
            ollama_write.whole,
            ollama_write.events,
            ollama_write.error_event,
            call_id_prefix="call_",
            media=ollama_write.media,
            stream_media=ollama_write.stream_media,
            halved=ollama_write.halved,
        ),
    ),
    route(
        "/api/generate",
        Operation(
            OLLAMA,
            ollama_read.read_generate,
            ollama_write.generated,
            ollama_write.generating,
            ollama_write.error_event,
            media=ollama_write.media,
            stream_media=ollama_write.stream_media,
            halved=ollama_write.halved,
        ),
    ),
    route("/api/embed", Operation(OLLAMA, ollama_other.read_embed, ollama_other.embedded)),
    route(
        "/api/embeddings",
        Operation(OLLAMA, ollama_other.read_embed, ollama_other.embedded_before),
    ),
    route("/api/tags", Lookup(OLLAMA, ollama_other.tags), "GET"),
    route("/api/ps", Lookup(OLLAMA, ollama_other.running), "GET"),
    route("/api/version", Lookup(OLLAMA, ollama_other.version), "GET"),
    route("/api/show", Lookup(OLLAMA, ollama_other.show)),
)
