"""Signers that put a token into ``authorization``."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable

from modelway.auth.refreshing import Refreshing
from modelway.errors import AuthenticationError, LLMError
from modelway.ports import Headers, WireRequest

_TOKEN = re.compile(r"[!-~]+")


class Token:
    """A bearer token and the headers that go with it. Its ``repr`` shows neither."""

    __slots__ = ("headers", "text")

    def __init__(self, text: str, headers: Headers = ()) -> None:
        if _TOKEN.fullmatch(text) is None:
            raise AuthenticationError("the token is empty or has characters that no token may have")
        self.text = text
        self.headers = headers


class BearerSigner:
    """Sends a token that is kept fresh. See ``ports.Signer``."""

    def __init__(self, tokens: Refreshing[Token]) -> None:
        self._tokens = tokens
        self._made: tuple[Headers, Token, Headers] | None = None

    async def sign(self, request: WireRequest) -> WireRequest:
        token = await self._tokens.get()
        made = self._made
        # the same tuple for the same headers, for the transport's own cache
        if made is None or made[0] is not request.headers or made[1] is not token:
            self._made = made = (request.headers, token, _authorised(request.headers, token))
        return request._replace(headers=made[2])


class _CallbackSigner:
    def __init__(self, callback: Callable[[], str | Awaitable[str]]) -> None:
        self._callback = callback

    async def sign(self, request: WireRequest) -> WireRequest:
        try:
            if inspect.iscoroutinefunction(self._callback):
                text = await self._callback()
            else:
                # it may fetch a token, and block
                said = await asyncio.to_thread(self._callback)
                text = await said if inspect.isawaitable(said) else said
        except LLMError:
            raise
        except Exception as error:  # noqa: BLE001 - a user's function may raise anything
            raise AuthenticationError(
                f"the token function failed with {type(error).__name__}; it must return a token"
            ) from None
        if not isinstance(text, str):
            raise AuthenticationError(
                f"the token function returned {type(text).__name__}; it must return a token as str"
            )
        return request._replace(headers=_authorised(request.headers, Token(text)))


def callback_signer(callback: Callable[[], str | Awaitable[str]]) -> _CallbackSigner:
    """A signer that asks a function, sync or async, for the token of each request.

    The function keeps its token, as those of ``azure.identity.get_bearer_token_provider`` do. A sync
    one runs in a thread.
    """
    return _CallbackSigner(callback)


def _authorised(headers: Headers, token: Token) -> Headers:
    own = {b"authorization", *[name for name, _ in token.headers]}
    kept = tuple([header for header in headers if header[0] not in own])
    return (*kept, (b"authorization", b"Bearer " + token.text.encode()), *token.headers)
