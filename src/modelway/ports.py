"""Everything that an outsider may implement, on one screen.

A dialect is a record of pure functions over bytes and values; the protocols are the engine's few
needs of the world.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from modelway.call import Call, Deployment, Operation, Reply, Target, Timeouts
from modelway.catalog.models import ModelInfo
from modelway.errors import LLMError
from modelway.framing.fields import Fields
from modelway.types import CallWarning, ChatRequest, FinishReason, StreamEvent, Usage

# ---------------------------------------------------------------- the two verbs of the onion

Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]
Middleware: TypeAlias = Callable[[Call, Handler], Awaitable[Reply]]

# ---------------------------------------------------------------- HTTP

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Names in lower case, in the order received; values without surrounding white space."""


class Origin(NamedTuple):
    """Where a connection goes. ``host`` is a name or an address without brackets."""

    scheme: str
    host: str
    port: int


class WireRequest(NamedTuple):
    """A finished HTTP request. ``target`` is the path with its query, percent-encoded.

    ``headers`` leaves out host, content-length and connection, which are the transport's own; a
    deployment's tuple is the same object every time, so a transport may cache what it makes of it.
    """

    method: str
    origin: Origin
    target: str
    headers: Headers
    body: bytes = b""
    timeouts: Timeouts = Timeouts()


class WireResponse(Protocol):
    """A response whose head has arrived. The body is read once, by ``read`` or by iterating."""

    status: int
    headers: Headers

    async def read(self) -> bytes:
        """The whole body, decompressed; ResponseError past the transport's bound."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Non-empty pieces of the body as they arrive, decompressed."""
        ...

    async def aclose(self) -> None:
        """Let go: the connection returns to the pool if it is drained, else its socket is closed."""
        ...


class Transport(Protocol):
    """Sends requests. Raises APIConnectionError, APITimeoutError or ResponseError, nothing else."""

    async def send(self, request: WireRequest) -> WireResponse: ...
    async def aclose(self) -> None: ...


class Signer(Protocol):
    """Authorises a finished request, by a signature or a token that is fetched and kept fresh."""

    async def sign(self, request: WireRequest) -> WireRequest: ...


# ---------------------------------------------------------------- dialects


class Encoded(NamedTuple):
    """Bytes for a provider, and what could not be said in them."""

    body: bytes
    warnings: tuple[CallWarning, ...] = ()


class Decoder(Protocol):
    """A provider's stream → events; a fold: ``feed`` any bytes, ``close`` once they have ended.

    ``feed`` never raises for what arrived before a fault: a fault is kept in ``error``, after which
    nothing more comes out. ``close`` sets ``error`` to StreamInterruptedError for a stream that
    ended before its end.
    """

    error: LLMError | None

    def feed(self, data: bytes) -> list[StreamEvent]: ...
    def close(self) -> list[StreamEvent]: ...


class Relay(Protocol):
    """A provider's stream → the same bytes, cut at event borders, watched on the way.

    Same rules for ``error`` as a Decoder.
    """

    error: LLMError | None
    usage: Usage | None
    finish: FinishReason | None
    received_chars: int
    """Generated text and arguments so far, to bound the cost of a stream that is cut."""

    def feed(self, data: bytes) -> bytes: ...
    def close(self) -> bytes: ...


class Follow(NamedTuple):
    """The next request of a provider that answers in steps. A GET, at an absolute URL."""

    url: str
    delay_s: float = 0.0
    stream: bool = False


class Codec(NamedTuple):
    """One operation, us → provider. ``path`` is below the base URL; an empty body is a GET."""

    path: Callable[[str, bool], str]
    encode: Callable[[Any, Target, bool], Encoded]
    decode: Callable[[bytes], Any]
    decoder: Callable[[], Decoder] | None = None
    relay: Callable[[bool], Relay] | None = None
    """Takes ``hide_usage``. There where ``decoder`` is."""
    usage: Callable[[bytes], Usage | None] | None = None
    """The usage of a whole answer, read without decoding the rest; ``raw`` may be left out.

    Raises what ``decode`` raises for bytes that are no answer: they are not passed on as one."""
    follow: Callable[[bytes, bool], Follow | None] | None = None
    """For providers that are polled: where the answer to this answer is; ``None``: this is it."""
    whole_headers: Headers = ()
    """Sent with what asks for a whole answer: for providers that are to hold it until it is there."""
    stream_types: tuple[bytes, ...] = (b"text/event-stream", b"application/octet-stream")
    """Media types of a streamed answer; another is a whole one."""
    mark: bytes = b"data:"
    """What a relayed stream has no event without."""


class Encoder(Protocol):
    """Events → a client's stream. ``fail`` ends the stream with an error in the client's dialect."""

    def feed(self, events: Sequence[StreamEvent]) -> bytes: ...
    def close(self) -> bytes: ...
    def fail(self, error: LLMError) -> bytes: ...


class Unframer(Protocol):
    """A host's own frames around a dialect's stream, taken off. Raises ResponseError for bad ones."""

    def feed(self, data: bytes) -> bytes: ...
    def close(self) -> bytes: ...


