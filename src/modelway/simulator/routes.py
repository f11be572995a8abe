"""Which request is which: methods and paths, each with what it asks of whose wire."""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple, TypeAlias

from modelway.simulator import (
    anthropic_read,
    anthropic_write,
    bedrock_invoke,
    bedrock_read,
    bedrock_write,
    frames,
    gemini_embed,
    gemini_read,
    gemini_write,
    openai_completions,
    openai_embeddings,
    openai_media,
    openai_read,
    openai_write,
    responses_read,
    responses_write,
)
from modelway.simulator.question import Asked, Envelope, RecordedRequest
from modelway.simulator.wires import (
    ANTHROPIC,
    BEDROCK,
    GEMINI,
    OPENAI,
    RESPONSES,
    Lookup,
    Operation,
    Wire,
)

Act: TypeAlias = Operation | Lookup


class Found(NamedTuple):
    act: Act
    places: dict[str, str]
    allowed: bool = True
    """Whether the path may be asked by this method."""


class _Route(NamedTuple):
    method: str
    path: re.Pattern[str]
    act: Act


def _route(path: str, act: Act, method: str = "POST") -> _Route:
    """``{model}`` may hold slashes, ``{id}`` and all others do not."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path).replace("<model>[^/]+", "<model>.+")
    return _Route(method, re.compile(pattern), act)


def _models(asked: Asked) -> bytes:
    return openai_write.models(list(asked.listed.values()), asked.query)


def _anthropic_models(asked: Asked) -> bytes:
    return anthropic_write.models(list(asked.listed.values()), asked.query)


def _model(asked: Asked) -> bytes:
    name = asked.places["model"]
    if name not in asked.listed:
        raise OPENAI.unknown_model(name)
    return openai_write.model(asked.listed[name])


def _anthropic_model(asked: Asked) -> bytes:
    name = asked.places["model"]
    if name not in asked.listed:
        raise ANTHROPIC.unknown_model(name)
    return anthropic_write.model(asked.listed[name])


def _counted(envelope: Envelope) -> bytes:
    return anthropic_write.count(envelope.question.input_tokens)


_GEMINI = (
    r"/(?:v1beta|v1beta1|v1)/(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/google/)?models"
)
_ROUTES = (
    _route(
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
    _route(
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
    _route(
        "/v1/messages/count_tokens",
        Operation(ANTHROPIC, partial(anthropic_read.read, counting=True), _counted),
    ),
    _route(
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
    _route(
        "/v1/responses/input_tokens",
        Operation(RESPONSES, responses_read.read, responses_write.counted),
    ),
    _route("/v1/responses/{id}", Lookup(RESPONSES, responses_write.stored), "GET"),
    _route("/v1/responses/{id}", Lookup(RESPONSES, responses_write.forget), "DELETE"),
    _route(
        "/v1/responses/{id}/input_items", Lookup(RESPONSES, responses_write.stored_input), "GET"
    ),
    _route(
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
    _route("/v1/embeddings", Operation(OPENAI, openai_embeddings.read, openai_embeddings.whole)),
    _route(
        "/v1/rerank",
        Operation(
            OPENAI,
            openai_embeddings.read_rerank,
            openai_embeddings.whole_rerank,
            id_prefix="rerank-",
        ),
    ),
    *[
        _route(f"/v1/images/{each}", Operation(OPENAI, openai_media.read_image, openai_media.image))
        for each in ("generations", "edits", "variations")
    ],
    _route(
        "/v1/audio/speech",
        Operation(
            OPENAI, openai_media.read_speech, openai_media.speech, media=openai_media.speech_media
        ),
    ),
    *[
        _route(
            f"/v1/audio/{each}",
            Operation(
                OPENAI, openai_media.read_sound, openai_media.heard, media=openai_media.heard_media
            ),
        )
        for each in ("transcriptions", "translations")
    ],
    _route(
        "/v1/moderations",
        Operation(OPENAI, openai_media.read_moderated, openai_media.moderated, id_prefix="modr-"),
    ),
    _route("/v1/models", Lookup(OPENAI, _models), "GET"),
    _route("/v1/models/{model}", Lookup(OPENAI, _model), "GET"),
    _route(
        f"{_GEMINI}/{{model}}:generateContent",
        Operation(GEMINI, gemini_read.read, gemini_write.whole, call_id_prefix="call_"),
    ),
    _route(
        f"{_GEMINI}/{{model}}:streamGenerateContent",
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
    _route(
        f"{_GEMINI}/{{model}}:countTokens",
        Operation(GEMINI, gemini_read.read_count, gemini_write.counted),
    ),
    _route(
        f"{_GEMINI}/{{model}}:embedContent",
        Operation(GEMINI, gemini_embed.read_embed, gemini_embed.embedding),
    ),
    _route(
        f"{_GEMINI}/{{model}}:batchEmbedContents",
        Operation(GEMINI, gemini_embed.read_embed_batch, gemini_embed.embeddings),
    ),
    _route(_GEMINI, Lookup(GEMINI, gemini_write.models), "GET"),
    _route(f"{_GEMINI}/{{model}}", Lookup(GEMINI, gemini_write.model), "GET"),
    _route(
        "/model/{model}/converse",
        Operation(BEDROCK, bedrock_read.read, bedrock_write.whole, call_id_prefix="tooluse_"),
    ),
    _route(
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
    _route(
        "/model/{model}/invoke",
        Operation(
            BEDROCK,
            bedrock_invoke.read,
            bedrock_invoke.whole,
            id_prefix="msg_bdrk_01",
            call_id_prefix="toolu_bdrk_01",
        ),
    ),
    _route(
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
    _route(
        "/model/{model}/count-tokens",
        Operation(BEDROCK, bedrock_invoke.read_counted, bedrock_write.counted),
    ),
    _route("/v1/models", Lookup(ANTHROPIC, _anthropic_models), "GET"),
    _route("/v1/models/{model}", Lookup(ANTHROPIC, _anthropic_model), "GET"),
)
_WIRES = {route.act.wire.name: route.act.wire for route in _ROUTES}
_PREFIX = re.compile(rf"/({'|'.join(_WIRES)})(?=/)")
_STARTS = (("/v1/messages", ANTHROPIC), ("/v1beta", GEMINI), ("/model/", BEDROCK))
"""How the paths of a wire begin that are no other's."""
_HEADERS = (("anthropic-version", ANTHROPIC), ("x-api-key", ANTHROPIC), ("x-goog-api-key", GEMINI))
"""What tells, of a path that several have, whose it is."""


