"""Which request is which: all paths of all providers, and what tells them apart."""

from __future__ import annotations

import re
from typing import NamedTuple

from modelway.simulator import (
    anthropic_routes,
    bedrock_routes,
    cohere_routes,
    gemini_routes,
    ollama_routes,
    openai_routes,
    replicate_routes,
)
from modelway.simulator.question import RecordedRequest
from modelway.simulator.wires import Act, Wire


class Found(NamedTuple):
    act: Act
    places: dict[str, str]
    allowed: bool = True
    """Whether the path may be asked by this method."""


_ROUTES = (
    *openai_routes.ROUTES,
    *anthropic_routes.ROUTES,
    *gemini_routes.ROUTES,
    *bedrock_routes.ROUTES,
    *cohere_routes.ROUTES,
    *ollama_routes.ROUTES,
    *replicate_routes.ROUTES,
)
"""A path that several have is the first one's, unless the request names another."""
_WIRES = {route.act.wire.name: route.act.wire for route in reversed(_ROUTES)}
_PREFIX = re.compile(rf"/({'|'.join(_WIRES)})(?=/)")
_STARTS = (
    ("/v1/messages", anthropic_routes.ANTHROPIC),
    ("/v1beta", gemini_routes.GEMINI),
    ("/model/", bedrock_routes.BEDROCK),
    ("/v2/", cohere_routes.COHERE),
    ("/api/", ollama_routes.OLLAMA),
    ("/v1/predictions", replicate_routes.REPLICATE),
)
"""How the paths of a wire begin that are no other's."""
_HEADERS = (
    ("anthropic-version", anthropic_routes.ANTHROPIC),
    ("x-api-key", anthropic_routes.ANTHROPIC),
    ("x-goog-api-key", gemini_routes.GEMINI),
)
"""What tells, of a path that several have, whose it is."""


def find(request: RecordedRequest) -> Found | None:
    """What a request asks, or ``None`` for a path that no provider has."""
    from urllib.parse import unquote  # noqa: PLC0415  start-up is for what most runs need

    wire, prefix = _named(request)
    path = request.path.removeprefix(prefix)
    other: Found | None = None
    for route in _ROUTES:
        matched = route.path.fullmatch(path)
        if matched is None or (wire is not None and route.act.wire.name != wire.name):
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
    return named or (starts[0] if starts else openai_routes.OPENAI)


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
