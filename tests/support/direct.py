"""The gateway asked in process, with a scripted transport below it: no socket, every byte seen."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from modelway.config.load import load
from modelway.config.settings import Settings
from modelway.dialects import NAMES
from modelway.engine import Engine
from modelway.gateway.app import Gateway
from modelway.gateway.authorise import Identity, Keys, _mac
from modelway.gateway.routes import ROUTES, Route
from modelway.gateway.stored import Responses
from modelway.ports import WireRequest

KEY = "mw-direct-key-0123456789abcdef"
OTHER = "mw-others-key-0123456789abcdef"
PROVIDER_KEY = "canary~provider~key~0123456789"
_PEPPER = b"p" * 32


class Told:
    """A provider's response, in pieces; an exception among them is raised there."""

    def __init__(self, status: int, headers: Any, *pieces: bytes | BaseException) -> None:
        self.status = status
        self.headers = tuple(headers)
        self._pieces = pieces

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self])

    async def __aiter__(self) -> Any:
        for piece in self._pieces:
            if isinstance(piece, BaseException):
                raise piece
            if piece:
                yield piece

    async def aclose(self) -> None:
        pass


class Scripted:
    """A transport whose every answer is ``answer(request)``; it remembers what it was sent."""

    def __init__(self, answer: Callable[[WireRequest], Told]) -> None:
        self.answer = answer
        self.sent: list[WireRequest] = []

    async def send(self, request: WireRequest) -> Told:
        self.sent.append(request)
        return self.answer(request)

    async def aclose(self) -> None:
        pass


class Answered(NamedTuple):
    """What a client got. ``whole`` is False for a stream that was left without its end."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    whole: bool


def unreachable(request: WireRequest) -> Told:
    raise AssertionError(f"a refused request was sent: {request.target} {request.body[:300]!r}")


def direct(
    answer: Callable[[WireRequest], Told] = unreachable,
    *,
    config: Mapping[str, Any] | None = None,
    responses: Responses | None = None,
    **kwargs: Any,
) -> tuple[Gateway, Scripted]:
    """A gateway with a provider of every dialect's name, and ``m-<dialect>`` that routes to it."""
    transport = Scripted(answer)
    settings = _loaded(json.dumps(config or configuration()))
    mac = _mac(_PEPPER)
    keys = Keys(
        _PEPPER,
        {
            mac(KEY.encode()): Identity(tenant="local", key="one"),
            mac(OTHER.encode()): Identity(tenant="other", key="two"),
        },
        required=True,
    )
    engine = Engine(settings, transport, **kwargs)
    return Gateway(engine, keys, responses=responses, max_body_bytes=32 * 1024 * 1024), transport


@functools.cache
def _loaded(config: str) -> Settings:
    return load(json.loads(config), environment={})


def configuration() -> dict[str, Any]:
    return {
        "providers": {
            name: {
                "base_url": f"https://{name}.example/v1",
                "dialect": name,
                "api_key": PROVIDER_KEY,
                "retries": 0,
            }
            for name in NAMES
        },
        "models": {f"m-{name}": f"{name}/upstream-model" for name in NAMES},
    }


async def asked(
    gateway: Gateway,
    method: str,
    path: bytes,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    query: bytes = b"",
    key: str | None = KEY,
) -> Answered:
    """One request, as an ASGI server would hand it over."""
    given = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    if key is not None:
        given.append((b"authorization", b"Bearer " + key.encode()))
    names = {name.lower().encode() for name in headers or {}}
    given = [pair for pair in given if pair[0] not in names]
    given += [
        (name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()
    ]
    scope = {
        "type": "http",
        "method": method,
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": given,
    }
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": body}]
    sent: list[dict[str, Any]] = []
    never = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        await never.wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        began = any(one["type"] == "http.response.start" for one in sent)
        assert (message["type"] == "http.response.start") is not began, "a second start"
        assert not (sent and sent[-1].get("more_body") is False and began), "sent past the end"
        sent.append({"more_body": False, **message} if began else message)

    await asyncio.wait_for(gateway(scope, receive, send), 20)
    start, *rest = sent
    return Answered(
        start["status"],
        dict(start["headers"]),
        b"".join([one.get("body", b"") for one in rest]),
        bool(rest) and not rest[-1]["more_body"],
    )


def place(route: Route, model: str = "m-openai-chat") -> bytes:
    """A path of this route."""
    if route.path[-1:] != b"/":
        return route.path
    rest = {"pass": b"generations", "pass_to": b"openai-chat/files"}.get(route.action)
    return route.path + (model.encode() if rest is None else rest) + route.verb


ASKING = [route for route in ROUTES if route.action in ("ask", "pass", "pass_to", "show_named")]


def example(route: Route, model: str = "m-openai-chat") -> dict[str, Any]:
    """A small request that this route takes."""
    said: dict[tuple[str | None, str], dict[str, Any]] = {
        ("openai-responses", "chat"): {"input": [{"role": "user", "content": "hi"}]},
        ("openai-responses", "count_tokens"): {"input": "hi"},
        ("openai-chat", "complete"): {"prompt": "hi"},
        ("openai-chat", "embed"): {"input": "hi"},
        ("openai-chat", "rerank"): {"query": "hi", "documents": ["a", "b"]},
        ("gemini", "embed"): (
            {"requests": [{"model": f"models/{model}", "content": {"parts": [{"text": "hi"}]}}]}
            if route.verb == b":batchEmbedContents"
            else {"content": {"parts": [{"text": "hi"}]}}
        ),
        ("bedrock-converse", "chat"): {
            "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        },
        ("bedrock-converse", "count_tokens"): {
            "input": {"converse": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}}
        },
        ("cohere", "embed"): {
            "texts": ["hi"],
            "input_type": "search_document",
            "embedding_types": ["float"],
        },
        ("cohere", "rerank"): {"query": "hi", "documents": ["a", "b"]},
        ("ollama", "complete"): {"prompt": "hi"},
        ("ollama", "embed"): {"input": "hi"},
        ("ollama", "model"): {},
        ("anthropic-messages", "chat"): {
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "hi"}],
        },
    }
    body = said.get((route.dialect, route.operation))
    if body is None and route.dialect == "gemini":
        body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    if body is None:
        body = {"messages": [{"role": "user", "content": "hi"}]}
    if route.path[-1:] == b"/" and route.action == "ask":
        return body
    return {"model": model, **body}


def named(route: Route) -> str:
    verb = route.verb.decode()
    return f"{route.method} {route.path.decode()}{verb}"


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
