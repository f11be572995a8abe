"""Finished bytes → HTTP, as one deployment wants them: its paths, its headers, its key, its frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from urllib.parse import unquote_plus, urlencode

import msgspec

from modelway.call import Call, Deployment, Operation, Passing, Timeouts
from modelway.catalog.rows import AuthKind
from modelway.dialects import dialect
from modelway.errors import BadRequestError, LLMError, ResponseError
from modelway.framing import multipart
from modelway.framing.fields import join, split
from modelway.observe.otel.told import Told
from modelway.ports import (
    Codec,
    Follow,
    Headers,
    Hosting,
    Origin,
    Signer,
    Transport,
    Unframer,
    WireRequest,
    WireResponse,
)
from modelway.transport.url import parse_base_url, split_url

_JSON: Headers = ((b"content-type", b"application/json"), (b"accept", b"application/json"))
_CREDENTIALS = frozenset(
    (b"authorization", b"api-key", b"x-amz-security-token", b"x-api-key", b"x-goog-api-key")
)
_LEAST_SECRET = 8
"""Characters below which an operator's own header says too little to be a secret."""
_MOST_FOLLOWED = 1000
"""Answers of a polled provider that say "not yet"; the total timeout ends most waits before."""


class Sender:
    """Sends to one deployment, and raises its refusals in words of the tree."""

    def __init__(
        self, deployment: Deployment, transport: Transport, signer: Signer | None = None
    ) -> None:
        self._deployment = deployment
        self._transport = transport
        self._signer = signer
        self._dialect = dialect(deployment.dialect)
        self._origin, self._prefix = parse_base_url(deployment.base_url)
        self._headers = _headers(deployment, self._dialect.headers)
        self._targets: dict[tuple[Operation, bool], str] = {}
        self._hosting = hosting_of(deployment)

    async def send(self, call: Call, codec: Codec, body: bytes) -> WireResponse:
        """The response to this body, its head read; a refusal is raised."""
        target = self._targets.get((call.operation, call.stream))
        if target is None:
            target = self._target(codec, call)
        headers = self._headers
        if call.body is not None and call.body.dialect == self._dialect.name:
            if call.query:
                target += ("&" if "?" in target else "?") + call.query
            if call.headers:
                headers += tuple([(name.encode(), value.encode()) for name, value in call.headers])
        if not call.stream:
            headers += codec.whole_headers
        if self._hosting is not None:
            told = self._deployment.target
            body = self._hosting.body(body, call.operation, told, call.stream, headers)
        if call.trace_parent:
            headers += _traced(call)
        timed = call.options.timeout_s is not None
        timeouts = self._timeouts(call) if timed else self._deployment.timeouts
        request = WireRequest(
            "POST" if body else "GET", self._origin, target, headers, body, timeouts
        )
        if self._signer is not None:
            return await self._exchanged(request)
        response = await self._transport.send(request)
        if response.status >= 300:
            raise await self._refusal(request, response)
        return response

    async def passed(self, call: Call, passing: Passing) -> WireResponse:
        """The response to a request of an endpoint that is not modelled."""
        body = _with_model(passing, self._deployment.model)
        said = {name for name, _ in passing.headers}
        if passing.content_type:
            said |= {b"content-type"}
        own = [pair for pair in self._headers if pair[0] not in said | {b"accept", b"content-type"}]
        if passing.content_type:
            own.append((b"content-type", passing.content_type.encode("latin-1")))
        target = self._prefix + passing.path
        ours = {name.lower() for name in self._deployment.query}
        theirs = [part for part in call.query.split("&") if part and _name(part) not in ours]
        query = "&".join([part for part in (urlencode(self._deployment.query), *theirs) if part])
        if query:
            target += "?" + query
        headers = (*passing.headers, *own, *_traced(call))
        request = WireRequest(
            passing.method, self._origin, target, headers, body, self._timeouts(call)
        )
        return await self._exchanged(request)

    def streams(self, codec: Codec, response: WireResponse) -> bool:
        """Whether this is a streamed answer, by its media type; where none is said, it is."""
        types = codec.stream_types
        if self._hosting is not None and self._hosting.stream_types is not None:
            types = self._hosting.stream_types
        for name, value in response.headers:
            if name == b"content-type":
                return value.startswith(types)
        return True

    def unframed(self, response: WireResponse) -> WireResponse:
        """A streamed answer as its dialect writes it."""
        if self._hosting is None or self._hosting.unframer is None:
            return response
        return _Unframed(response, self._hosting.unframer())

    async def followed(self, call: Call, codec: Codec, response: WireResponse) -> WireResponse:
        """The answer at which the steps of a polled provider end: ``response``, where it is one."""
        if codec.follow is None or (call.stream and self.streams(codec, response)):
            return response
        for _ in range(_MOST_FOLLOWED):
            body = await response.read()
            step = codec.follow(body, call.stream)
            if step is None:
                return _Read(response, body)
            await asyncio.sleep(step.delay_s)
            try:
                response = await self._exchanged(self._step(call, step))
            except LLMError as error:
                error.partly_answered = True  # it has begun with what it was asked for
                raise
            if step.stream:
                return response
        raise ResponseError("the provider did not finish its answer")

    def _step(self, call: Call, step: Follow) -> WireRequest:
        """A GET of where the provider's answer leads: never to a place that is not the provider's."""
        origin, path, query = split_url(step.url)
        if not _same_site(origin, self._origin):
            raise ResponseError(
                f"the provider's answer leads to {origin.host}, which is not the provider's: not followed"
            )
        accept = b"text/event-stream" if step.stream else b"application/json"
        kept = [pair for pair in self._headers if pair[0] not in (b"content-type", b"accept")]
        return WireRequest(
            "GET",
            origin,
            (path or "/") + query,
            ((b"accept", accept), *kept),
            b"",
            self._timeouts(call),
        )

    async def _exchanged(self, request: WireRequest) -> WireResponse:
        if self._signer is not None:
            request = await self._signer.sign(request)
        response = await self._transport.send(request)
        if response.status >= 300:
            raise await self._refusal(request, response)
        return response

    async def _refusal(self, request: WireRequest, response: WireResponse) -> LLMError:
        """What a refusal says, in words of the tree."""
        refused = self._dialect.error
        if self._hosting is not None and self._hosting.error is not None:
            refused = self._hosting.error
        clean = _cleaner(request, self._deployment)
        headers = tuple([(name, clean(value)) for name, value in response.headers])
        return refused(response.status, headers, clean(await response.read()))

    def _target(self, codec: Codec, call: Call) -> str:
        path = codec.path(self._deployment.model, call.stream)
        if self._hosting is not None:
            path = self._hosting.path(path, call.operation, self._deployment.target, call.stream)
        path = self._prefix + path
        query = urlencode(self._deployment.query)
        if query:
            path += ("&" if "?" in path else "?") + query
        self._targets[call.operation, call.stream] = path
        return path

    def _timeouts(self, call: Call) -> Timeouts:
        timeouts = self._deployment.timeouts
        limit_s = call.options.timeout_s
        if limit_s is None or limit_s >= timeouts.total_s:
            return timeouts
        return msgspec.structs.replace(timeouts, total_s=limit_s)


