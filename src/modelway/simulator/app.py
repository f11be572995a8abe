"""The simulator itself: a request in, the response to play out; no sockets (see ``serve``)."""

from __future__ import annotations

import math
import random
import string
import time
from collections import Counter, deque
from collections.abc import Callable
from fnmatch import fnmatchcase

import msgspec

from modelway.simulator.answer import compose, tally
from modelway.simulator.keys import check_key
from modelway.simulator.limits import Allowance
from modelway.simulator.magic import listed_models, magic
from modelway.simulator.playing import (
    SimulatedResponse,
    in_stream,
    played_stream,
    played_whole,
    whole,
)
from modelway.simulator.question import (
    Asked,
    Envelope,
    HeaderPairs,
    Question,
    RecordedRequest,
    WireError,
    refuse,
)
from modelway.simulator.routes import Found, find, wire_of
from modelway.simulator.script import Fault, Reply, Rule, Script, ScriptedError
from modelway.simulator.shelf import Shelf
from modelway.simulator.wires import Lookup, Operation, Wire

MAX_BODY_BYTES = 32 * 1024 * 1024

_LETTERS = string.ascii_letters + string.digits
_HTML = b"""<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>
"""
_HELLO = (
    b"modelway's simulator: OpenAI at /v1/chat/completions, Anthropic at /v1/messages, and more\n"
)
_OVERLOADED = ScriptedError(status=529)
_NO_FAULT = Fault()


