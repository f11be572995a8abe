"""The gateway as an ASGI application: by itself under ``serve``, or mounted in another server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote, unquote

import msgspec
from msgspec.structs import replace

from modelway.call import Call, Options
from modelway.dialects import dialect
from modelway.engine import Engine
from modelway.errors import ConfigError, LLMError, NotFoundError
from modelway.gateway import egress, keeping, options, routes
from modelway.gateway.arrays import Arrays
from modelway.gateway.authorise import NOBODY, Identity, Keys
from modelway.gateway.books import Books
from modelway.gateway.ingress import call_of, declared_length, named_model, read_body
from modelway.gateway.listing import Listing
from modelway.gateway.operating import Operating, Rekey, refuse_others, told
from modelway.gateway.origin import refuse_foreign
from modelway.gateway.passthrough import passing_call
from modelway.gateway.payers import payer
from modelway.gateway.presence import Presence
from modelway.gateway.routes import Found, Route
from modelway.gateway.stored import Responses
from modelway.observe.sharing import Shared
from modelway.opening import Opened
from modelway.ports import Dialect

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_TOKEN_HEADERS = frozenset((b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key"))
_TELLING = {b"anthropic-version": "anthropic-messages", b"x-goog-api-key": "gemini"}
"""Headers that tell a client's dialect, where its path does not."""


_OLLAMA_VERSION = "0.33.0"
"""Whose API is spoken to Ollama's clients, some of which refuse older servers.

Source: https://github.com/ollama/ollama/pull/17943, in 0.33, 2026-11-21.
"""

_ASIDE = frozenset((b"cache-control", b"traceparent", b"tracestate"))
_ASKING = frozenset(("ask", "pass", "pass_to", "explain"))
_BOOKS = frozenset(("metrics", "budgets", "costs", "export_costs", "forget"))
_OPERATING = frozenset(("health", "reset", "limits", "reload", "score", "report"))


