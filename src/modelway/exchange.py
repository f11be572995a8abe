"""One exchange with one deployment: bytes or a value out, over HTTP, and a reply back.

It is the innermost handler: it encodes only what must be encoded, and knows no policy.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec

from modelway.call import Body, Call, Deployment, Operation, Reply, Timeouts
from modelway.catalog.rows import AuthKind
from modelway.dialects import dialect
from modelway.dialects.refusals import request_id
from modelway.errors import BadRequestError, LLMError, UnsupportedError
from modelway.fold import unfold
from modelway.ports import Codec, Headers, Transport, WireRequest, WireResponse
from modelway.retrieval import EmbedResponse, RerankResponse
from modelway.streams import Live, Replay
from modelway.transport.url import parse_base_url
from modelway.types import CallWarning, ChatResponse, StreamEvent

_JSON: Headers = ((b"content-type", b"application/json"), (b"accept", b"application/json"))
_NO_STREAM = CallWarning(
    setting="stream", message="this deployment does not stream: the answer comes in one piece"
)


class Exchange:
    """``send`` is a ``Handler`` for calls to its deployment."""

    def __init__(self, deployment: Deployment, transport: Transport) -> None:
        self.deployment = deployment
        self._transport = transport
        self._dialect = dialect(deployment.dialect)
        self._origin, self._prefix = parse_base_url(deployment.base_url)
        self._headers = _headers(deployment, self._dialect.headers)
        self._touched = deployment.target.quirks.touched()
        self._targets: dict[tuple[Operation, bool], str] = {}

    async def send(self, call: Call) -> Reply:
        """Ask once. Raises the provider's refusal, or the transport's error, as an LLMError."""
        try:
            codec = self._codec(call)
            if not call.stream:
                return await self._whole(call, codec)
            if self.deployment.supports_streaming:
                return await self._stream(call, codec)
            return await self._unstreamed(call, codec)
        except LLMError as error:
            raise self._located(error) from error.__cause__

    # ------------------------------------------------------------ whole answers

    async def _whole(self, call: Call, codec: Codec) -> Reply:
        body = call.body
        if body is not None and self._passes(body):
            spliced = self._dialect.splice(body.fields, self.deployment.target, call.operation)
            response = await self._post(call, codec, spliced.body)
            answer = await response.read()
            usage = codec.usage(answer) if codec.usage is not None else None
            return Reply(
                deployment=self.deployment, body=answer, usage=usage, headers=response.headers
            )
        encoded = codec.encode(self._request(call), self.deployment.target, False)
        self._allow(call, encoded.warnings)
        response = await self._post(call, codec, encoded.body)
        value = codec.decode(await response.read())
        return self._valued(value, response, encoded.warnings)

    def _valued(
        self, value: Any, response: WireResponse, warnings: tuple[CallWarning, ...]
    ) -> Reply:
        id_ = request_id(response.headers)
        usage = None
        if isinstance(value, ChatResponse | EmbedResponse | RerankResponse):
            usage = value.usage
            value = msgspec.structs.replace(
                value,
                provider=self.deployment.provider.name,
                deployment=self.deployment.id,
                request_id=id_,
                warnings=value.warnings + warnings,
            )
        return Reply(
            deployment=self.deployment,
            value=value,
            usage=usage,
            warnings=warnings,
            request_id=id_,
            headers=response.headers,
        )

    async def _unstreamed(self, call: Call, codec: Codec) -> Reply:
        """The answer whole, handed over as a stream of one batch."""
        encoded = codec.encode(self._request(call), self.deployment.target, False)
        warnings = (*encoded.warnings, _NO_STREAM)
        self._allow(call, warnings)
        response = await self._post(call, codec, encoded.body)
        return self._replayed(codec, await response.read(), response, warnings)

    def _replayed(
        self, codec: Codec, body: bytes, response: WireResponse, warnings: tuple[CallWarning, ...]
    ) -> Reply:
        value: ChatResponse = codec.decode(body)
        return Reply(
            deployment=self.deployment,
            events=Replay[list[StreamEvent]](unfold(value), value.usage),
            usage=value.usage,
            warnings=warnings,
            request_id=request_id(response.headers),
            headers=response.headers,
        )

    # ------------------------------------------------------------ streams

    async def _stream(self, call: Call, codec: Codec) -> Reply:
        body = call.body
        if body is not None and self._passes(body):
            spliced = self._dialect.splice(body.fields, self.deployment.target, call.operation)
            response = await self._post(call, codec, spliced.body)
            if not _streams(codec, response):
                return self._replayed(codec, await response.read(), response, (_NO_STREAM,))
            chunks = self._live_bytes(codec, response, spliced.hide_usage)
            await _begin(chunks)
            return Reply(deployment=self.deployment, chunks=chunks, headers=response.headers)
        encoded = codec.encode(self._request(call), self.deployment.target, True)
        self._allow(call, encoded.warnings)
        response = await self._post(call, codec, encoded.body)
        if not _streams(codec, response):
            warnings = (*encoded.warnings, _NO_STREAM)
            return self._replayed(codec, await response.read(), response, warnings)
        if codec.decoder is None:
            raise UnsupportedError(f"{self._dialect.name} does not stream {call.operation}")
        id_ = request_id(response.headers)
        events = Live[list[StreamEvent]](
            response,
            codec.decoder(),
            located=self._located,
            request_id=id_,
            keep_partial=call.body is None,
        )
        await _begin(events)
        return Reply(
            deployment=self.deployment,
            events=events,
            warnings=encoded.warnings,
            request_id=id_,
            headers=response.headers,
        )

    def _live_bytes(self, codec: Codec, response: WireResponse, hide_usage: bool) -> Live[bytes]:
        if codec.relay is None:
            raise UnsupportedError(f"{self._dialect.name} does not relay this operation's streams")
        return Live[bytes](
            response,
            codec.relay(hide_usage),
            located=self._located,
            request_id=request_id(response.headers),
            keep_partial=False,
            mark=codec.mark,
        )

    # ------------------------------------------------------------ what both need

    def _passes(self, body: Body) -> bool:
        """True when a client's bytes are what this host reads, so that they can go as they are."""
        return body.dialect == self._dialect.name and self._touched.isdisjoint(body.fields)

    def _codec(self, call: Call) -> Codec:
        codec = self._dialect.upstream.get(call.operation)
        if codec is None:
            raise UnsupportedError(
                f"{self.deployment.provider.name} has no operation {call.operation!r} "
                f"in the dialect {self._dialect.name}"
            )
        return codec

    def _request(self, call: Call) -> Any:
        """The typed question: the caller's value, or a client's bytes decoded, with our defaults."""
        request = call.request
        if request is None:
            if call.body is None:
                return None
            face = dialect(call.body.dialect).downstream[call.operation]
            request = face.decode(call.body.fields)
        missing = {
            name: value
            for name, value in self.deployment.defaults.items()
            if getattr(request, name) in (None, (), {})
        }
        return msgspec.structs.replace(request, **missing) if missing else request

    def _allow(self, call: Call, warnings: tuple[CallWarning, ...]) -> None:
        if warnings and call.options.strict:
            told = "; ".join([f"{warning.setting}: {warning.message}" for warning in warnings])
            raise UnsupportedError(f"refused, because the call is strict: {told}")

    async def _post(self, call: Call, codec: Codec, body: bytes) -> WireResponse:
        target = self._targets.get((call.operation, call.stream))
        if target is None:
            target = self._target(codec, call)
        headers = self._headers
        if call.body is not None and call.body.dialect == self._dialect.name:
            if call.query:
                target += ("&" if "?" in target else "?") + call.query
            if call.headers:
                headers += tuple([(name.encode(), value.encode()) for name, value in call.headers])
        response = await self._transport.send(
            WireRequest(
                "POST" if body else "GET",
                self._origin,
                target,
                headers,
                body,
                self._timeouts(call),
            )
        )
        if response.status >= 300:
            raise self._dialect.error(response.status, response.headers, await response.read())
        return response

    def _target(self, codec: Codec, call: Call) -> str:
        path = self._prefix + codec.path(self.deployment.model, call.stream)
        query = urlencode(self.deployment.query)
        if query:
            path += ("&" if "?" in path else "?") + query
        self._targets[call.operation, call.stream] = path
        return path

    def _timeouts(self, call: Call) -> Timeouts:
        timeouts = self.deployment.timeouts
        limit_s = call.options.timeout_s
        if limit_s is None or limit_s >= timeouts.total_s:
            return timeouts
        return msgspec.structs.replace(timeouts, total_s=limit_s)

    def _located(self, error: LLMError) -> LLMError:
        """The error with who it is from, and without the key, which providers like to quote."""
        error.provider = error.provider or self.deployment.provider.name
        error.model = error.model or self.deployment.model
        secret = self.deployment.credential.secret
        if secret and secret in error.message:
            error.message = error.message.replace(secret, "***")
            error.args = (error.message,)
        return error


async def _begin(stream: Live[Any]) -> None:
    try:
        await stream.begin()
    except BaseException:
        await stream.aclose()
        raise


def _streams(codec: Codec, response: WireResponse) -> bool:
    for name, value in response.headers:
        if name == b"content-type":
            return value.startswith(codec.stream_types)
    return True


def _headers(deployment: Deployment, of_dialect: Headers) -> Headers:
    """Every request's headers; what the operator sets replaces what a row or dialect says."""
    said: dict[bytes, bytes] = dict(_JSON)
    said[b"user-agent"] = b"modelway"
    said.update(of_dialect)
    said.update(_auth(deployment.provider.auth, deployment.credential.secret))
    for headers in (deployment.provider.headers, deployment.headers):
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
