"""OpenAI's wire: chat, responses, completions, embeddings, media and models, by their paths."""

from __future__ import annotations

from modelway.simulator import (
    openai_completions,
    openai_embeddings,
    openai_media,
    openai_read,
    openai_write,
    responses_read,
    responses_write,
)
from modelway.simulator.question import Asked
from modelway.simulator.wires import Lookup, Operation, Wire, route

OPENAI = Wire(
    name="openai",
    request_id_header=b"x-request-id",
    request_id_prefix="req_",
    error=openai_write.error,
    unknown_model=openai_read.unknown_model,
    unknown_path="Invalid URL ({where})",
    limits="openai",
)
RESPONSES = OPENAI._replace(unknown_model=responses_read.unknown_model)


def _models(asked: Asked) -> bytes:
    return openai_write.models(list(asked.listed.values()), asked.query)


def _model(asked: Asked) -> bytes:
    name = asked.places["model"]
    if name not in asked.listed:
        raise OPENAI.unknown_model(name)
    return openai_write.model(asked.listed[name])


ROUTES = (
    route(
        "/v1/chat/completions",
        Operation(
            OPENAI,
            openai_read.read,
            openai_write.whole,
            openai_write.events,
            openai_write.error_event,
            id_prefix="chatcmpl-",
            call_id_prefix="call_",
        ),
    ),
    route(
        "/v1/responses",
        Operation(
            RESPONSES,
            responses_read.read,
            responses_write.whole,
            responses_write.events,
            responses_write.error_event,
            id_prefix="resp_",
            call_id_prefix="call_",
        ),
    ),
    route(
        "/v1/responses/input_tokens",
        Operation(RESPONSES, responses_read.read, responses_write.counted),
    ),
    route("/v1/responses/{id}", Lookup(RESPONSES, responses_write.stored), "GET"),
    route("/v1/responses/{id}", Lookup(RESPONSES, responses_write.forget), "DELETE"),
    route("/v1/responses/{id}/input_items", Lookup(RESPONSES, responses_write.stored_input), "GET"),
    route(
        "/v1/completions",
        Operation(
            OPENAI,
            openai_completions.read,
            openai_completions.whole,
            openai_completions.events,
            openai_write.error_event,
            id_prefix="cmpl-",
        ),
    ),
    route("/v1/embeddings", Operation(OPENAI, openai_embeddings.read, openai_embeddings.whole)),
    route(
        "/v1/rerank",
        Operation(
            OPENAI,
            openai_embeddings.read_rerank,
            openai_embeddings.whole_rerank,
            id_prefix="rerank-",
        ),
    ),
    *[
        route(f"/v1/images/{each}", Operation(OPENAI, openai_media.read_image, openai_media.image))
        for each in ("generations", "edits", "variations")
    ],
    route(
        "/v1/audio/speech",
        Operation(
            OPENAI, openai_media.read_speech, openai_media.speech, media=openai_media.speech_media
        ),
    ),
    *[
        route(
            f"/v1/audio/{each}",
            Operation(
                OPENAI, openai_media.read_sound, openai_media.heard, media=openai_media.heard_media
            ),
        )
        for each in ("transcriptions", "translations")
    ],
    route(
        "/v1/moderations",
        Operation(OPENAI, openai_media.read_moderated, openai_media.moderated, id_prefix="modr-"),
    ),
    route("/v1/models", Lookup(OPENAI, _models), "GET"),
    route("/v1/models/{model}", Lookup(OPENAI, _model), "GET"),
)
