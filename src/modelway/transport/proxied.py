"""The transport for origins behind a proxy: the same contract over aiohttp, imported on first use."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    ConfigError,
    ResponseError,
)
from modelway.ports import Headers, WireRequest
from modelway.transport.dial import unreachable
from modelway.transport.head import authority, check_headers, check_origin, check_target
from modelway.transport.inflate import Inflate, coding_of, inflated, too_large
from modelway.transport.proxies import Proxy
from modelway.transport.settings import TLS, PoolLimits, Trust

if TYPE_CHECKING:
    import aiohttp

_NO_TLS = TLS()
_NO_LIMITS = PoolLimits()
_WHOLE_BYTES = 128 * 1024
"""A body up to this is given to aiohttp in one piece; a larger one is sent as the socket takes it."""


class ProxiedTransport:
    """A ``Transport`` that sends everything through one proxy, or directly where it is None.

    Two differences from the own client, both aiohttp's: it does not say whether the head of an
    answer had begun, so a request is sent again after any break before the head on a connection
    used before; and it takes what a server sends unasked for the answer to the next request.
    """

    def __init__(
        self, proxy: Proxy | None, *, tls: TLS = _NO_TLS, limits: PoolLimits = _NO_LIMITS
    ) -> None:
        self._aiohttp = _import_aiohttp()
        self._proxy = proxy
        self._trust = Trust(tls)
        self._limits = limits
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}

    async def send(self, request: WireRequest) -> ProxiedResponse:
        check_origin(request.origin)
        check_target(request.method, request.target)
        check_headers(request.headers)
        exchange = _Exchange(request)
        library = self._aiohttp
        try:
            async with exchange.deadline:
                session = self._session()
                try:
                    response = await self._attempt(session, exchange)
                except (library.ServerDisconnectedError, library.ClientOSError) as error:
                    unused = not exchange.reused or isinstance(error, library.ClientConnectorError)
                    if unused or session.closed:
                        raise
                    response = await self._attempt(session, exchange)
        except TimeoutError:
            exchange.raise_late()
        except library.ClientError as error:
            raise self._translated(error, request) from None
        try:
            return ProxiedResponse(library, exchange, response, self._limits)
        except BaseException:
            response.close()
            raise

    async def aclose(self) -> None:
        """Close the sockets of this loop; the transport may be used again."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    async def _attempt(
        self, session: aiohttp.ClientSession, exchange: _Exchange
    ) -> aiohttp.ClientResponse:
        from yarl import URL  # noqa: PLC0415  # comes with aiohttp

        request, proxy = exchange.request, self._proxy
        headers = [(name.decode("ascii"), _text(value)) for name, value in request.headers]
        if all(name != "accept-encoding" for name, _ in headers):
            headers.append(("accept-encoding", "identity"))
        data: Any = request.body or None
        if len(request.body) > _WHOLE_BYTES:
            data = io.BytesIO(request.body)
        elif not request.body and request.method not in {"GET", "HEAD"}:
            headers.append(("content-length", "0"))
        tunnel: dict[str, str] = {}
        if proxy is not None and proxy.user is not None:
            if request.origin.scheme == "https":
                tunnel["proxy-authorization"] = _basic(proxy)
            else:
                headers.append(("proxy-authorization", _basic(proxy)))
        origin = request.origin
        schemes = {origin.scheme} if proxy is None else {origin.scheme, proxy.origin.scheme}
        return await session.request(
            request.method,
            URL(f"{origin.scheme}://{authority(origin)}{request.target}", encoded=True),
            headers=headers,
            data=data,
            allow_redirects=False,
            ssl=await self._trust.context() if "https" in schemes else True,
            proxy=None if proxy is None else _url(proxy),
            proxy_headers=tunnel or None,
            trace_request_ctx=exchange,
        )

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            for ended in [known for known in self._sessions if known.is_closed()]:
                del self._sessions[ended]
            library, limits = self._aiohttp, self._limits
            session = self._sessions[loop] = library.ClientSession(
                connector=library.TCPConnector(limit=0, keepalive_timeout=limits.idle_s),
                cookie_jar=library.DummyCookieJar(),
                timeout=library.ClientTimeout(total=None, connect=None, sock_connect=None),
                skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
                auto_decompress=False,
                # aiohttp stops reading at twice this
                read_bufsize=limits.high_water_bytes // 2,
                max_line_size=limits.max_head_bytes,
                max_field_size=limits.max_head_bytes,
                trace_configs=[_trace(library)],
                trust_env=False,
            )
        return session

    def _translated(
        self, error: aiohttp.ClientError, request: WireRequest
    ) -> APIConnectionError | ResponseError:
        library, where = self._aiohttp, authority(request.origin)
        match error:
            case library.ClientHttpProxyError():
                return APIConnectionError(
                    f"the proxy refuses to connect to {where} with status {error.status}; "
                    "check its address and password",
                    code="proxy",
                )
            case library.ClientProxyConnectionError():
                proxy = authority(self._proxy.origin) if self._proxy is not None else "?"
                return APIConnectionError(
                    f"the proxy {proxy} cannot be reached; is it running?", code="proxy"
                )
            case library.ClientConnectorCertificateError():
                return unreachable(request.origin, error.certificate_error)
            case library.ClientConnectorError():
                return unreachable(request.origin, error.os_error)
            case library.ClientResponseError():
                return ResponseError(
                    f"{where} does not answer in HTTP/1.1 that can be read; check the address",
                    code="malformed",
                )
            case _:
                return APIConnectionError(
                    f"{where} closed the connection before an answer had begun", code="closed"
                )


