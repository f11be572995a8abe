"""The table of routes: everything that the gateway answers, and who may ask.

A route is found by the raw bytes of the path. What is not in the table does not exist, and there
is no second spelling of what is.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from modelway.call import Operation

Access: TypeAlias = Literal["key", "open"]


class Route(NamedTuple):
    """``dialect`` is the client's; ``None``: the route is not an operation of a model."""

    method: str
    path: bytes
    action: Literal["ask", "list_models", "show_model", "live", "ready"]
    access: Access = "key"
    operation: Operation = "chat"
    dialect: str | None = None


ROUTES = (
    Route("POST", b"/v1/chat/completions", "ask", dialect="openai-chat"),
    Route("POST", b"/v1/messages", "ask", dialect="anthropic-messages"),
    Route(
        "POST",
        b"/v1/messages/count_tokens",
        "ask",
        operation="count_tokens",
        dialect="anthropic-messages",
    ),
    Route("GET", b"/v1/models", "list_models", operation="models"),
    Route("GET", b"/health/live", "live", access="open"),
    Route("GET", b"/health/ready", "ready", access="open"),
)

MODEL = Route("GET", b"/v1/models/", "show_model", operation="models")
"""The one route that goes on after its path: with a model's name."""

_BY_PATH = {(route.method, route.path): route for route in ROUTES}
_PATHS = {route.path for route in ROUTES}


def find(method: str, path: bytes) -> Route | None:
    """The route of this method and raw path."""
    route = _BY_PATH.get((method, path))
    if route is None and method == "GET" and path.startswith(MODEL.path) and path != MODEL.path:
        return MODEL
    return route


def known(path: bytes) -> bool:
    """True when another method has this path."""
    return path in _PATHS or (path.startswith(MODEL.path) and path != MODEL.path)
