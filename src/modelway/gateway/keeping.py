"""The Responses API's memory: requests that go on from a response, and answers that are to be kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from modelway.call import Call, Options, Reply
from modelway.dialects import dialect
from modelway.engine import Engine
from modelway.errors import BadRequestError, LLMError, UnsupportedError
from modelway.exchange import speaking
from modelway.framing.fields import Fields
from modelway.framing.sse import Event, Events
from modelway.gateway.stored import Kept, Responses
from modelway.types import ChatRequest, Message

Send = Callable[[dict[str, Any]], Awaitable[None]]

NAME = "openai-responses"
_ENDS = frozenset(("response.completed", "response.incomplete", "response.failed"))
_string = msgspec.json.Decoder(str | None).decode
_NOT_KEPT = (b"x-modelway-warnings", b"store: this response could not be kept")
_NOT_KEPT_COMMENT = b": modelway could not keep this response\n\n"


class _Id(Struct):
    id: str = ""


class _End(Struct):
    type: str = ""
    response: Raw = Raw(b"{}")


_id = msgspec.json.Decoder(_Id).decode
_end = msgspec.json.Decoder(_End).decode


async def going_on(call: Call, engine: Engine, responses: Responses) -> Call:
    """The call with what its ``previous_response_id`` stands for.

    Where the model asked has the deployment that keeps that response, it alone answers; else what was
    said is put before the input. NotFoundError for an id that is not this tenant's.
    """
    assert call.body is not None  # noqa: S101 - a gateway's call has its client's bytes
    fields = call.body.fields
    if bytes(fields.get("conversation", b"null")) != b"null":
        raise UnsupportedError(
            "conversations that a provider keeps belong to its account, which is shared here: send "
            "the input, or go on from a response by previous_response_id",
            param="conversation",
        )
    for name in _PROVIDERS_OWN:
        if bytes(fields.get(name, b"null")) not in (b"null", b"false"):
            _refuse_elsewhere(name, call, engine)
    previous = _previous(fields)
    if previous is None:
        return call
    kept = await responses.find(previous, call.tenant)
    if kept.deployment is not None and _answers(engine, call, kept.deployment):
        options: Options = replace(call.options, fallbacks=())
        return replace(call, only=kept.deployment, options=options)
    before = await responses.said(previous, call.tenant)
    request: ChatRequest = (
        dialect(NAME)
        .downstream["chat"]
        .decode(
            {name: value for name, value in fields.items() if name != "previous_response_id"}
            | ({} if "input" in fields else {"input": Raw(b"[]")})
        )
    )
    system = [message for message in request.messages if message.role == "system"][
        : 1 if "instructions" in fields else 0
    ]
    messages = (*system, *before, *request.messages[len(system) :])
    extra = {name: value for name, value in request.extra.items() if name != "store"}
    request = replace(request, messages=messages, extra=extra)
    return replace(call, request=request, body=replace(call.body, dialect=_EXPANDED))


_PROVIDERS_OWN = ("prompt", "background")
"""What only a provider of this API can do: fill a stored prompt, go on after the client has left."""


def _refuse_elsewhere(name: str, call: Call, engine: Engine) -> None:
    for tier in engine.plan(call):
        for one in tier:
            if speaking(one, "chat", NAME).dialect != NAME:
                raise UnsupportedError(
                    f"{one.provider.name}/{one.model} has no {name} of the Responses API, and "
                    "without it the question would be another",
                    param=name,
                )


_EXPANDED = "openai-responses (expanded)"
"""The dialect of bytes that no longer say all: they are passed on to nobody."""


def _answers(engine: Engine, call: Call, deployment: str) -> bool:
    tiers = engine.plan(replace(call, options=replace(call.options, fallbacks=())))
    found = [one for tier in tiers for one in tier if one.id == deployment]
    return any(speaking(one, "chat", NAME).dialect == NAME for one in found)


def _previous(fields: Fields) -> str | None:
    if "previous_response_id" not in fields:
        return None
    try:
        told: str | None = _string(fields["previous_response_id"])
    except msgspec.ValidationError:
        raise BadRequestError(
            "previous_response_id must be a string", param="previous_response_id"
        ) from None
    return told


def is_kept(call: Call) -> bool:
    """Whether the client asked for its response to be kept: nothing is, unless it did."""
    return call.body is not None and bytes(call.body.fields.get("store", b"false")) == b"true"


class Keeping:
    """A ``send`` that keeps the response which passes through it, before its last event is sent.

    An answer that cannot be kept is given all the same, and says so: in a header, or in a comment
    of its stream. It was paid for, and going on from it is refused by name.
    """

    def __init__(self, send: Send, call: Call, responses: Responses) -> None:
        self._send = send
        self._call = call
        self._responses = responses
        self._status = 0
        self._streams = False
        self._events = Events()
        self._whole = b""
        self._start: dict[str, Any] | None = None
        self.reply: Reply | None = None

    async def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            kinds = [value for name, value in message["headers"] if name == b"content-type"]
            self._streams = bool(kinds) and kinds[0].startswith(b"text/event-stream")
            if self._status == 200 and not self._streams:
                self._start = message
                return
        elif self._streams:
            ends = [one for one in map(_ended, self._events.feed(message.get("body", b""))) if one]
            if ends and not await self._keep(ends[-1]):
                message = {**message, "body": _NOT_KEPT_COMMENT + message["body"]}
        elif self._start is not None:
            self._whole += message.get("body", b"")
            if message.get("more_body"):
                return
            start, self._start = self._start, None
            if not await self._keep(self._whole):
                start = {**start, "headers": [*start["headers"], _NOT_KEPT]}
            await self._send(start)
            message = {**message, "body": self._whole}
        await self._send(message)

    async def _keep(self, body: bytes) -> bool:
        try:
            response = self._kept(body)
            return bool(response.id) and await self._responses.keep(response)
        except (LLMError, msgspec.DecodeError):
            return False

    def _kept(self, body: bytes) -> Kept:
        assert self._call.body is not None  # noqa: S101 - a gateway's call has its client's bytes
        fields = self._call.body.fields
        reply = self.reply
        native = reply is not None and (reply.body is not None or reply.chunks is not None)
        return Kept(
            id=_id(body).id,
            tenant=self._call.tenant,
            deployment=reply.deployment.id if reply is not None and native else None,
            previous=_previous(fields),
            input=bytes(fields.get("input", b"[]")),
            messages=_said(fields, body),
            body=body,
        )


def _ended(event: Event) -> bytes:
    """The response that an event of a stream ends with."""
    if b'"response.' not in event.data[:200]:
        return b""
    try:
        end = _end(event.data)
    except msgspec.DecodeError:
        return b""
    return bytes(end.response) if end.type in _ENDS else b""


def _said(fields: Fields, body: bytes) -> tuple[Message, ...]:
    """This turn's input and answer; what cannot be read again is left to who keeps it."""
    spoken = dialect(NAME)
    left = ("instructions", "previous_response_id", "conversation")
    asked: tuple[Message, ...] = ()
    try:
        if "input" in fields:
            question = {name: value for name, value in fields.items() if name not in left}
            asked = spoken.downstream["chat"].decode(question).messages
        return (*asked, spoken.upstream["chat"].decode(body).message)
    except LLMError:
        return asked


