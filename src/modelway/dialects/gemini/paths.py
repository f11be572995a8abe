"""Where a model is asked: resource names as parts of a path, and the verbs behind their colons."""

from __future__ import annotations

from urllib.parse import quote

from modelway.errors import BadRequestError


def resource(model: str) -> str:
    """``gemini-2.5-flash`` → ``models/gemini-2.5-flash``; names with a collection stay as they are.

    Collections are ``models``, ``tunedModels``, and those of Vertex AI (``publishers/google/models``,
    ``projects/…/endpoints``). Source: https://ai.google.dev/api/models, …/api/tuning, 2026-11-21.
    """
    return model if "/" in model else f"models/{model}"


def quoted(model: str) -> str:
    """The resource name, percent-encoded segment by segment: it cannot leave its place in the path."""
    segments = resource(model).split("/")
    for segment in segments:
        if segment in {"", ".", ".."} or any(character < " " for character in segment):
            raise BadRequestError("the model cannot be part of a URL's path", param="model")
    try:
        return "/" + "/".join([quote(segment, safe="") for segment in segments])
    except UnicodeEncodeError:
        raise BadRequestError("the model is not valid Unicode", param="model") from None


def chat_path(model: str, stream: bool) -> str:
    """Source: https://ai.google.dev/api/generate-content, 2026-11-21."""
    if stream:
        return quoted(model) + ":streamGenerateContent?alt=sse"
    return quoted(model) + ":generateContent"


def count_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the port's signature
    """Source: https://ai.google.dev/api/tokens, 2026-11-21."""
    return quoted(model) + ":countTokens"


def embed_path(model: str, stream: bool) -> str:  # noqa: ARG001
    """Source: https://ai.google.dev/api/embeddings, 2026-11-21."""
    return quoted(model) + ":batchEmbedContents"


def models_path(model: str, stream: bool) -> str:  # noqa: ARG001
    """One page of the most the API gives. Source: https://ai.google.dev/api/models, 2026-11-21."""
    return "/models?pageSize=1000"


def model_path(model: str, stream: bool) -> str:  # noqa: ARG001
    return quoted(model)
