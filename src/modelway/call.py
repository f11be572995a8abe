"""The envelope of one operation on its way through the engine, and what it is sent to.

A ``Call`` travels down the onion, a ``Reply`` comes back; both are frozen, and a middleware that
changes one makes a new one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sized
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from msgspec import Struct

from modelway.catalog.rows import Provider, Quirks
from modelway.errors import LLMError
from modelway.framing.fields import Fields
from modelway.retrieval import EmbedRequest, RerankRequest
from modelway.types import Attempt, CallWarning, ChatRequest, StreamEvent, Trace, Usage

Operation: TypeAlias = Literal[
    "chat", "complete", "embed", "rerank", "count_tokens", "models", "model", "pass"
]
"""``complete``: legacy text completion; ``models``: a provider's list; ``model``: one of its models;
``pass``: an endpoint that is not modelled, whose bytes go as they are."""

Question: TypeAlias = ChatRequest | EmbedRequest | RerankRequest


class Credential(Struct, frozen=True, kw_only=True):
    """A secret and its public name. The secret is in no ``repr``, log or error."""

    name: str
    secret: str = ""

    def __repr__(self) -> str:
        return f"Credential(name={self.name!r})"


class Timeouts(Struct, frozen=True, kw_only=True):
    """Seconds. ``first_byte`` counts from the request's last byte, ``idle`` between bytes after it."""

    connect_s: float = 10.0
    first_byte_s: float = 60.0
    idle_s: float = 60.0
    total_s: float = 600.0


class Backoff(Struct, frozen=True, kw_only=True):
    """When and how long to wait before the same deployment is tried again."""

    attempts: int = 3
    """Attempts at one deployment, the first included."""
    base_s: float = 1.0
    cap_s: float = 30.0
    factor: float = 2.0
    jitter: Literal["full", "none"] = "full"
    retry_on: tuple[str, ...] = ("UnavailableError",)
    """Names of error classes, of the tree in ``errors``, that are tried again."""


class Limits(Struct, frozen=True, kw_only=True):
    """How much may be sent; ``None``: without bound. Minutes and days are rolling windows."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    requests_per_day: int | None = None
    concurrent: int | None = None


class Target(Struct, frozen=True, kw_only=True):
    """What an encoder must know of where its bytes go."""

    model: str
    quirks: Quirks = Quirks()
    max_output_tokens: int | None = None
    """The model's own cap, for dialects that require one."""
    places: dict[str, str] = {}
    """Parts of the host's address: ``region``, ``project``, ``location``, ``resource``, ``api_version``."""
    body: dict[str, Any] = {}
    """Fields that the operator adds to every request's body."""


class Deployment(Struct, frozen=True, kw_only=True):
    """A configured (provider, model, credential) that traffic can be sent to."""

    id: str
    """Unique within a configuration: ``provider/model``, with ``#n`` where several are alike."""
    provider: Provider
    dialect: str
    target: Target
    credential: Credential = Credential(name="none")
    base_model: str | None = None
    """Which catalogued model stands behind a name of the operator's own, for prices and capabilities."""
    base_url: str
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    timeouts: Timeouts = Timeouts()
    backoff: Backoff = Backoff()
    weight: float = 1.0
    priority: int = 0
    supports_streaming: bool = True
    limits: Limits | None = None
    """Of this deployment alone; its provider and its credential may have others."""
    defaults: dict[str, Any] = {}
    """ChatRequest fields for requests that do not set them; never for a client's own bytes."""
    also: dict[str, str] = {}
    """The host's other dialects, each with its base URL: for clients and operations that need them."""

    @property
    def model(self) -> str:
        """The model's name on the wire."""
        return self.target.model


class Options(Struct, frozen=True, kw_only=True):
    """What a caller may say about how a call is made, apart from what is asked."""

    timeout_s: float | None = None
    retries: int | None = None
    """Repeated attempts at one deployment; ``None``: as configured."""
    fallbacks: tuple[str, ...] | None = None
    """Models to try after the one asked for; ``()``: none; ``None``: as configured."""
    strict: bool = False
    """Refuse instead of warn when something asked for cannot be sent, or a fallback would lose it."""
    models: tuple[str, ...] = ()
    """What the strategy chooses from, instead of the model that is asked for."""
    strategy: str | None = None
    """How it chooses; ``None``: as configured."""
    priority: int = 0
    """Where limits make requests wait, higher ones go first."""
    max_wait_s: float | None = None
    """How long they may make it wait; ``None``: as configured."""
    session: str | None = None
    """Calls of one session stay at one deployment while it is healthy."""
    unit: str | None = None
    """For whom experiments choose an arm, always the same: a user's or a document's id."""
    single_flight: bool | None = None
    """Share one answer among identical calls that are open at once; ``None``: as configured."""
    hedge: bool | None = None
    """Ask a second deployment when the first is slow; ``None``: as configured."""
    trace: bool = False
    """Tell with the answer how it came about."""
    cache: Literal["use", "refresh", "only", "off"] | None = None
    """Answer from what is kept; ask anew, and keep that; answer from what is kept or not at all; or do
    neither. ``None``: as configured."""
    cache_life_s: float | None = None
    """How long this answer may be kept; never longer than is configured."""
    cache_max_age_s: float | None = None
    """How old an answer may be that is kept already."""