class Gateway:
    """Answers HTTP requests with an engine. ``draining`` makes it say that it is not ready."""

    def __init__(
        self,
        engine: Engine,
        keys: Keys,
        *,
        max_body_bytes: int = 32 * 1024 * 1024,
        responses: Responses | None = None,
        opened: Opened | None = None,
        rekey: Rekey | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.engine = engine
        self.keys = keys
        self.draining = False
        self._max_body_bytes = max_body_bytes
        self._presence = Presence()
        self._listing = Listing(self._current)
        self._operating = Operating(self._current, opened, rekey)
        self._books = Books(self._current, shared)
        self._opened = opened
        self._answers = egress.Answers()
        self._responses = responses or Responses()
        self._as_configured = Options(trace=engine.settings.gateway.trace)

    @property
    def open_requests(self) -> int:
        return len(self._presence.visits)

    def _current(self) -> Engine:
        return self.engine

    async def reload(self) -> None:
        """Go on by the configuration as it is now; an error says what is wrong, and nothing changes."""
        keys = await self._operating.reload()
        if self._opened is not None:
            self.engine = self._opened.engine
            self._as_configured = Options(trace=self.engine.settings.gateway.trace)
        if keys is not None:
            self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    # ------------------------------------------------------------ every request

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        path = _path(scope)
        found = routes.find(method, path)
        route = None if found is None else found.route
        client = dialect(_client_dialect(scope, route))
        id_ = self.engine.new_id()
        try:
            head = _headers(scope["headers"], client)
            identity = NOBODY
            if route is None or not self._is_open(route):
                identity = self.keys.identify(head.token)
                if not self.keys.required:
                    refuse_foreign(scope["headers"])
                if route is not None and route.access in ("admin", "figures"):
                    refuse_others(identity)
            if found is None or route is None:
                _refuse_route(method, path)
            if route.action == "show_named":
                body = await read_body(receive, head.length, self._max_body_bytes)
                found = Found(route, quote(named_model(body)).encode())
            if route.action in _OPERATING:
                body = await read_body(receive, head.length, self._max_body_bytes)
                await self._operate(found, body, send)
                return
            if route.action in _BOOKS:
                await self._books.answer(route.action, scope, identity, send)
                return
            if route.action not in _ASKING:
                await self._tell(found, client, identity.tenant, send)
                return
            body = await read_body(receive, head.length, self._max_body_bytes)
            if route.operation == "pass":
                call = passing_call(scope, path, found, body, id_=id_, tenant=identity.tenant)
                call = replace(
                    call,
                    key=identity.key,
                    payer=payer(head.ours, identity),
                    options=self._options(head, identity),
                    trace_parent=head.trace_parent,
                    trace_state=head.trace_state,
                )
                await self._ask(call, client, receive, send)
                return
            call = call_of(
                body,
                id_=id_,
                dialect=client,
                operation=route.operation,
                headers=head.passed,
                query=_passed_query(scope["query_string"], client),
                tenant=identity.tenant,
                key=identity.key,
                payer=payer(head.ours, identity) if head.ours else identity.payer,
                options=self._options(head, identity),
                trace_parent=head.trace_parent,
                trace_state=head.trace_state,
                model=_named(found.rest) if found.rest else None,
                stream=route.stream,
            )
            if route.action == "explain":
                await egress.json(send, await self._operating.explained(call, identity))
                return
            if call.stream and _wants_array(client, scope["query_string"]):
                send = Arrays(send)
            if client.name == keeping.NAME and route.operation == "chat":
                call = await keeping.going_on(call, self.engine, self._responses)
                if keeping.is_kept(call):
                    send = keeping.Keeping(send, call, self._responses)
        except LLMError as error:
            await egress.refuse(send, client, error, id_)
            return
        except Exception as cause:  # noqa: BLE001 - ours, and the client must be told of it
            await egress.refuse(send, client, egress.own_fault(id_, cause), id_)
            return
        await self._ask(call, client, receive, send)

    def _is_open(self, route: Route) -> bool:
        if route.access == "figures":
            return self.engine.settings.metrics.public
        return route.access == "open"

    def _options(self, head: Head, identity: Identity) -> Options:
        if not head.ours and not identity.priority:
            return self._as_configured
        said = options.read(head.ours, self._as_configured)
        most = identity.priority
        told = any(name == options.PRIORITY for name, _ in head.ours)
        return replace(said, priority=min(said.priority, most) if told else most)

    async def _ask(self, call: Call, client: Dialect, receive: Receive, send: Send) -> None:
        visit = self._presence.enter(receive)
        try:
            try:
                reply = await self.engine.handle(call)
                if isinstance(send, keeping.Keeping):
                    send.reply = reply
                stream = reply.chunks or reply.events
                if call.passing is not None and stream is not None:
                    try:
                        await self._answers.passed(send, client, call, reply)
                    finally:
                        await stream.aclose()
                    return
                if stream is None:
                    await self._answers.whole(send, client, call, reply)
                    return
                try:
                    await self._answers.stream(send, client, call, reply)
                finally:
                    await stream.aclose()
            except LLMError as error:
                await egress.refuse(send, client, error, call.id)
            except asyncio.CancelledError:
                if not visit.left:
                    raise
            except Exception as cause:  # noqa: BLE001 - ours, and the client must be told of it
                await egress.refuse(send, client, egress.own_fault(call.id, cause), call.id)
        finally:
            self._presence.leave(visit)

    # ------------------------------------------------------------ what is not a call

    async def _operate(self, found: Found, body: bytes, send: Send) -> None:
        operating, name = self._operating, _named(found.rest)
        match found.route.action:
            case "health":
                await egress.json(send, operating.health())
            case "limits":
                await egress.json(send, operating.limits())
            case "reset":
                await egress.json(send, await operating.reset(body))
            case "score":
                await egress.json(send, await operating.score(name, body))
            case "report":
                await egress.json(send, await operating.report(name))
            case _:
                try:
                    await self.reload()
                except ConfigError as error:
                    await egress.json(send, msgspec.json.encode({"error": told(error)}), 400)
                else:
                    await egress.json(send, msgspec.json.encode({"reloaded": True}))

    async def _tell(self, found: Found, client: Dialect, tenant: str, send: Send) -> None:
        match found.route.action:
            case "live":
                await egress.text(send, 200, {"status": "alive"})
            case "version":
                await egress.text(send, 200, {"version": _OLLAMA_VERSION})
            case "ready":
                state = "draining" if self.draining else "ready"
                await egress.text(send, 503 if self.draining else 200, {"status": state})
            case "show_response":
                id_ = _named(found.rest)
                await egress.json(send, await keeping.shown(self._responses, id_, tenant))
            case "show_input":
                id_ = _named(found.rest)
                await egress.json(send, await keeping.shown_input(self._responses, id_, tenant))
            case "delete_response":
                id_ = _named(found.rest)
                await egress.json(send, await keeping.deleted(self._responses, id_, tenant))
            case "list_models":
                models = await self._listing.models()
                await egress.json(send, client.downstream["models"].encode(models))
            case _:
                model = await self._listing.one(_named(found.rest))
                face = client.downstream.get("model")
                if face is None:
                    listed = _only_one(client.downstream["models"].encode((model,)))
                else:
                    listed = face.encode(model)
                await egress.json(send, listed)


def _path(scope: Scope) -> bytes:
    """The path as it was sent, below where we are mounted; never one made from a header."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.partition(b"?")[0]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root.encode()) else path


def _client_dialect(scope: Scope, route: Route | None) -> str:
    if route is not None and route.dialect is not None:
        return route.dialect
    for name, _ in scope["headers"]:
        if name in _TELLING:
            return _TELLING[name]
    return "openai-chat"


def _named(model: bytes) -> str:
    """A model's name in a path."""
    return unquote(model.decode("latin-1"))


class Head(NamedTuple):
    """Of a request's headers: the caller's key; what a provider of the same dialect is meant to see;
    the declared length; what is said to us; the trace that the request is part of.
    """

    token: bytes | None
    passed: list[tuple[bytes, bytes]]
    length: int | None
    ours: list[tuple[bytes, bytes]]
    trace_parent: str
    trace_state: str


def _headers(headers: list[tuple[bytes, bytes]], client: Dialect) -> Head:
    token: bytes | None = None
    length: int | None = None
    passed: list[tuple[bytes, bytes]] = []
    ours: list[tuple[bytes, bytes]] = []
    aside: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name in _TOKEN_HEADERS:
            if token is None or name == b"authorization":
                token = value[7:].strip() if value[:7].lower() == b"bearer " else value
        elif name == b"content-length":
            length = declared_length(value)
        elif name in client.passed_headers:
            passed.append((name, value))
        elif name in _ASIDE:
            aside.setdefault(name, []).append(value)
        elif name.startswith(options.PREFIX):
            ours.append((name, value))
    parent = state = ""
    if aside:
        if b"cache-control" in aside:
            ours.append((b"cache-control", b", ".join(aside[b"cache-control"])))
        if len(parents := aside.get(b"traceparent", [])) == 1:  # of two, neither is believed
            parent = parents[0].decode("latin-1")
            state = b",".join(aside.get(b"tracestate", [])).decode("latin-1")
    return Head(token, passed, length, ours, parent, state)


def _only_one(listed: bytes) -> bytes:
    """The one entry of a list of models, which both dialects keep below ``data``."""
    return msgspec.json.encode(msgspec.json.decode(listed)["data"][0])


def _passed_query(query: bytes, client: Dialect) -> bytes:
    """The parts of a client's query that a provider of the same dialect is meant to see."""
    if not query:
        return b""
    return b"&".join([part for part in query.split(b"&") if part in client.passed_query])


def _wants_array(client: Dialect, query: bytes) -> bool:
    return bool(client.events_query) and client.events_query not in query.split(b"&")


def _refuse_route(method: str, path: bytes) -> NoReturn:
    if routes.known(path):
        raise NotFoundError(f"{method} is not a method of this path", status=405)
    shown = path.decode("latin-1")[:100]
    near = get_close_matches(shown, [route.path.decode() for route in routes.ROUTES], 1, 0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise NotFoundError(f"there is no {shown}{hint}")


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
