"""A reply → the client's dialect, over ASGI."""

from __future__ import annotations

import json as plain_json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from modelway.call import Call, Deployment, Reply
from modelway.errors import LLMError
from modelway.ports import Dialect, Headers
from modelway.types import ChatResponse, Start, Trace

Send = Callable[[dict[str, Any]], Awaitable[None]]

_JSON = (b"content-type", b"application/json")
_EVENTS = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
_DESCRIBING = frozenset((b"content-type", b"content-disposition", b"content-range", b"retry-after"))
_LIMITS = (b"x-ratelimit-", b"anthropic-ratelimit-")
_KNOWN_DEPLOYMENTS = 10_000
_LONGEST_TRACE = 4096


class Answers:
    """Sends replies; remembers each deployment's response headers."""

    def __init__(self) -> None:
        self._said: dict[str, Headers] = {}

    async def whole(self, send: Send, client: Dialect, call: Call, reply: Reply) -> None:
        body = reply.body
        if body is None:
            face, value = client.downstream[call.operation], _marked(reply.value, call.id)
            asked = call.body
            if face.answer is not None and asked is not None:
                body = face.answer(value, asked.fields)
            else:
                body = face.encode(value)
        headers = [
            _JSON,
            (b"content-length", b"%d" % len(body)),
            *self._headers(client, call, reply),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def stream(self, send: Send, client: Dialect, call: Call, reply: Reply) -> None:
        """Send events as they come. A fault after the first is told inside the stream."""
        face = client.downstream[call.operation]
        headers = [
            (b"content-type", face.stream_type),
            *_EVENTS,
            *self._headers(client, call, reply),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        assert face.encoder is not None  # noqa: S101 - an operation that streams has one
        assert call.body is not None  # noqa: S101 - a gateway's call has its client's bytes
        encoder = None
        try:
            if reply.chunks is not None:
                async for chunk in reply.chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                last = b""
            else:
                assert reply.events is not None  # noqa: S101 - a stream has one of the two
                encoder = face.encoder(call.body.fields)
                async for events in reply.events:
                    if isinstance(events[0], Start):
                        events[0] = _marked(events[0], call.id)
                    data = encoder.feed(events)
                    if data:
                        await send({"type": "http.response.body", "body": data, "more_body": True})
                last = encoder.close()
        except LLMError as error:
            last = (encoder or face.encoder(call.body.fields)).fail(error)
        except Exception as cause:  # noqa: BLE001 - ours, and the client must be told of it
            last = (encoder or face.encoder(call.body.fields)).fail(own_fault(call.id, cause))
        await send({"type": "http.response.body", "body": last})

    async def passed(self, send: Send, client: Dialect, call: Call, reply: Reply) -> None:
        """An answer of an endpoint that is not modelled, as it comes, with what describes it.

        One that breaks off is left without its end, so that no client takes it for whole.
        """
        headers = [pair for pair in reply.headers if pair[0] in _DESCRIBING]
        headers += self._headers(client, call, reply)
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        assert reply.chunks is not None  # noqa: S101 - what is passed comes as bytes
        try:
            async for chunk in reply.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except LLMError as error:
            logging.getLogger("modelway").warning("call %s broke off: %s", call.id, error)
            return
        await send({"type": "http.response.body", "body": b""})

    def _headers(self, client: Dialect, call: Call, reply: Reply) -> list[tuple[bytes, bytes]]:
        said = self._said.get(reply.deployment.id)
        if said is None:
            if len(self._said) >= _KNOWN_DEPLOYMENTS:
                self._said.clear()
            said = self._said[reply.deployment.id] = _deployment_headers(reply.deployment)
        headers = [(client.request_id_header, call.id.encode()), *said]
        headers += [pair for pair in reply.headers if pair[0].startswith(_LIMITS)]
        if reply.cached:
            headers.append((b"x-modelway-cache", reply.cached.encode()))
            headers.append((b"age", b"%d" % reply.age_s))
        if reply.failed:
            tried = ", ".join([f"{attempt.deployment} {attempt.error}" for attempt in reply.failed])
            headers.append((b"x-modelway-failed", _one_line(tried)))
        if reply.warnings:
            told = "; ".join([f"{note.setting}: {note.message}" for note in reply.warnings])
            headers.append((b"x-modelway-warnings", _one_line(told)))
        if reply.trace is not None:
            headers.append((b"x-modelway-trace", _trace(reply.trace)))
        return headers


def _marked(value: Any, id_: str) -> Any:
    """An answer or a start with our id and time where the provider gave none: some clients need them."""
    if isinstance(value, ChatResponse | Start) and (value.created is None or not value.id):
        created = int(time.time()) if value.created is None else value.created
        return msgspec.structs.replace(value, id=value.id or id_, created=created)
    return value


def own_fault(id_: str, cause: Exception) -> LLMError:
    """Logs the cause, and gives what a client is told of it: nothing but where to look."""
    said = "call %s failed in the gateway"
    logging.getLogger("modelway").error(said, id_, exc_info=cause)
    return LLMError(f"modelway failed on call {id_}; see its log")


def _deployment_headers(deployment: Deployment) -> Headers:
    return (
        (b"x-modelway-provider", _one_line(deployment.provider.name)),
        (b"x-modelway-model", _one_line(deployment.model)),
    )


def _one_line(text: str) -> bytes:
    printable = "".join([letter if letter.isprintable() else " " for letter in text])
    return printable.encode("ascii", "replace")[:2000]


def _trace(trace: Trace) -> bytes:
    """One line of JSON, without the longest reasons where it would be too long for a header."""
    told = _ascii(trace)
    if len(told) <= _LONGEST_TRACE:
        return told
    short = [msgspec.structs.replace(one, reason="") for one in trace.before[-20:]]
    return _ascii(msgspec.structs.replace(trace, before=tuple(short)))


def _ascii(trace: Trace) -> bytes:
    return plain_json.dumps(msgspec.to_builtins(trace), separators=(",", ":")).encode("ascii")


async def refuse(send: Send, client: Dialect, error: LLMError, id_: str) -> None:
    """The error in the client's dialect."""
    status, body = client.refuse(error)
    headers = [
        _JSON,
        (b"content-length", b"%d" % len(body)),
        (client.request_id_header, id_.encode()),
    ]
    if error.provider is None and error.status == 405:
        status = 405
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % max(1, round(error.retry_after_s))))
    if error.provider:
        headers.append((b"x-modelway-provider", _one_line(error.provider)))
    if error.request_id:
        headers.append((b"x-modelway-upstream-request-id", _one_line(error.request_id)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def json(send: Send, body: bytes, status: int = 200) -> None:
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def text(send: Send, status: int, said: dict[str, str]) -> None:
    await json(send, msgspec.json.encode(said), status)
