"""OpenAI's dialects at a deployment's own URL on Azure, with the API's version in the query.

The body stays as it is: Azure takes the deployment from the path, and ignores ``model``.
Source: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference, 2026-11-21. The newer
``/openai/v1`` needs no hosting.
"""

from __future__ import annotations

from urllib.parse import quote

from modelway.call import Operation, Target
from modelway.hosting.steps import place, step
from modelway.ports import Headers, Hosting

_WITHOUT_DEPLOYMENT = ("/responses",)


def path(path: str, operation: Operation, target: Target, stream: bool) -> str:  # noqa: ARG001
    version = f"api-version={quote(place(target, 'api_version'), safe='')}"
    if path.startswith(_WITHOUT_DEPLOYMENT):
        return f"{path}?{version}"
    return f"/deployments/{step(target.model)}{path}?{version}"


def body(
    body: bytes,
    operation: Operation,  # noqa: ARG001 - the port's signature
    target: Target,  # noqa: ARG001
    stream: bool,  # noqa: ARG001
    headers: Headers,  # noqa: ARG001
) -> bytes:
    return body


def has(operation: Operation, target: Target) -> bool:  # noqa: ARG001
    return operation in ("chat", "complete", "embed")


HOSTING = Hosting(path, body, has=has)