class Hosting(NamedTuple):
    """How a host carries a dialect that it did not make: at other paths, in other frames."""

    path: Callable[[str, Operation, Target, bool], str]
    """The dialect's own path → the host's, below the base URL."""
    body: Callable[[bytes, Operation, Target, bool, Headers], bytes]
    """The dialect's own body → the host's. The headers are those that it will be sent with."""
    unframer: Callable[[], Unframer] | None = None
    stream_types: tuple[bytes, ...] | None = None
    """Instead of the codec's."""
    error: Callable[[int, Headers, bytes], LLMError] | None = None
    """Instead of the dialect's, where the host refuses in words of its own."""
    has: Callable[[Operation, Target], bool] | None = None
    """Whether the host has this operation of the dialect's, for this model; ``None``: always."""


class Face(NamedTuple):
    """One operation, client → us."""

    decode: Callable[[Fields], Any]
    encode: Callable[[Any], bytes]
    encoder: Callable[[Fields], Encoder] | None = None
    stream_type: bytes = b"text/event-stream; charset=utf-8"
    answer: Callable[[Any, Fields], bytes] | None = None
    """Instead of ``encode``, where a client's request says how its answer is written."""


class Spliced(NamedTuple):
    """A client's own bytes, edited for a provider of the same dialect."""

    body: bytes
    hide_usage: bool = False
    """The client did not ask for the usage chunk that we asked for."""
    reworded: bool = False
    """It was asked in another of the operation's forms: so the answer is decoded, and written anew."""


class Dialect(NamedTuple):
    """A wire format. An operation that it lacks is an absent entry."""

    name: str
    upstream: Mapping[Operation, Codec]
    downstream: Mapping[Operation, Face]
    splice: Callable[[Fields, Target, Operation], Spliced]
    error: Callable[[int, Headers, bytes], LLMError]
    """A provider's refusal → the tree. Classified by code, then status; never by message text."""
    refuse: Callable[[LLMError], tuple[int, bytes]]
    """An error → (status, body) in the client's dialect."""
    headers: Headers = ()
    """Sent with every request of this dialect."""
    passed_headers: frozenset[bytes] = frozenset()
    """A client's headers that a provider of the same dialect is meant to see, in lower case."""
    passed_query: frozenset[bytes] = frozenset()
    """Parts of a client's query string of which the same is true."""
    request_id_header: bytes = b"x-request-id"
    """Where clients of this dialect look for the id of their request."""
    events_query: bytes = b""
    """The part of a client's query without which its stream is one JSON array, where there is one."""
    streams_unless_told: bool = False
    """Whether an answer streams where a client's body does not say."""
    completes_by_chat: bool = False
    """Whether the text that its clients want completed is a turn of a chat, elsewhere too (Ollama)."""
    schema_subset: str | None = "any"
    """The row of ``schema.subsets`` that its structured answers take; ``None``: it has none."""
    json_mode: bool = True
    """Whether some JSON object can be asked for, without a schema."""
    tools: bool = True
    """Whether functions can be offered to its models."""
    inlined: frozenset[str] = frozenset()
    """Tags of parts (``image``, ``audio``, ``file``) that go as bytes: their URLs are fetched first."""
    own_hosts: frozenset[str] = frozenset()
    """Hosts whose URLs go as they are all the same: its providers know what is there."""


# ---------------------------------------------------------------- the engine's other needs


class Candidate(Protocol):
    """A deployment that may answer, and what is known of it at this moment. Read only."""

    @property
    def deployment(self) -> Deployment: ...

    @property
    def open_requests(self) -> int:
        """This process's own."""
        ...

    @property
    def info(self) -> ModelInfo | None:
        """What the catalogue has of its model."""
        ...

    @property
    def usual_price(self) -> int | None:
        """Pico-dollars a million tokens, three read for one written; ``None``: not known."""
        ...

    def price(self, input_tokens: int, output_tokens: int) -> int | None:
        """Pico-dollars; ``None``: not known."""
        ...

    def latency_s(self, stream: bool) -> float | None:
        """Of late, to the first event or the whole answer, worse for a while after a slow one."""
        ...

    def wait_s(self) -> float:
        """How long its limits, as far as they are known here, would hold a request back."""
        ...


class Asked(Protocol):
    """A call, as one looks at it to choose. What costs time is found out when it is first read."""

    @property
    def call(self) -> Call: ...

    @property
    def request(self) -> ChatRequest | None:
        """The question as a value; ``None`` for other operations."""
        ...

    @property
    def input_tokens(self) -> int: ...

    @property
    def output_tokens(self) -> int | None:
        """The cap that the call sets, for all its choices."""
        ...

    @property
    def category(self) -> str:
        """``debugging``, ``generation``, ``simple`` …: a row of docs/task-analysis.md."""
        ...

    @property
    def difficulty(self) -> Literal["simple", "moderate", "complex"]: ...

    @property
    def coding_heavy(self) -> bool: ...

    @property
    def sensitive(self) -> bool: ...

    @property
    def needs(self) -> frozenset[str]:
        """Of a model: ``tools``, ``vision``, ``audio``, ``schema``, ``reasoning``."""
        ...

    @property
    def budget_pico_usd(self) -> int | None:
        """What may still be spent on it, where that is bounded."""
        ...