class Body(Struct, frozen=True, kw_only=True):
    """A client's own bytes, split once. They are the truth until somebody needs the value."""

    dialect: str
    fields: Fields
    size_bytes: int = 0


class Passing(Struct, frozen=True, kw_only=True):
    """A request to an endpoint that is not modelled: everything but where it goes and whose key."""

    method: str
    path: str
    """Below the provider's base URL, percent-encoded, without ``.`` and ``..``."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: str = ""
    body: bytes = b""


class Payer(Struct, frozen=True, kw_only=True):
    """On whose account a call is, beside its tenant and key: budgets and the ledger know it by these.

    In a gateway the operator's keys say it, never a request by itself.
    """

    team: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()


NO_PAYER = Payer()


class Call(Struct, frozen=True, kw_only=True):
    """One operation on its way. At least one of ``request``, ``body`` and ``passing`` is there."""

    id: str
    operation: Operation = "chat"
    model: str
    """As the caller wrote it; a provider's name and ``/`` for what asks no model."""
    stream: bool = False
    request: Question | None = None
    body: Body | None = None
    passing: Passing | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """The caller's headers that a same-dialect provider is meant to see (``anthropic-beta`` …)."""
    query: str = ""
    tenant: str = "local"
    key: str = ""
    """The public name of the caller's key."""
    payer: Payer = NO_PAYER
    options: Options = Options()
    task: Any = None
    """What somebody has found out that it asks for, a ``policies.task.Task``."""
    only: str | None = None
    """The deployment that must answer, by its id: it keeps what the call goes on from."""
    trace_parent: str = ""
    """The W3C ``traceparent`` of the span that it is part of; ``""``: none."""
    trace_state: str = ""


class Assigned(NamedTuple):
    """A call for the model that it is to ask; the rest is empty where there is no experiment."""

    call: Call
    experiment: str = ""
    arm: str = ""
    unit: str = ""


Settled: TypeAlias = Callable[["Usage | None", "LLMError | None"], None]
"""Told once, when a stream is over: what was used, and why it ended early if it did."""


class Stream(Protocol):
    """A streamed answer. Iterate it once, to its end or until ``aclose``, which is always safe."""

    @property
    def usage(self) -> Usage | None:
        """What has been said of it so far."""
        ...

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        ...

    @property
    def billed(self) -> bool:
        """Whether ``usage`` is that of the whole answer, be it read to its end or not."""
        ...

    on_settled: list[Settled]
    on_batch: list[Callable[[Sized], None]]
    """Called with each batch that is handed on, while it is."""

    @property
    def received_chars(self) -> int | None:
        """Generated characters so far, where they are counted on the way; else ``None``."""
        ...

    async def aclose(self) -> None: ...


class ByteStream(Stream, Protocol):
    """Whole events of the client's own dialect, batched as they arrive."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class EventStream(Stream, Protocol):
    """Decoded events, batched as they arrive."""

    def __aiter__(self) -> AsyncIterator[list[StreamEvent]]: ...


class Reply(Struct, frozen=True, kw_only=True):
    """What came back: exactly one of ``value``, ``body``, ``events`` and ``chunks``."""

    deployment: Deployment
    value: Any = None
    """A decoded answer: ``ChatResponse``, ``EmbedResponse``, ``RerankResponse``, ``TokenCount``,
    ``ModelListing``, or a tuple of those."""
    body: bytes | None = None
    """A whole answer in the client's own dialect, as the provider wrote it."""
    events: EventStream | None = None
    chunks: ByteStream | None = None
    status: int = 200
    """The provider's, of what was passed through."""
    usage: Usage | None = None
    warnings: tuple[CallWarning, ...] = ()
    request_id: str | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """The provider's response headers."""
    failed: tuple[Attempt, ...] = ()
    """The attempts before the one that answered, and what was passed over."""
    trace: Trace | None = None
    """How the answer came about, where the call asks for it."""
    cached: Literal["", "exact", "semantic"] = ""
    """Whether it is an answer that was kept, and by what it was found."""
    age_s: float = 0.0
    """Of an answer that was kept."""
    upstream_s: float = 0.0
    """How long providers had it, the attempts that failed and the pauses between them among that."""
    waited_s: float = 0.0
    """How long limits held it back."""
