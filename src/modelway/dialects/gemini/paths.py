"""Where a model is asked: resource names as parts of a path, and the verbs behind their colons."""

from __future__ import annotations

from urllib.parse import quote

from modelway.errors import BadRequestError

_COLLECTIONS = frozenset({"models", "tunedModels", "publishers", "projects", "endpoints"})
"""How a resource's full name begins; the last three are Vertex AI's.

Source: https://ai.google.dev/api/models, …/api/tuning, 2026-11-21.
"""


def resource(model: str) -> str:
    """``gemini-2.5-flash`` → ``models/gemini-2.5-flash``; full names stay as they are."""
    collection, slash, _ = model.partition("/")
    return model if slash and collection in _COLLECTIONS else f"models/{model}"


def quoted(model: str) -> str:
    """The resource's path, percent-encoded segment by segment: a name cannot leave its place in it."""
    steps = model.split("/")
    for step in steps:
        if step in {"", ".", ".."} or any(character < " " for character in step):
            raise BadRequestError("the model cannot be part of a URL's path", param="model")
    segments = steps if resource(model) == model else ["models", model]
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
