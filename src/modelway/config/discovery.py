"""Finds inference servers on this machine by their ports, and verifies which server each is.

It opens no socket itself: the caller brings ``fetch``, or a transport.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from modelway.call import Timeouts
from modelway.catalog import load as catalogue
from modelway.config.build import build
from modelway.config.local_servers import PROBES, Ask, Found
from modelway.config.nodes import from_plain
from modelway.config.places import completed
from modelway.config.problems import invalid
from modelway.config.reading import Context
from modelway.config.settings import ConfiguredProvider, Settings
from modelway.errors import ConfigError, LLMError
from modelway.ports import Transport, WireRequest
from modelway.transport.url import parse_base_url
from modelway.types import ModelListing

Fetch: TypeAlias = Callable[[str, bytes | None], Awaitable[tuple[int, bytes]]]
"""URL and a JSON body to post (``None``: a GET) → status and body; LLMError or OSError otherwise."""

TIMEOUT_S = 0.3
"""For one server to answer its first question; its details may take as long once more."""

_ANY_URL = "http://localhost/v1"
_MAX_BODY_BYTES = 4 * 1024 * 1024


class FoundServer(Struct, frozen=True, kw_only=True):
    """A server that answers and is what it is taken for."""

    provider: str
    """The name of its row."""
    base_url: str
    models: tuple[ModelListing, ...] = ()


class Candidate(NamedTuple):
    """A place to look; ``kinds`` are the rows that it may turn out to be."""

    base_url: str
    kinds: tuple[str, ...]


def candidates(environment: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Where to look: each kind at its variable's URL or its usual port, then ``LOCAL_LLM_URL``."""
    places = [_usual(kind, environment) for kind in PROBES if kind != "openai-compatible"]
    if named := environment.get("LOCAL_LLM_URL", "").strip():
        places.append(Candidate(completed(named, _ANY_URL), tuple(PROBES)))
    return tuple({place.base_url.removesuffix("/v1"): place for place in places}.values())


def _usual(kind: str, environment: Mapping[str, str]) -> Candidate:
    row = catalogue.providers()[kind]
    for variable in row.base_url_env:
        if value := environment.get(variable, "").strip():
            return Candidate(completed(value, row.base_url), (kind,))
    return Candidate(row.base_url, (kind,))


async def probe(
    fetch: Fetch, environment: Mapping[str, str], *, timeout_s: float = TIMEOUT_S
) -> tuple[FoundServer, ...]:
    """The servers found, in the order of ``candidates``; all are asked at once."""
    places = candidates(environment)
    answers = await asyncio.gather(*[_look(fetch, place, timeout_s) for place in places])
    return tuple([found for found in answers if found is not None])


async def _look(fetch: Fetch, place: Candidate, timeout_s: float) -> FoundServer | None:
    ask = _asking(fetch, place.base_url, timeout_s)
    for kind in place.kinds:
        found: Found | None = await PROBES[kind](ask)
        if found is not None:
            models = tuple([replace(model, provider=kind) for model in found])
            return FoundServer(provider=kind, base_url=place.base_url, models=models)
    return None


def _asking(fetch: Fetch, base_url: str, timeout_s: float) -> Ask:
    """Asks one server for JSON objects; whatever else comes, or nothing, is ``None``."""
    root = base_url.removesuffix("/v1")

    async def ask(path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        encoded = None if body is None else msgspec.json.encode(body)
        try:
            async with asyncio.timeout(timeout_s):
                status, content = await fetch(root + path, encoded)
            if status != 200 or len(content) > _MAX_BODY_BYTES:
                return None
            return msgspec.json.decode(content, type=dict[str, Any])
        except (LLMError, OSError, TimeoutError, msgspec.MsgspecError, UnicodeError):
            return None

    return ask


# ---------------------------------------------------------------- over a transport, into settings


async def discover(
    transport: Transport, environment: Mapping[str, str]
) -> tuple[ConfiguredProvider, ...]:
    """The local servers found, as providers ready for use, the first model of each its default."""
    return tuple([as_provider(found) for found in await probe(fetching(transport), environment)])


def as_provider(found: FoundServer, name: str | None = None) -> ConfiguredProvider:
    """A found server as a configuration would have it; its models are known by their bare names."""
    name = name or found.provider
    models = [model.id for model in found.models]
    told: dict[str, Any] = {"like": found.provider, "base_url": found.base_url, "models": models}
    if models:
        told["default_model"] = models[0]
    context = Context({}, in_file=False)
    settings = build(from_plain({"providers": {name: told}}), context, "discovery")
    if name not in settings.providers:
        raise invalid("discovery", context.problems)
    return settings.providers[name]


def adopt(settings: Settings, found: Sequence[FoundServer]) -> Settings:
    """Settings with what was found: new providers, and models of those that are configured already."""
    providers = dict(settings.providers)
    for server in found:
        made = as_provider(server)
        same = next(
            (known for known in providers.values() if known.base_url == made.base_url), None
        )
        if same is None:
            providers.setdefault(made.name, made)
            continue
        providers[same.name] = replace(
            same,
            default_model=same.default_model or made.default_model,
            row=replace(same.row, models=same.row.models or made.row.models),
        )
    return replace(settings, providers=providers)


def not_found(found: Sequence[FoundServer], environment: Mapping[str, str]) -> str | None:
    """What the environment names as a server's place and did not answer as one; no URL's secrets."""
    there = {server.base_url for server in found}
    missing: list[str] = []
    named = [("LOCAL_LLM_URL", environment.get("LOCAL_LLM_URL", "").strip(), _ANY_URL)]
    for row in [catalogue.providers()[kind] for kind in PROBES]:
        named += [
            (name, environment.get(name, "").strip(), row.base_url) for name in row.base_url_env
        ]
    for variable, value, row_url in named:
        if value and completed(value, row_url) not in there:
            missing.append(
                f"{variable} is set, but no server that lists models answers at {_place(value)}"
            )
    return "; ".join(missing) + ": start it, or correct the variable" if missing else None


def _place(url: str) -> str:
    """Host and port, which is all of a URL that holds no secret."""
    try:
        origin, _ = parse_base_url(url)
    except ConfigError:
        return "what it says, which is no URL"
    return f"{origin.host}:{origin.port}"


def fetching(transport: Transport) -> Fetch:
    """A fetch over a transport, with this search's short patience."""
    limits = Timeouts(
        connect_s=TIMEOUT_S, first_byte_s=TIMEOUT_S, idle_s=TIMEOUT_S, total_s=TIMEOUT_S
    )

    async def fetch(url: str, body: bytes | None) -> tuple[int, bytes]:
        try:
            origin, target = parse_base_url(url)
        except ConfigError:
            return 0, b""
        method = "GET" if body is None else "POST"
        headers = ((b"content-type", b"application/json"), (b"accept", b"application/json"))
        response = await transport.send(
            WireRequest(method, origin, target, headers, body or b"", limits)
        )
        return response.status, await response.read()

    return fetch
