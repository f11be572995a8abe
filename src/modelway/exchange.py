"""One exchange with one deployment: bytes or a value out, over HTTP, and a reply back.

It is the innermost handler: it encodes only what must be encoded, and knows no policy.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import msgspec

from modelway.call import Body, Call, Deployment, Operation, Passing, Reply
from modelway.dialects import carried, dialect, requested
from modelway.dialects.refusals import request_id
from modelway.errors import BadRequestError, LLMError, UnsupportedError
from modelway.fold import unfold
from modelway.policies.offering import offering
from modelway.ports import Codec, Encoded, Signer, Transport, WireResponse
from modelway.retrieval import EmbedResponse, RerankResponse
from modelway.sending import Sender, hosting_of, secrets
from modelway.streams import Live, Passed, Replay
from modelway.types import CallWarning, ChatRequest, ChatResponse, StreamEvent

_MOST_TOOLS = 10_000
"""Far above what any provider takes, and still translated in a moment."""
_LEAST_QUOTED = 4
"""Characters of a key that are taken out where a provider's words were cut within it."""
_NO_STREAM = CallWarning(
    setting="stream", message="this deployment does not stream: the answer comes in one piece"
)


def offers(deployment: Deployment, operation: Operation) -> bool:
    """Whether a deployment can be asked this, in the dialect that it is spoken to in."""
    if operation == "pass":
        return True
    if operation not in dialect(deployment.dialect).upstream:
        return False
    hosted = hosting_of(deployment)
    if (
        hosted is not None
        and hosted.has is not None
        and not hosted.has(operation, deployment.target)
    ):
        return False
    return operation in ("chat", "models") or operation in deployment.provider.operations


def speaking(deployment: Deployment, operation: Operation, client: str | None) -> Deployment:
    """The deployment in the dialect in which it is asked this by a client of that dialect.

    The client's own where the host has it, so that its bytes are kept; else the preferred one of
    those that have the operation. A local server is spoken to in its preferred dialect wherever
    that one will do: the others came later, and older servers lack them.
    """
    spoken = [
        deployment,
        *[_in(deployment, *one) for one in deployment.also.items() if _is_for(deployment, one[0])],
    ]
    able = [one for one in spoken if offers(one, operation)]
    if not deployment.provider.local:
        able.sort(key=lambda one: one.dialect != client)
    return able[0] if able else deployment


def _is_for(deployment: Deployment, dialect_name: str) -> bool:
    patterns = deployment.provider.only_for.get(dialect_name)
    names = (deployment.model, deployment.base_model or "")
    return patterns is None or any(fnmatchcase(name, one) for name in names for one in patterns)


def _in(deployment: Deployment, dialect_name: str, base_url: str) -> Deployment:
    return msgspec.structs.replace(deployment, dialect=dialect_name, base_url=base_url)


