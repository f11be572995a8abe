"""A running gateway as commands ask it: over HTTP, with a key from the environment."""

from __future__ import annotations

import os
from typing import Annotated, Self, TypeAlias

from cyclopts import Parameter

from modelway.call import Timeouts
from modelway.dialects import dialect
from modelway.errors import ConfigError, ResponseError
from modelway.ports import WireRequest
from modelway.transport.routes import choose_transport
from modelway.transport.settings import TLS, PoolLimits
from modelway.transport.url import parse_base_url

KeyVariable: TypeAlias = Annotated[
    str, Parameter(name="--key-env", help="The variable that holds the key for --url.")
]

_TIMEOUTS = Timeouts(connect_s=5.0, first_byte_s=10.0, total_s=15.0)


class Gateway:
    """One at this address, with or without ``/v1``. Use as an async context."""

    def __init__(self, url: str, key_variable: str) -> None:
        self._origin, path = parse_base_url(url)
        self._path = path.removesuffix("/v1")
        key = os.environ.get(key_variable)
        self._wanted = "" if key else key_variable
        authorization = (b"authorization", f"Bearer {key}".encode()) if key else None
        self._headers = (
            (b"accept", b"application/json"),
            (b"content-type", b"application/json"),
            *([authorization] if authorization else []),
        )
        self._transport = choose_transport(os.environ, tls=TLS(), limits=PoolLimits())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.aclose()

    async def ask(self, method: str, target: str, body: bytes = b"") -> bytes:
        """The answer's body; a refusal as the error that it stands for."""
        request = WireRequest(
            method, self._origin, self._path + target, self._headers, body, _TIMEOUTS
        )
        response = await self._transport.send(request)
        answer = await response.read()
        if response.status < 300:
            return answer
        if response.status < 400:
            raise ResponseError(f"the gateway answered with a redirect ({response.status})")
        if response.status == 401 and self._wanted:
            raise ConfigError(f"the gateway wants a key, and {self._wanted} holds none: export it")
        error = dialect("openai-chat").error(response.status, response.headers, answer)
        error.provider = error.provider or "gateway"
        raise error
