"""The table of routes: everything that the gateway answers, and who may ask.

A route is found by the raw bytes of the path. What is not in the table does not exist, and there
is no second spelling of what is.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from modelway.call import Operation

Access: TypeAlias = Literal["key", "admin", "open", "figures"]
"""``admin``: keys that may change how the gateway works; ``figures``: those, or everybody where the
operator says so."""
Action: TypeAlias = Literal[
    "ask",
    "pass",
    "pass_to",
    "list_models",
    "show_model",
    "show_named",
    "version",
    "show_response",
    "show_input",
    "delete_response",
    "live",
    "ready",
    "explain",
    "health",
    "reset",
    "limits",
    "reload",
    "score",
    "report",
    "metrics",
    "budgets",
    "costs",
    "export_costs",
    "forget",
]


class Route(NamedTuple):
    """``dialect`` is the client's; ``None``: the route is not an operation of a model.

    A path that ends in ``/`` goes on: with a model's name, and that with ``verb``; or, where the
    route passes on, with whatever the provider's own path has.
    """

    method: str
    path: bytes
    action: Action
    access: Access = "key"
    operation: Operation = "chat"
    dialect: str | None = None
    verb: bytes = b""
    stream: bool | None = None
    """Whether the answer streams, where the path says so and not the body."""


class Found(NamedTuple):
    """A route, and what its path goes on with: a model's name, percent-encoded."""

    route: Route
    rest: bytes = b""


def _gemini(prefix: bytes) -> tuple[Route, ...]:
    """Source: https://ai.google.dev/api, 2026-11-21."""
    verbs: tuple[tuple[bytes, Operation, bool | None], ...] = (
        (b":generateContent", "chat", False),
        (b":streamGenerateContent", "chat", True),
        (b":countTokens", "count_tokens", None),
        (b":embedContent", "embed", None),
        (b":batchEmbedContents", "embed", None),
    )
    return tuple(
        [
            Route(
                "POST",
                prefix,
                "ask",
                operation=operation,
                dialect="gemini",
                verb=verb,
                stream=stream,
            )
            for verb, operation, stream in verbs
        ]
    )


ROUTES = (
    Route("POST", b"/v1/chat/completions", "ask", dialect="openai-chat"),
    Route("POST", b"/v1/completions", "ask", operation="complete", dialect="openai-chat"),
    Route("POST", b"/v1/embeddings", "ask", operation="embed", dialect="openai-chat"),
    Route("POST", b"/v1/rerank", "ask", operation="rerank", dialect="openai-chat"),
    Route("POST", b"/v1/responses", "ask", dialect="openai-responses"),
    Route(
        "POST",
        b"/v1/responses/input_tokens",
        "ask",
        operation="count_tokens",
        dialect="openai-responses",
    ),
    Route(
        "GET",
        b"/v1/responses/",
        "show_input",
        dialect="openai-responses",
        verb=b"/input_items",
    ),
    Route("GET", b"/v1/responses/", "show_response", dialect="openai-responses"),
    Route("DELETE", b"/v1/responses/", "delete_response", dialect="openai-responses"),
    Route("POST", b"/v1/messages", "ask", dialect="anthropic-messages"),
    Route(
        "POST",
        b"/v1/messages/count_tokens",
        "ask",
        operation="count_tokens",
        dialect="anthropic-messages",
    ),
    *_gemini(b"/v1beta/models/"),
    *_gemini(b"/v1/models/"),
    Route("POST", b"/model/", "ask", dialect="bedrock-converse", verb=b"/converse", stream=False),
    Route(
        "POST", b"/model/", "ask", dialect="bedrock-converse", verb=b"/converse-stream", stream=True
    ),
    Route(
        "POST",
        b"/model/",
        "ask",
        operation="count_tokens",
        dialect="bedrock-converse",
        verb=b"/count-tokens",
    ),
    Route("POST", b"/v2/chat", "ask", dialect="cohere"),
    Route("POST", b"/v2/embed", "ask", operation="embed", dialect="cohere"),
    Route("POST", b"/v2/rerank", "ask", operation="rerank", dialect="cohere"),
    Route("POST", b"/api/chat", "ask", dialect="ollama"),
    Route("POST", b"/api/generate", "ask", operation="complete", dialect="ollama"),
    Route("POST", b"/api/embed", "ask", operation="embed", dialect="ollama"),
    Route("GET", b"/api/tags", "list_models", operation="models", dialect="ollama"),
    Route("POST", b"/api/show", "show_named", operation="model", dialect="ollama"),
    Route("GET", b"/api/version", "version", dialect="ollama"),
    Route("GET", b"/v1/models", "list_models", operation="models"),
    Route("GET", b"/v1/models/", "show_model", operation="models"),
    Route("GET", b"/v1beta/models", "list_models", operation="models", dialect="gemini"),
    Route("GET", b"/v1beta/models/", "show_model", operation="model", dialect="gemini"),
    *[
        Route("POST", path, "pass", operation="pass", dialect="openai-chat")
        for path in (b"/v1/images/", b"/v1/audio/", b"/v1/videos", b"/v1/moderations")
    ],
    *[
        Route(method, b"/providers/", "pass_to", operation="pass", dialect="openai-chat")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    ],
    Route("POST", b"/v1/explain", "explain", dialect="openai-chat"),
    Route("POST", b"/v1/explain/messages", "explain", dialect="anthropic-messages"),
    Route("POST", b"/v1/explain/responses", "explain", dialect="openai-responses"),
    Route("GET", b"/v1/health", "health", access="admin"),
    Route("POST", b"/v1/health/reset", "reset", access="admin"),
    Route("GET", b"/v1/limits", "limits", access="admin"),
    Route("POST", b"/v1/config/reload", "reload", access="admin"),
    Route("POST", b"/v1/experiments/", "score", verb=b"/scores"),
    Route("GET", b"/v1/experiments/", "report", access="admin"),
    Route("GET", b"/metrics", "metrics", access="figures"),
    Route("GET", b"/v1/budgets", "budgets", access="admin"),
    Route("GET", b"/v1/costs", "costs"),
    Route("GET", b"/v1/costs/export", "export_costs", access="admin"),
    Route("DELETE", b"/v1/cache", "forget", access="admin"),
    Route("GET", b"/health/live", "live", access="open"),
    Route("GET", b"/health/ready", "ready", access="open"),
)

_WHOLE = {
    (route.method, route.path): Found(route) for route in ROUTES if not route.path.endswith(b"/")
}
_OPEN_ENDED = tuple([route for route in ROUTES if route.path.endswith(b"/")])


def find(method: str, path: bytes) -> Found | None:
    """The route of this method and raw path."""
    found = _WHOLE.get((method, path))
    if found is not None:
        return found
    for route in _OPEN_ENDED:
        if route.method == method and (rest := _rest(route, path)):
            return Found(route, rest)
    return None


def known(path: bytes) -> bool:
    """True when another method has this path."""
    return any(
        path == route.path if route.path[-1:] != b"/" else _rest(route, path) for route in ROUTES
    )


def _rest(route: Route, path: bytes) -> bytes:
    if not (path.startswith(route.path) and path.endswith(route.verb)):
        return b""
    return path[len(route.path) : len(path) - len(route.verb)]