class Exchange:
    """``send`` is a ``Handler`` for calls to its deployment."""

    def __init__(
        self, deployment: Deployment, transport: Transport, signer: Signer | None = None
    ) -> None:
        self.deployment = deployment
        self._sender = Sender(deployment, transport, signer)
        self._dialect = dialect(deployment.dialect)
        self._touched = deployment.target.quirks.touched()
        self._codecs = {
            operation: codec
            for operation, codec in self._dialect.upstream.items()
            if offers(deployment, operation)
        }
        polled = any(codec.follow is not None for codec in self._codecs.values())
        self._asked = self._followed if polled else self._sender.send
        self._secrets = sorted(secrets(deployment), key=len, reverse=True)

    async def send(self, call: Call) -> Reply:
        """Ask once. Raises the provider's refusal, or the transport's error, as an LLMError."""
        try:
            if call.passing is not None:
                return await self._pass(call, call.passing)
            codec = self._codec(call)
            if not call.stream:
                return await self._whole(call, codec)
            if self.deployment.supports_streaming:
                return await self._stream(call, codec)
            return await self._unstreamed(call, codec)
        except LLMError as error:
            raise self._located(error) from error.__cause__

    async def preview(self, call: Call) -> Reply:
        """What would be sent, as the body of a reply. Raises what ``send`` would before sending."""
        try:
            if call.passing is not None:
                return Reply(deployment=self.deployment, body=call.passing.body)
            codec = self._codec(call)
            if call.body is not None and self._passes(call.body):
                target = self.deployment.target
                spliced = self._dialect.splice(call.body.fields, target, call.operation)
                return Reply(deployment=self.deployment, body=spliced.body)
            streams = call.stream and self.deployment.supports_streaming
            encoded = self._encoded(call, codec, streams)
            warnings = encoded.warnings
            if call.stream and not streams:
                warnings = (*warnings, _NO_STREAM)
            return Reply(deployment=self.deployment, body=encoded.body, warnings=warnings)
        except LLMError as error:
            raise self._located(error) from error.__cause__

    # ------------------------------------------------------------ whole answers

    async def _whole(self, call: Call, codec: Codec) -> Reply:
        body = call.body
        if body is not None and self._passes(body):
            spliced = self._dialect.splice(body.fields, self.deployment.target, call.operation)
            response = await self._asked(call, codec, spliced.body)
            answer = await response.read()
            if spliced.reworded:
                return self._valued(codec.decode(answer), response, ())
            usage = None
            if codec.usage is not None:
                usage = codec.usage(answer)
            else:
                codec.decode(answer)  # what is no answer is not passed on as one
            return Reply(
                deployment=self.deployment, body=answer, usage=usage, headers=response.headers
            )
        encoded = self._encoded(call, codec, False)
        response = await self._asked(call, codec, encoded.body)
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
        encoded = self._encoded(call, codec, False)
        warnings = (*encoded.warnings, _NO_STREAM)
        self._allow(call, warnings)
        response = await self._asked(call, codec, encoded.body)
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
            response = await self._asked(call, codec, spliced.body)
            if not self._sender.streams(codec, response):
                return self._replayed(codec, await response.read(), response, (_NO_STREAM,))
            chunks = self._live_bytes(codec, response, spliced.hide_usage)
            await _begin(chunks)
            return Reply(deployment=self.deployment, chunks=chunks, headers=response.headers)
        encoded = self._encoded(call, codec, True)
        response = await self._asked(call, codec, encoded.body)
        if not self._sender.streams(codec, response):
            warnings = (*encoded.warnings, _NO_STREAM)
            return self._replayed(codec, await response.read(), response, warnings)
        if codec.decoder is None:
            raise UnsupportedError(f"{self._dialect.name} does not stream {call.operation}")
        id_ = request_id(response.headers)
        events = Live[list[StreamEvent]](
            self._sender.unframed(response),
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
            self._sender.unframed(response),
            codec.relay(hide_usage),
            located=self._located,
            request_id=request_id(response.headers),
            keep_partial=False,
            mark=codec.mark,
        )

    async def _pass(self, call: Call, passing: Passing) -> Reply:
        response = await self._sender.passed(call, passing)
        return Reply(
            deployment=self.deployment,
            status=response.status,
            chunks=Passed(response, self._located),
            request_id=request_id(response.headers),
            headers=response.headers,
        )

    # ------------------------------------------------------------ what both need

    def _passes(self, body: Body) -> bool:
        """True when a client's bytes are what this host reads, so that they can go as they are."""
        return (
            body.dialect == self._dialect.name
            and self._touched.isdisjoint(body.fields)
            and not carried.in_bytes(body.fields)
        )

    def _codec(self, call: Call) -> Codec:
        codec = self._codecs.get(call.operation)
        if codec is None:
            raise UnsupportedError(
                f"{self.deployment.provider.name} has no operation {call.operation!r} "
                f"in the dialect {self._dialect.name}"
            )
        return codec

    def _encoded(self, call: Call, codec: Codec, stream: bool) -> Encoded:
        request = self._request(call)
        left_out: tuple[CallWarning, ...] = ()
        if call.body is not None and isinstance(request, ChatRequest):
            request, left_out = offering(request, self._dialect.name)
        encoded = codec.encode(request, self.deployment.target, stream)
        if left_out:
            encoded = encoded._replace(warnings=(*left_out, *encoded.warnings))
        self._allow(call, encoded.warnings)
        return encoded

    def _request(self, call: Call) -> Any:
        """The typed question: the caller's value, or a client's bytes decoded, with our defaults."""
        request = requested(call)
        if not isinstance(request, ChatRequest):
            return request
        if len(request.tools) > _MOST_TOOLS:
            raise BadRequestError(f"more than {_MOST_TOOLS} tools are too many", param="tools")
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

    async def _followed(self, call: Call, codec: Codec, body: bytes) -> WireResponse:
        response = await self._sender.send(call, codec, body)
        return await self._sender.followed(call, codec, response)

    def _located(self, error: LLMError) -> LLMError:
        """The error with who it is from, and without the key, which providers like to quote."""
        error.provider = error.provider or self.deployment.provider.name
        error.model = error.model or self.deployment.model
        for secret in self._secrets:
            error.message = _without(secret, error.message) or ""
            error.code = _without(secret, error.code)
            error.param = _without(secret, error.param)
            error.request_id = _without(secret, error.request_id)
        error.args = (error.message,)
        return error


def _without(secret: str, text: str | None) -> str | None:
    """The text without the secret, nor its beginning where a long text was cut within it."""
    if text is None or secret[:_LEAST_QUOTED] not in text:
        return text
    text = text.replace(secret, "***")
    cut = text.rfind(secret[:_LEAST_QUOTED])
    if cut >= 0 and secret.startswith(text[cut:].removesuffix("…")):
        text = text[:cut] + "***"
    return text


async def _begin(stream: Live[Any]) -> None:
    try:
        await stream.begin()
    except BaseException:
        await stream.aclose()
        raise