class Strategy(Protocol):
    """Orders what may answer: the first is tried first, the rest are what it falls back to.

    It may be lazy: most calls want the first alone. One that remembers can be copied by
    ``copy.deepcopy``, so that ``explain`` moves nothing.
    """

    def __call__(
        self, asked: Asked, candidates: Sequence[Candidate], chance: random.Random
    ) -> Iterable[Candidate]: ...


class Filter(Protocol):
    """Why a candidate may not answer this, in a few words, or ``None``."""

    def __call__(self, asked: Asked, candidate: Candidate) -> str | None: ...


class Observer(Protocol):
    """Told of what happens, in batches, off the request's path. Must not block."""

    def observe(self, events: Sequence[Any]) -> None: ...


class Fetched(NamedTuple):
    media_type: str
    data: bytes


class Fetch(Protocol):
    """Gets what a caller's URL names, from where a caller may lead us."""

    async def __call__(self, url: str) -> Fetched: ...


# ---------------------------------------------------------------- shared state


class Pool(NamedTuple):
    """Something of which there is so much, for all processes together.

    What is taken counts against ``limit`` until its grant's end, and what of it was used for
    ``window_s`` more: 0 for what is only held (open requests), a minute for a rate, ``inf`` for money.
    """

    name: str
    limit: int
    window_s: float
    life_s: float
    """How long a grant may be spent; one that nobody settles counts as used at its end."""


class Spent(NamedTuple):
    """What became of a grant: how much of it was used, more than it held too, and how long ago last."""

    grant: int
    used: int
    ago_s: float = 0.0


class Grant(NamedTuple):
    """A part of a pool, to be spent by who took it within ``life_s`` of the time before asking.

    ``amount`` 0 is a refusal, and ``wait_s`` the time after which asking again may help: ``inf`` for
    never. ``left`` is what the pool has beyond it.
    """

    amount: int
    id: int
    left: int
    wait_s: float = 0.0


class Leases(Protocol):
    """Parts of pools, each step atomic for all processes that share the store.

    Times are the store's own, and do not follow a clock that is set. StoreDownError where it cannot
    be reached; nothing is known then of what it did, which at its worst counts too much.
    """

    async def take(
        self, pool: Pool, want: int, *, least: int = 1, share: int = 1, spent: Sequence[Spent] = ()
    ) -> Grant:
        """Settle ``spent``; then ``want`` at most, ``least`` at least, or nothing.

        A grant over ``least`` is no more than what is left divided by ``share``, so that parts shrink
        as the rest does. ``want`` 0 only asks how much is left.
        """
        ...

    async def settle(self, pool: Pool, spent: Sequence[Spent]) -> None:
        """Give back what was not used. A grant is settled once; again, or an unknown one: ignored."""
        ...

    async def renew(self, pool: Pool, grants: Sequence[int]) -> Sequence[int]:
        """Let these grants live ``life_s`` from now; those of them that were still there."""
        ...

    async def aclose(self) -> None: ...


class Cache(Protocol):
    """Values for a while, the oldest thrown out where there are too many bytes of them.

    StoreDownError where it cannot be reached.
    """

    async def get(self, key: str) -> bytes | None: ...
    async def put(self, key: str, value: bytes, *, life_s: float) -> None: ...
    async def drop(self, key: str) -> None: ...
    async def aclose(self) -> None: ...


class Record(NamedTuple):
    """``id`` grows with every record of its stream; ``time`` is the store's, in Unix seconds."""

    id: int
    key: str
    time: float
    data: bytes


class Records(Protocol):
    """What happened, in order, by stream (``breakers``, ``experiments``) and key.

    StoreDownError where it cannot be reached.
    """

    async def append(
        self, stream: str, entries: Sequence[tuple[str, bytes]], *, life_s: float | None = None
    ) -> int:
        """Add (key, data) pairs, all or none; the last one's id. ``None``: they stay."""
        ...

    async def query(
        self,
        stream: str,
        *,
        key: str | None = None,
        after: int = 0,
        limit: int = 1000,
        newest: bool = False,
    ) -> list[Record]:
        """Those with a greater id than ``after``, the oldest first, or the newest ``limit`` of them.

        Nothing that is added later has an id below one that was seen.
        """
        ...

    def watch(self, stream: str, *, after: int | None = None) -> AsyncIterator[list[Record]]:
        """Batches of what is added from now on (or after an id), within a second, without end.

        A store that goes away is waited for; what was added meanwhile is not missed.
        """
        ...

    async def aclose(self) -> None: ...


class Clock(Protocol):
    def monotonic(self) -> float: ...
    def time(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...
