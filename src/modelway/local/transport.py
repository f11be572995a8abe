"""A transport that answers by models in this process, and passes everything else on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from modelway.dialects import dialect
from modelway.errors import APITimeoutError, BadRequestError, NotFoundError, ResponseError
from modelway.fold import Fold
from modelway.local import files
from modelway.local.pool import Key, Lease, Pool
from modelway.local.settings import BASE_URL, LocalModels
from modelway.ports import Headers, Transport, WireRequest, WireResponse
from modelway.types import ModelListing

if TYPE_CHECKING:
    from modelway.local.engine import Engine

_HOST = BASE_URL.removeprefix("http://")
_JSON: Headers = ((b"content-type", b"application/json"),)
_CHATS = {"/v1/chat/completions": "openai-chat", "/v1/messages": "anthropic-messages"}
_ONE = "/v1/models/"
_ASKED = {*_CHATS, "/v1/messages/count_tokens", "/v1/embeddings"}
"""What a caller may reach of the engine: nothing that writes files or changes its settings."""


class _Asked(msgspec.Struct):
    """What is read of a request."""

    model: str = ""
    stream: bool = False


class LocalTransport:
    """``providers`` are the in-process ones, by name; ``transport`` is for the network.

    ``engines`` is for the models' own engines, where that is not the same: they listen on this machine.

    Beyond a transport's errors it raises NotFoundError, UnsupportedError and ConfigError, for a
    model that cannot be loaded.
    """

    def __init__(
        self,
        transport: Transport,
        providers: Mapping[str, LocalModels],
        *,
        engines: Transport | None = None,
    ) -> None:
        self._transport = transport
        self._engines = engines or transport
        self._providers = providers
        self._pools: dict[str, Pool] = {}
        self._closed = False

    def adopt(self, providers: Mapping[str, LocalModels]) -> None:
        """Answer for these from now on. Models that are loaded stay so, by what was said of them."""
        self._providers = providers

    def send(self, request: WireRequest) -> Coroutine[Any, Any, WireResponse]:
        if request.origin.host != _HOST:
            return self._transport.send(request)
        return self._send(request)

    async def _send(self, request: WireRequest) -> WireResponse:
        path = request.target.partition("?")[0]
        _, name, below = path.split("/", 2)
        models = self._providers.get(name)
        if models is None:
            raise NotFoundError(f"no provider {name!r} runs in this process", status=404)
        asked = f"/{below}"
        if request.method == "GET" and asked == "/v1/models":
            found = await asyncio.to_thread(files.listed, models)
            return _Whole(
                msgspec.json.encode({"object": "list", "data": [_row(one) for one in found]})
            )
        if request.method == "GET" and asked.startswith(_ONE):
            one = await asyncio.to_thread(files.listing, models, unquote(asked[len(_ONE) :]))
            return _Whole(msgspec.json.encode(_row(one)))
        if request.method != "POST" or asked not in _ASKED:
            raise NotFoundError(f"models in this process do not answer {asked}", status=404)
        told = _read(request.body)
        request = request._replace(target=asked)
        whole = asked in _CHATS and not told.stream
        if whole:
            request = request._replace(body=_streamed(request.body, asked))
        response = await self._ask(request, name, models, told.model)
        if not whole or response.status != 200:
            return response
        return await _folded(response, _CHATS[asked])

    async def _ask(
        self, request: WireRequest, name: str, models: LocalModels, model: str
    ) -> WireResponse:
        lease = await self._lease(request, name, models, model)
        try:
            response = await self._engines.send(
                request._replace(
                    origin=lease.engine.origin, headers=lease.engine.headers(request.headers)
                )
            )
        except BaseException:
            lease.release()
            raise
        return _Leased(response, lease)

    async def _lease(
        self, request: WireRequest, name: str, models: LocalModels, model: str
    ) -> Lease:
        """The model in memory; waiting for it counts as waiting for the answer's first byte."""
        path = await asyncio.to_thread(files.find, models, model)
        embeddings = request.target == "/v1/embeddings"
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = Pool(models.settings.loaded_models)
            if self._closed:
                await pool.aclose()

        from modelway.local.engine import load  # noqa: PLC0415  # only where a model is asked

        def loading() -> Coroutine[Any, Any, Engine]:
            return asyncio.to_thread(load, path, model, models.settings, embeddings=embeddings)

        limit_s = min(request.timeouts.first_byte_s, request.timeouts.total_s)
        try:
            async with asyncio.timeout(limit_s):
                return await pool.lease(Key(path, embeddings), loading)
        except TimeoutError:
            raise APITimeoutError(
                f"the model was not in memory after {limit_s:g} s; it goes on loading",
                model=model,
                code="first_byte",
            ) from None

    async def aclose(self) -> None:
        """Close connections, which ends what is being answered, then free the models."""
        self._closed = True
        await self._transport.aclose()
        if self._engines is not self._transport:
            await self._engines.aclose()
        for pool in self._pools.values():
            await pool.aclose()


class _Leased:
    """A response of a model that stays in memory until it has been read or let go."""

    def __init__(self, response: WireResponse, lease: Lease) -> None:
        self.status = response.status
        self.headers: Headers = response.headers
        self._response = response
        self._lease = lease
        self._pieces: AsyncIterator[bytes] | None = None

    async def read(self) -> bytes:
        try:
            return await self._response.read()
        finally:
            self._lease.release()

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._pieces = aiter(self._response)
        return self

    async def __anext__(self) -> bytes:
        if self._pieces is None:
            raise StopAsyncIteration
        try:
            return await anext(self._pieces)
        except BaseException:
            self._lease.release()
            raise

    async def aclose(self) -> None:
        try:
            await self._response.aclose()
        finally:
            self._lease.release()


class _Whole:
    """An answer that is already here."""

    def __init__(self, body: bytes, headers: Headers = _JSON) -> None:
        self.status = 200
        self.headers = headers
        self._body = body

    async def read(self) -> bytes:
        return self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body

    async def aclose(self) -> None:
        """Nothing is held."""


def _read(body: bytes) -> _Asked:
    try:
        return msgspec.json.decode(body, type=_Asked)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadRequestError("the request has no model's name, or is not JSON") from None


def _streamed(body: bytes, path: str) -> bytes:
    """The request as one for a stream.

    llama.cpp looks for a reader who left only while nobody else is answered, unless it streams:
    then writing tells. Source: tests/e2e/test_local_in_process.py, xllamacpp 2026.10, 2026-11-21.
    """
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields["stream"] = msgspec.Raw(b"true")
    if _CHATS[path] == "openai-chat":
        fields["stream_options"] = msgspec.Raw(b'{"include_usage":true}')
    return msgspec.json.encode(fields)


async def _folded(response: WireResponse, name: str) -> WireResponse:
    """The stream's whole answer, as its dialect writes it."""
    spoken = dialect(name)
    make = spoken.upstream["chat"].decoder
    if make is None:
        raise ResponseError(f"{name} does not stream")
    decoder, fold = make(), Fold()
    try:
        async for piece in response:
            for event in decoder.feed(piece):
                fold.add(event)
            if decoder.error is not None:
                break
        for event in decoder.close():
            fold.add(event)
        if decoder.error is not None:
            raise decoder.error
    finally:
        await response.aclose()
    return _Whole(spoken.downstream["chat"].encode(fold.response()))


def _row(one: ModelListing) -> dict[str, Any]:
    return {
        "id": one.id,
        "object": "model",
        "created": 0,
        "owned_by": one.owner,
        "name": one.name,
        "context_length": one.context_tokens,
        "size_bytes": one.size_bytes,
        "quantization": one.quantization,
    }
