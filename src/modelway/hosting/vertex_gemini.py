"""Gemini's API on Vertex AI: below a project and a location, tuned models as endpoints.

The dialect's own path ends in ``models/NAME:VERB``, with the query that asks for a stream. Only
counting has another body: Vertex takes the question itself, not wrapped as a request.
Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference and
…/docs/reference/rest/v1/projects.locations.publishers.models/countTokens, 2026-11-21.
"""

from __future__ import annotations

from msgspec import Raw

from modelway.call import Operation, Target
from modelway.framing.fields import join, split
from modelway.hosting.steps import place, step
from modelway.ports import Headers, Hosting

_ENDPOINT = "endpoints/"
_WRAPPED = "generateContentRequest"


def path(path: str, operation: Operation, target: Target, stream: bool) -> str:  # noqa: ARG001
    where = f"/projects/{place(target, 'project')}/locations/{place(target, 'location')}"
    verb = path.rpartition(":")[2]
    if target.model.startswith(_ENDPOINT):
        return f"{where}/{_ENDPOINT}{step(target.model.removeprefix(_ENDPOINT))}:{verb}"
    name = step(target.model.removeprefix("models/"), keep="@")
    return f"{where}/publishers/google/models/{name}:{verb}"


def body(
    body: bytes,
    operation: Operation,
    target: Target,  # noqa: ARG001 - the port's signature
    stream: bool,  # noqa: ARG001
    headers: Headers,  # noqa: ARG001
) -> bytes:
    if operation != "count_tokens":
        return body
    fields: dict[str, bytes | Raw] = {**split(body)}
    wrapped = fields.pop(_WRAPPED, None)
    if wrapped is not None:
        fields |= split(bytes(wrapped))
        fields.pop("model", None)
    return join(fields)


def has(operation: Operation, target: Target) -> bool:  # noqa: ARG001
    return operation in ("chat", "count_tokens")


HOSTING = Hosting(path, body, has=has)