# ---------------------------------------------------------------- what was kept, asked for by its id


async def shown(responses: Responses, id_: str, tenant: str) -> bytes:
    """The response itself."""
    return (await responses.find(id_, tenant)).body


async def shown_input(responses: Responses, id_: str, tenant: str) -> bytes:
    """Its input as a list. Source: OpenAPI 2.3.0, ResponseItemList, 2026-11-21."""
    told = msgspec.json.decode((await responses.find(id_, tenant)).input)
    items = [{"role": "user", "content": told}] if isinstance(told, str) else told
    items = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    data = [_listed(item, f"msg_{id_}_{number}") for number, item in enumerate(items)]
    return msgspec.json.encode(
        {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": False,
        }
    )


def _listed(item: dict[str, Any], id_: str) -> dict[str, Any]:
    listed = {"type": "message", "id": id_, **item}
    if listed["type"] == "message" and isinstance(listed.get("content"), str):
        kind = "output_text" if listed.get("role") == "assistant" else "input_text"
        listed["content"] = [{"type": kind, "text": listed["content"]}]
    return listed


async def deleted(responses: Responses, id_: str, tenant: str) -> bytes:
    """Forgotten here. Source: OpenAPI 2.3.0, deleteResponse, 2026-11-21."""
    kept = await responses.forget(id_, tenant)
    return msgspec.json.encode({"id": kept.id, "object": "response", "deleted": True})
