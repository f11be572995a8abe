"""The simulator itself: a request in, the response to play out; no sockets (see ``serve``)."""

from __future__ import annotations

import math
import random
import string
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from modelway.simulator import anthropic_read, anthropic_write
from modelway.simulator.answer import compose, tally
from modelway.simulator.limits import Allowance
from modelway.simulator.magic import listed_models, magic
from modelway.simulator.question import Envelope, Question, WireError, refuse
from modelway.simulator.script import Fault, Pace, Reply, Rule, Script, ScriptedError
from modelway.simulator.wires import ANTHROPIC, OPENAI, Wire

HeaderPairs: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Names in lower case."""

MAX_BODY_BYTES = 32 * 1024 * 1024

_LETTERS = string.ascii_letters + string.digits
_HTML = b"""<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>
"""
_OVERLOADED = ScriptedError(status=529)
_NO_FAULT = Fault()


class RecordedRequest(Struct, frozen=True, kw_only=True):
    """A request as the simulator saw it."""

    method: str
    path: str
    query: str
    headers: HeaderPairs
    body: bytes

    @property
    def json(self) -> object:
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    def header(self, name: str) -> str | None:
        """A header's first value."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)


class Cut(NamedTuple):
    """The connection breaks, these bytes of an unfinished chunk being the last."""

    torn: bytes


Step: TypeAlias = bytes | float | Cut
"""Of a response's body: bytes to send, seconds to wait (``inf``: for ever), or the end of it all."""


class SimulatedResponse(NamedTuple):
    """A response to play out: wait ``delay_s``, send the head, then the steps."""

    status: int
    headers: HeaderPairs
    steps: Iterator[Step]
    length: int | None = None
    """Content-Length; ``None`` for a body in chunks."""
    delay_s: float = 0.0
    dropped: bool = False
    """Close the connection instead."""