class ProxiedResponse:
    """A ``WireResponse`` around aiohttp's."""

    def __init__(
        self,
        library: ModuleType,
        exchange: _Exchange,
        response: aiohttp.ClientResponse,
        limits: PoolLimits,
    ) -> None:
        self._aiohttp = library
        self._exchange = exchange
        self._response = response
        self._limits = limits
        self._where = authority(exchange.request.origin)
        self._cut = False
        self.status = response.status
        self.headers: Headers = tuple(
            (name.lower(), value.strip()) for name, value in response.raw_headers
        )
        head_bytes = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if head_bytes > limits.max_head_bytes:
            raise ResponseError(
                f"the answer's headers are over {limits.max_head_bytes} bytes", code="too_large"
            )
        if self.status == 101:
            raise ResponseError("the answer switches protocols, which was not asked for")
        coding = coding_of(self.headers)
        self._inflate = None if coding is None else Inflate(coding)

    async def read(self) -> bytes:
        limit = self._limits.max_body_bytes
        pieces: list[bytes] = []
        size = 0
        while piece := await self._next():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                self._close()
                raise too_large(limit)
        body = b"".join(pieces)
        return body if self._inflate is None else self._inflate.rest(body, limit)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self if self._inflate is None else inflated(self._inflate, self)

    async def __anext__(self) -> bytes:
        piece = await self._next()
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        if not self._response.content.at_eof():
            self._close()

    async def _next(self) -> bytes:
        if self._cut:
            raise APIConnectionError("the answer was let go before it had been read", code="closed")
        library, exchange = self._aiohttp, self._exchange
        try:
            async with asyncio.timeout_at(exchange.idle_until()):
                return await self._response.content.readany()
        except TimeoutError:
            self._close()
            exchange.raise_late()
        except (library.ClientError, _library_errors()) as error:
            self._close()
            raise self._translated(error) from None
        except BaseException:
            self._close()
            raise

    def _translated(self, error: Exception) -> APIConnectionError | ResponseError:
        cause = error.__cause__ if error.__cause__ is not None else error
        if isinstance(cause, _library_errors()) and "Not enough data" not in str(cause):
            return ResponseError(
                f"the answer of {self._where} is not framed as HTTP/1.1 says", code="malformed"
            )
        return APIConnectionError(
            f"the connection to {self._where} broke in the middle of the answer", code="cut"
        )

    def _close(self) -> None:
        self._cut = True
        self._response.close()


class _Exchange:
    """One request's clock: which deadline is running, moved on by aiohttp's trace."""

    def __init__(self, request: WireRequest) -> None:
        self._loop = asyncio.get_running_loop()
        self.request = request
        self.reused = False
        self._end = self._loop.time() + request.timeouts.total_s
        self._code = "connect"
        self._limit_s = request.timeouts.connect_s
        self.deadline = asyncio.timeout_at(self._until())

    def connected(self, *, reused: bool) -> None:
        self.reused = reused
        self._run("idle", self.request.timeouts.idle_s)

    def progressed(self) -> None:
        """Some of the request is out; the first byte of the answer is due after the last of it."""
        self._run("first_byte", self.request.timeouts.first_byte_s)

    def idle_until(self) -> float:
        self._code, self._limit_s = "idle", self.request.timeouts.idle_s
        return self._until()

    def raise_late(self) -> NoReturn:
        if self._loop.time() >= self._end:
            self._code, self._limit_s = "total", self.request.timeouts.total_s
        what = {
            "connect": "no connection",
            "first_byte": "no answer",
            "idle": "nothing more",
            "total": "no whole answer",
        }[self._code]
        where = authority(self.request.origin)
        raise APITimeoutError(
            f"{what} from {where} within {self._limit_s:g} s; raise the timeout", code=self._code
        ) from None

    def _run(self, code: str, limit_s: float) -> None:
        self._code, self._limit_s = code, limit_s
        if not self.deadline.expired():
            self.deadline.reschedule(self._until())

    def _until(self) -> float:
        return min(self._end, self._loop.time() + self._limit_s)


def _trace(library: ModuleType) -> aiohttp.TraceConfig:
    async def created(_: object, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.connected(reused=False)

    async def reused(_: object, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.connected(reused=True)

    async def sent(_: object, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.progressed()

    trace: aiohttp.TraceConfig = library.TraceConfig()
    trace.on_connection_create_end.append(created)
    trace.on_connection_reuseconn.append(reused)
    trace.on_request_headers_sent.append(sent)
    trace.on_request_chunk_sent.append(sent)
    return trace


def _import_aiohttp() -> ModuleType:
    try:
        import aiohttp  # noqa: PLC0415  # 0.2 s that only those behind a proxy pay
    except ImportError:
        raise ConfigError(
            "a proxy is configured, which needs aiohttp; run: pip install 'modelway[proxy]'"
        ) from None
    return aiohttp


def _library_errors() -> type[Exception]:
    from aiohttp.http import HttpProcessingError  # noqa: PLC0415

    return HttpProcessingError


def _text(value: bytes) -> str:
    try:
        # aiohttp writes headers in UTF-8
        return value.decode()
    except UnicodeDecodeError:
        raise BadRequestError(
            "a header's value is not UTF-8, which cannot go through a proxy", param="headers"
        ) from None


def _url(proxy: Proxy) -> str:
    return f"{proxy.origin.scheme}://{authority(proxy.origin)}"


def _basic(proxy: Proxy) -> str:
    secret = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode("ascii")
    return f"Basic {secret}"