def secrets(deployment: Deployment) -> set[str]:
    """What an operator gave to be sent, and a provider's words may not bring back to a client."""
    given = (*deployment.headers.values(), *deployment.query.values())
    long = {value.removeprefix("Bearer ") for value in given if len(value) >= _LEAST_SECRET}
    return long | ({deployment.credential.secret} - {""})


def _cleaner(request: WireRequest, deployment: Deployment) -> Callable[[bytes], bytes]:
    """Takes the request's credentials out of what quotes them: those that are fetched, too."""
    sent = {value for name, value in request.headers if name in _CREDENTIALS}
    sent |= {value.removeprefix(b"Bearer ") for value in sent}
    sent |= {secret.encode() for secret in secrets(deployment)}
    longest_first = sorted(sent, key=len, reverse=True)

    def without(told: bytes) -> bytes:
        for secret in longest_first:
            told = told.replace(secret, b"***")
        return told

    return without


def _name(part: str) -> str:
    """The name of a query parameter as a server reads it."""
    return unquote_plus(part.partition("=")[0]).lower()


def _with_model(passing: Passing, model: str) -> bytes:
    """The body for the deployment's model, where it names one."""
    body = passing.body
    if not model or not body:
        return body
    if multipart.is_form(passing.content_type):
        return multipart.replaced(passing.content_type, body, "model", model.encode())
    if body.lstrip()[:1] != b"{":
        return body
    try:
        fields = split(body)
    except BadRequestError:  # it does not say that it is JSON, and it is none
        return body
    if "model" in fields:
        return join({**fields, "model": msgspec.json.encode(model)})
    return body