class Simulator:
    """Answers requests of both dialects by a script. Not thread-safe: one event loop uses it."""

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
        wire = _wire(request)
        request_id = self._id(wire.request_id_prefix, 24)
        if len(body) > MAX_BODY_BYTES:
            return self._refused(wire, ScriptedError(status=413), request_id)
        try:
            return self._route(request, wire, request_id)
        except WireError as refusal:
            return self._refused(wire, refusal.error, request_id)
        except RecursionError:
            error = ScriptedError(status=400, message="The request is nested too deeply.")
            return self._refused(wire, error, request_id)

    # ------------------------------------------------------------ routes

    def _route(self, request: RecordedRequest, wire: Wire, request_id: str) -> SimulatedResponse:
        match request.method, request.path:
            case "GET" | "HEAD", "/":
                text = b"modelway's simulator: OpenAI at /v1/chat/completions, Anthropic at /v1/messages\n"
                return _whole(200, ((b"content-type", b"text/plain; charset=utf-8"),), text)
            case "POST", "/v1/chat/completions" | "/v1/messages":
                self._authorise(request, wire)
                return self._chat(request, wire, request_id)
            case "POST", "/v1/messages/count_tokens":
                self._authorise(request, wire)
                asked = anthropic_read.read(request.body, self.script, self.models, counting=True)
                body = anthropic_write.count(asked.input_tokens)
                return _whole(200, self._headers(wire, request_id), body)
            case "GET", "/v1/models":
                self._authorise(request, wire)
                body = wire.models(list(self.models.values()), _parsed(request.query))
                return _whole(200, self._headers(wire, request_id), body)
            case "GET", path if path.startswith("/v1/models/"):
                self._authorise(request, wire)
                name = _unquoted(path.removeprefix("/v1/models/"))
                if name not in self.models:
                    raise wire.unknown_model(name)
                return _whole(200, self._headers(wire, request_id), wire.model(self.models[name]))
            case (
                _,
                "/v1/chat/completions"
                | "/v1/messages"
                | "/v1/messages/count_tokens"
                | "/v1/models",
            ):
                raise refuse("Method Not Allowed", status=405)
            case _:
                where = f"{request.method} {request.path}"
                message = f"Invalid URL ({where})" if wire.name == "openai" else "Not Found"
                raise refuse(message, status=404)

    def _authorise(self, request: RecordedRequest, wire: Wire) -> None:
        if wire.name == "anthropic" and request.header("anthropic-version") is None:
            raise refuse("anthropic-version: header is required")
        if not self.script.api_keys:
            return
        bearer = (request.header("authorization") or "").removeprefix("Bearer ")
        if (request.header("x-api-key") or bearer) not in self.script.api_keys:
            raise WireError(ScriptedError(status=401))

    def _chat(self, request: RecordedRequest, wire: Wire, request_id: str) -> SimulatedResponse:
        question = wire.read(request.body, self.script, self.models)
        if self._allowance is not None:
            self._allowance.take(question.input_tokens)
        reply, failing = self._choose(question, request)
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
            return _whole(error.status if error else 200, headers, body, pace.latency_s)
        late = fault.error_after_chunks is not None
        if late and not question.stream:
            error = error or _OVERLOADED
        if error is not None and not (late and question.stream):
            return self._refused(wire, error, request_id, reply.headers, pace.latency_s)
        envelope = self._envelope(question, reply, wire)
        if not question.stream:
            return _played_whole(wire.whole(envelope), headers, pace, fault, envelope)
        headers = ((b"content-type", b"text/event-stream; charset=utf-8"), *headers[1:])
        ending = wire.error_event(error or _OVERLOADED, request_id)
        steps = _played_stream(wire.events(envelope), pace, fault, ending)
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

    def _envelope(self, question: Question, reply: Reply, wire: Wire) -> Envelope:
        def call_id() -> str:
            return self._id(wire.call_id_prefix, 22)

        answers = tuple([compose(question, reply, call_id, at) for at in range(question.choices)])
        return Envelope(
            id=self._id(wire.answer_id_prefix, 22),
            created=int(time.time()),
            question=question,
            answers=answers,
            counts=tally(question, answers, reply.usage),
            reasoning_field=self.script.reasoning_field,
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
        if error.retry_after_s is not None:
            headers += ((b"retry-after", str(math.ceil(error.retry_after_s)).encode()),)
            if error.retry_after_s != math.ceil(error.retry_after_s):
                wait_ms = str(math.ceil(error.retry_after_s * 1000)).encode()
                headers += ((b"retry-after-ms", wait_ms),)
        return _whole(error.status, headers, wire.error(error, request_id), delay_s)

    def _headers(
        self, wire: Wire, request_id: str, extra: dict[str, str] | None = None
    ) -> HeaderPairs:
        pairs = [(b"content-type", b"application/json")]
        pairs.append((wire.request_id_header, request_id.encode()))
        if self._allowance is not None:
            pairs += self._allowance.headers(wire.name)
        for name, value in (extra or {}).items():
            pairs.append((name.lower().encode(), value.encode()))
        return tuple(pairs)

    def _id(self, prefix: str, length: int) -> str:
        return prefix + "".join(self._chance.choices(_LETTERS, k=length))


def _wire(request: RecordedRequest) -> Wire:
    """The dialect of a route, and on shared ones of the headers."""
    if request.path.startswith("/v1/messages"):
        return ANTHROPIC
    if request.path.startswith("/v1/models") and (
        request.header("anthropic-version") or request.header("x-api-key")
    ):
        return ANTHROPIC
    return OPENAI


def _parsed(query: str) -> dict[str, str]:
    from urllib.parse import parse_qsl  # noqa: PLC0415  start-up is for what most runs need

    return dict(parse_qsl(query))


def _unquoted(name: str) -> str:
    from urllib.parse import unquote  # noqa: PLC0415

    return unquote(name)


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


# ---------------------------------------------------------------- how it is played out


def _whole(
    status: int, headers: HeaderPairs, body: bytes, delay_s: float = 0.0
) -> SimulatedResponse:
    return SimulatedResponse(
        status, headers, iter((body,) if body else ()), length=len(body), delay_s=delay_s
    )


def _played_whole(
    body: bytes, headers: HeaderPairs, pace: Pace, fault: Fault, envelope: Envelope
) -> SimulatedResponse:
    delay_s = pace.latency_s + pace.time_to_first_token_s
    if pace.tokens_per_s:
        delay_s += envelope.counts.output_tokens / pace.tokens_per_s
    half = body[: len(body) // 2]
    if fault.half_json:
        return _whole(200, headers, half, delay_s)
    steps: tuple[Step, ...] = (body,)
    if fault.cut_after_chunks is not None:
        steps = (Cut(half),)
    elif fault.stall_after_chunks is not None:
        steps = (half, math.inf)
    return SimulatedResponse(200, headers, iter(steps), length=len(body), delay_s=delay_s)


def _played_stream(
    events: Iterator[tuple[bytes, int]], pace: Pace, fault: Fault, ending: bytes
) -> Iterator[Step]:
    if pace.time_to_first_token_s:
        yield pace.time_to_first_token_s
    for sent, (event, size) in enumerate(events):
        half = event[: len(event) // 2]
        if sent == fault.cut_after_chunks:
            yield Cut(half)
            return
        if sent == fault.stall_after_chunks:
            yield math.inf
            return
        if sent == fault.error_after_chunks:
            yield ending
            return
        if size and pace.tokens_per_s:
            yield size / pace.tokens_per_s
        yield half + b"\n\n" if fault.half_json and sent == 1 else event