def find(request: RecordedRequest) -> Found | None:
    """What a request asks, or ``None`` for a path that no provider has."""
    from urllib.parse import unquote  # noqa: PLC0415  start-up is for what most runs need

    wire, prefix = _named(request)
    path = request.path.removeprefix(prefix)
    other: Found | None = None
    for route in _ROUTES:
        matched = route.path.fullmatch(path)
        if matched is None or (wire is not None and route.act.wire != wire):
            continue
        places = {name: unquote(value) for name, value in matched.groupdict().items()}
        found = Found(route.act, {**places, "prefix": prefix}, route.method == request.method)
        if found.allowed:
            return found
        other = other or found
    return other


def wire_of(request: RecordedRequest) -> Wire:
    """Whose words to use for a path that no provider has."""
    named = _named(request)[0]
    starts = [wire for start, wire in _STARTS if request.path.startswith(start)]
    return named or (starts[0] if starts else OPENAI)


def _named(request: RecordedRequest) -> tuple[Wire | None, str]:
    """The wire that a request names, by its path's first word or its headers, and that word."""
    prefix = _PREFIX.match(request.path)
    if prefix is not None:
        return _WIRES[prefix[1]], prefix[0]
    if request.path.startswith("/v1/models"):
        for header, wire in _HEADERS:
            if request.header(header) is not None:
                return wire, ""
    return None, ""