def _traced(call: Call) -> Headers:
    """The trace that the provider is told of, by W3C Trace Context; a caller's own it is not told."""
    if not isinstance(call.trace_parent, Told):
        return ()
    parent = (b"traceparent", call.trace_parent.encode())
    return (parent, (b"tracestate", call.trace_state.encode())) if call.trace_state else (parent,)


class _Read:
    """A response whose body has been read."""

    def __init__(self, response: WireResponse, body: bytes) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._body = body

    async def read(self) -> bytes:
        return self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._body:
            yield self._body

    async def aclose(self) -> None:
        await self._response.aclose()


class _Unframed:
    """A response without the host's frames around its stream."""

    def __init__(self, response: WireResponse, unframer: Unframer) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._unframer = unframer

    async def read(self) -> bytes:
        return await self._response.read()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._response:
            if whole := self._unframer.feed(piece):
                yield whole
        if rest := self._unframer.close():
            yield rest

    async def aclose(self) -> None:
        await self._response.aclose()


def hosting_of(deployment: Deployment) -> Hosting | None:
    """How the host carries the dialect that it is spoken to in; None: as the dialect says."""
    name = deployment.provider.hostings.get(deployment.dialect)
    if name is None:
        return None
    from modelway.hosting import hosting  # noqa: PLC0415  # few hosts need one

    return hosting(name)


def _same_site(origin: Origin, own: Origin) -> bool:
    """The provider's own origin, or by TLS a host of its domain: stream.replicate.com of api.…"""
    if origin == own:
        return True
    domain = own.host.split(".")[-2:]
    return (
        origin.scheme == own.scheme == "https"
        and origin.port == own.port
        and len(domain) == 2
        and not domain[-1].isdigit()
        and origin.host.split(".")[-2:] == domain
    )


def _headers(deployment: Deployment, of_dialect: Headers) -> Headers:
    """Every request's headers; what the operator sets replaces what a row or dialect says."""
    said: dict[bytes, bytes] = dict(_JSON)
    said[b"user-agent"] = b"modelway"
    said.update(of_dialect)
    row = deployment.provider
    kind = row.auths.get(deployment.dialect, row.auth)
    said.update(_auth(kind, deployment.credential.secret))
    for headers in (row.headers, deployment.headers):
        said.update({name.lower().encode(): value.encode() for name, value in headers.items()})
    return tuple(said.items())


def _auth(kind: AuthKind, secret: str) -> dict[bytes, bytes]:
    if not secret or kind == "none":
        return {}
    if not (secret.isascii() and secret.isprintable()):
        raise BadRequestError("the provider's key holds characters that no HTTP header can carry")
    return (
        {b"authorization": b"Bearer " + secret.encode()}
        if kind == "bearer"
        else {kind.encode(): secret.encode()}
    )