class Simulator:
    """Answers requests of all dialects by a script. Not thread-safe: one event loop uses it."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        keep: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.script = script if script is not None else Script()
        self.requests: deque[RecordedRequest] = deque(maxlen=keep)
        """The last ``keep`` requests, oldest first."""
        self.disconnects = 0
        """How many clients left before their response's end."""
        self.models = {each.id: each for each in self.script.models or listed_models()}
        self._shelf = Shelf()
        self._chance = random.Random(self.script.seed)  # noqa: S311  ids of answers, not secrets
        self._turns: Counter[object] = Counter()
        self._failures: Counter[object] = Counter()
        limit = self.script.rate_limit
        self._allowance = None if limit is None else Allowance(limit, clock)

    def handle(
        self, method: str, target: str, headers: HeaderPairs, body: bytes
    ) -> SimulatedResponse:
        """The response to a request. ``target`` is the path with its query; names in lower case."""
        path, _, query = target.partition("?")
        request = RecordedRequest(method=method, path=path, query=query, headers=headers, body=body)
        self.requests.append(request)
        if method in {"GET", "HEAD"} and path == "/":
            return whole(200, ((b"content-type", b"text/plain; charset=utf-8"),), _HELLO)
        found = find(request)
        wire = wire_of(request) if found is None else found.act.wire
        request_id = self._id(wire.request_id_prefix, 24)
        if len(body) > MAX_BODY_BYTES:
            return self._refused(wire, ScriptedError(status=413), request_id)
        try:
            if found is None:
                where = f"{request.method} {request.path}"
                raise refuse(wire.unknown_path.format(where=where), status=404)
            return self._act(request, found, request_id)
        except WireError as refusal:
            return self._refused(wire, refusal.error, request_id)
        except RecursionError:
            error = ScriptedError(status=400, message="The request is nested too deeply.")
            return self._refused(wire, error, request_id)

    def _act(self, request: RecordedRequest, found: Found, request_id: str) -> SimulatedResponse:
        if not found.allowed:
            raise refuse("Method Not Allowed", status=405)
        wire = found.act.wire
        query = _parsed(request.query)
        check_key(request, query, wire, self.script.api_keys)
        asked = Asked(
            request=request,
            body=request.body,
            script=self.script,
            listed=self.models,
            shelf=self._shelf,
            places=found.places,
            query=query,
        )
        match found.act:
            case Lookup():
                body = found.act.look(asked)
                return whole(200, self._headers(wire, request_id), body)
            case Operation():
                return self._answer(found.act, asked, request_id)

    def _answer(self, operation: Operation, asked: Asked, request_id: str) -> SimulatedResponse:
        wire = operation.wire
        question = operation.read(asked)
        if self._allowance is not None:
            self._allowance.take(question.input_tokens)
        reply, failing = self._choose(question, asked.request)
        fault = (reply.fault or _NO_FAULT) if failing else _NO_FAULT
        pace = reply.pace or self.script.pace
        headers = self._headers(wire, request_id, reply.headers)
        error = reply.error if failing else None
        if fault.drop:
            return SimulatedResponse(0, (), iter(()), dropped=True)
        if fault.hang:
            return SimulatedResponse(0, (), iter(()), delay_s=math.inf)
        if fault.html_body or fault.empty_body:
            kind = b"text/html" if fault.html_body else b"application/json"
            headers = ((b"content-type", kind), *headers[1:])
            body = _HTML if fault.html_body else b""
            return whole(error.status if error else 200, headers, body, pace.latency_s)
        if operation.defers and in_stream(fault):
            fault = _NO_FAULT
        late = fault.error_after_chunks is not None
        streams = question.stream and operation.events is not None
        if late and not streams:
            error = error or _OVERLOADED
        if error is not None and not (late and streams):
            return self._refused(wire, error, request_id, reply.headers, pace.latency_s)
        envelope = self._envelope(question, reply, operation, (request_id, asked.base_url))
        if not streams or operation.events is None:
            body = operation.whole(envelope)
            headers = ((b"content-type", operation.media(question)), *headers[1:])
            return played_whole((operation.status, headers), body, pace, fault, envelope)
        headers = ((b"content-type", operation.stream_media(question)), *headers[1:])
        failing_at = msgspec.structs.replace(envelope, fails_after=fault.error_after_chunks or 0)
        ending = operation.error_event(error or _OVERLOADED, failing_at)
        events = operation.events(envelope)
        steps = played_stream(events, pace, fault, ending, operation.halved)
        return SimulatedResponse(200, headers, steps, delay_s=pace.latency_s)

    # ------------------------------------------------------------ what to say

    def _choose(self, question: Question, request: RecordedRequest) -> tuple[Reply, bool]:
        """The reply of the rule that matches, and whether its error and fault apply this time."""
        key: object = question.model
        rule = magic(question.model).rule
        for number, each in enumerate(self.script.rules):
            if _matches(each, question, request):
                key, rule = number, each
                break
        replies = (rule.reply,) if isinstance(rule.reply, Reply) else rule.reply or (Reply(),)
        at = 0
        if len(replies) > 1:
            turn = self._turns[key]
            self._turns[key] += 1
            at = turn % len(replies) if rule.repeat == "cycle" else min(turn, len(replies) - 1)
        reply = replies[at]
        if reply.fail_times is None:
            return reply, True
        failed = self._failures[key, at]
        self._failures[key, at] += 1
        return reply, failed < reply.fail_times

    def _envelope(
        self, question: Question, reply: Reply, operation: Operation, names: tuple[str, str]
    ) -> Envelope:
        def call_id() -> str:
            return self._id(operation.call_id_prefix, 22)

        answers = tuple([compose(question, reply, call_id, at) for at in range(question.choices)])
        return Envelope(
            id=self._id(operation.id_prefix, 22),
            request_id=names[0],
            created=int(time.time()),
            question=question,
            answers=answers,
            counts=tally(question, answers, reply.usage),
            reasoning_field=self.script.reasoning_field,
            shelf=self._shelf,
            base_url=names[1],
        )

    def _refused(
        self,
        wire: Wire,
        error: ScriptedError,
        request_id: str,
        extra: dict[str, str] | None = None,
        delay_s: float = 0.0,
    ) -> SimulatedResponse:
        headers = self._headers(wire, request_id, extra)
        headers = ((b"content-type", wire.error_media), *headers[1:], *wire.error_headers(error))
        if error.retry_after_s is not None:
            headers += ((b"retry-after", str(math.ceil(error.retry_after_s)).encode()),)
            if error.retry_after_s != math.ceil(error.retry_after_s):
                wait_ms = str(math.ceil(error.retry_after_s * 1000)).encode()
                headers += ((b"retry-after-ms", wait_ms),)
        return whole(error.status, headers, wire.error(error, request_id), delay_s)

    def _headers(
        self, wire: Wire, request_id: str, extra: dict[str, str] | None = None
    ) -> HeaderPairs:
        pairs = [(b"content-type", b"application/json")]
        if wire.request_id_header:
            pairs.append((wire.request_id_header, request_id.encode()))
        if self._allowance is not None:
            pairs += self._allowance.headers(wire.limits)
        for name, value in (extra or {}).items():
            pairs.append((name.lower().encode(), value.encode()))
        return tuple(pairs)

    def _id(self, prefix: str, length: int) -> str:
        return prefix + "".join(self._chance.choices(_LETTERS, k=length))


def _parsed(query: str) -> dict[str, str]:
    if not query:
        return {}
    from urllib.parse import parse_qsl  # noqa: PLC0415  start-up is for what most runs need

    return dict(parse_qsl(query, keep_blank_values=True))


def _matches(rule: Rule, question: Question, request: RecordedRequest) -> bool:
    match = rule.match
    if match.dialect is not None and match.dialect != question.dialect:
        return False
    if not fnmatchcase(question.model, match.model):
        return False
    if match.contains is not None and match.contains.lower() not in question.text.lower():
        return False
    return all(
        fnmatchcase(request.header(name) or "", value) for name, value in match.headers.items()
    )
