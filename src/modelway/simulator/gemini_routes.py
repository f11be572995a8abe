"""Gemini's wire, at Google's two services, by its paths."""

from __future__ import annotations

from modelway.simulator import gemini_embed, gemini_read, gemini_write
from modelway.simulator.script import ScriptedError
from modelway.simulator.wires import Lookup, Operation, Wire, route

_MODELS = (
    r"/(?:v1beta|v1beta1|v1)/(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/google/)?models"
)
"""At Google's own service, and at Vertex AI."""
GEMINI = Wire(
    name="gemini",
    request_id_header=b"",
    request_id_prefix="",
    error=gemini_write.error,
    unknown_model=gemini_read.unknown_model,
    error_media=b"application/json; charset=UTF-8",
    unauthorised=ScriptedError(
        status=400,
        code="API_KEY_INVALID",
        message="API key not valid. Please pass a valid API key.",
    ),
)


ROUTES = (
    route(
        f"{_MODELS}/{{model}}:generateContent",
        Operation(GEMINI, gemini_read.read, gemini_write.whole, call_id_prefix="call_"),
    ),
    route(
        f"{_MODELS}/{{model}}:streamGenerateContent",
        Operation(
            GEMINI,
            gemini_read.read_stream,
            gemini_write.whole,
            gemini_write.events,
            gemini_write.error_event,
            call_id_prefix="call_",
            stream_media=gemini_write.stream_media,
        ),
    ),
    route(
        f"{_MODELS}/{{model}}:countTokens",
        Operation(GEMINI, gemini_read.read_count, gemini_write.counted),
    ),
    route(
        f"{_MODELS}/{{model}}:embedContent",
        Operation(GEMINI, gemini_embed.read_embed, gemini_embed.embedding),
    ),
    route(
        f"{_MODELS}/{{model}}:batchEmbedContents",
        Operation(GEMINI, gemini_embed.read_embed_batch, gemini_embed.embeddings),
    ),
    route(_MODELS, Lookup(GEMINI, gemini_write.models), "GET"),
    route(f"{_MODELS}/{{model}}", Lookup(GEMINI, gemini_write.model), "GET"),
)
