"""What a configuration means: immutable values, complete and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from modelway.call import NO_PAYER, Backoff, Credential, Deployment, Limits, Payer, Timeouts
from modelway.catalog.models_overrides import Overrides
from modelway.catalog.rows import Provider
from modelway.config.problems import Problem
from modelway.experiments.values import Experiment
from modelway.ledger.values import LedgerSettings
from modelway.local.settings import LocalSettings
from modelway.observe.settings import MetricsSettings, TelemetrySettings
from modelway.policies.breaker.values import BreakerSettings
from modelway.policies.budget.values import Budget
from modelway.policies.caching.values import CacheSettings
from modelway.policies.limits.values import Queueing
from modelway.policies.routing.scores import Score
from modelway.policies.task.rules import RULES, TaskRule

if TYPE_CHECKING:
    from modelway.auth import AwsSettings, EntraSettings, GoogleSettings


class ConfiguredProvider(Struct, frozen=True, kw_only=True):
    """A provider that may be used, with everything that holds for all its models."""

    name: str
    row: Provider
    base_url: str
    dialect: str
    credentials: tuple[Credential, ...]
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    body: dict[str, Any] = {}
    """Fields added to every request's body."""
    timeouts: Timeouts = Timeouts()
    backoff: Backoff = Backoff()
    limits: Limits | None = None
    """Of all its credentials together."""
    key_limits: Limits | None = None
    """Of each credential by itself."""
    priority: int = 0
    signing: AwsSettings | GoogleSettings | EntraSettings | None = None
    """Whose credentials authorise requests, where there is no key."""
    also: dict[str, str] = {}
    """The host's other dialects, each with its base URL; none where the configuration named one."""
    places: dict[str, str] = {}
    """Parts of the host's address."""
    default_model: str | None = None
    embedding_model: str | None = None
    supports_streaming: bool = True
    defaults: dict[str, Any] = {}
    """ChatRequest fields for requests that do not set them."""
    local: LocalSettings | None = None
    """How its models run, where they do so in this process."""
    problem: str | None = None
    """Why it cannot be used now: ``OPENAI_API_KEY is not set``."""


class Route(Struct, frozen=True, kw_only=True):
    """What answers to a model's name."""

    name: str
    strategy: str = "ordered"
    deployments: tuple[Deployment, ...]
    fallbacks: tuple[str, ...] = ()
    """Names to resolve and try, in this order, when none of the deployments answers."""
    on_context_length: tuple[str, ...] = ()
    """Instead of ``fallbacks``, where the model's window is too short."""
    on_content_filter: tuple[str, ...] = ()
    """Instead of ``fallbacks``, where the provider's filter refuses."""
    inherits_fallbacks: bool = True
    """Whether ``fallback_providers`` follow; not where the route says its own, even an empty list."""
    problem: str | None = None
    """Why it has no deployments: the provider's own problem."""


class StoreSettings(Struct, frozen=True, kw_only=True):
    """Where processes keep the state that they share."""

    url: str = "memory:"
    when_down: Literal["open", "closed"] = "open"
    """Whether limits hold each process by itself while the store is away, or refuse everything."""
    timeout_s: float = 1.0

    def __repr__(self) -> str:
        return f"StoreSettings(scheme={self.url.partition(':')[0]!r}, when_down={self.when_down!r})"


class HealthSettings(Struct, frozen=True, kw_only=True):
    """How providers are looked after."""

    active: bool | None = None
    """Whether they are asked how they are; ``None``: by the gateway, not by a client."""
    interval_s: float = 30.0
    first_s: float = 1.0
    timeout_s: float = 10.0
    jitter: float = 0.2
    """The share of the interval by which a check may come earlier or later."""
    down_after: int = 3
    """Failures in a row after which a provider is down."""
    up_after: int = 2
    """Successes in a row after which it is healthy again."""
    degraded_over_s: float | None = None
    """Answers to a check that take longer make it degraded."""


class HedgingSettings(Struct, frozen=True, kw_only=True):
    """When a second deployment is asked because the first is slow."""

    enabled: bool = False
    after_s: float | None = None
    """``None``: as long as 95 of 100 answers take there."""
    share: float = 0.05
    """The most of all requests that may be asked twice, and of their estimated cost."""


class Caller(Struct, frozen=True, kw_only=True):
    """A key that callers may show, and what holds for it."""

    credential: Credential
    tenant: str = "local"
    payer: Payer = NO_PAYER
    may_say: tuple[Literal["user", "tags"], ...] = ()
    """What its requests may say of the payer themselves."""
    limits: Limits | None = None
    admin: bool = False
    """Whether it may reload the configuration and reset breakers."""
    priority: int = 0
    """Of its requests where limits make them wait; they may ask for a lower one themselves."""


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """How ``modelway serve`` listens."""

    host: str = "127.0.0.1"
    port: int = 4000
    keys: tuple[Caller, ...] = ()
    """Keys that callers may show; none: a local key is made at the first start."""
    trace: bool = False
    """Whether every answer carries its way through the deployments, also where nobody asks for it."""
    watch: bool = True
    """Whether a changed configuration file is loaded at once."""
    max_body_bytes: int = 32 * 1024 * 1024
    responses_life_s: float = 30 * 86_400.0
    """How long responses are kept for clients that ask for it (``store``)."""
    drain_s: float = 30.0
    """How long open requests may take to end after SIGTERM."""


class TransportSettings(Struct, frozen=True, kw_only=True):
    """How providers are connected to."""

    idle_connections_per_host: int = 10
    idle_s: float = 30.0
    ca_file: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    fetch_max_bytes: int = 20 * 1024 * 1024
    """The most that is fetched for one part that a message names by URL."""
    fetch_trusted: tuple[str, ...] = ()
    """Private places, as base URLs, that messages may name."""


class Origin(Struct, frozen=True, kw_only=True):
    """A value in force and where it came from; a secret is masked."""

    path: str
    value: str
    origin: str
    """``modelway.yaml:12``, ``environment OPENAI_API_KEY``, ``provider row openai``, ``default``."""


class Settings(Struct, frozen=True, kw_only=True):
    """A whole configuration."""

    providers: dict[str, ConfiguredProvider] = {}
    routes: dict[str, Route] = {}
    default_model: str | None = None
    """As written or as the environment says; ``resolve.default_model`` knows the rest."""
    default_provider: str | None = None
    fallback_providers: tuple[str, ...] = ()
    strategy: str = "ordered"
    defaults: dict[str, Any] = {}
    tenants: dict[str, Limits] = {}
    queue: Queueing = Queueing()
    breaker: BreakerSettings = BreakerSettings()
    health: HealthSettings = HealthSettings()
    hedging: HedgingSettings = HedgingSettings()
    single_flight: bool = False
    """Whether identical calls that are open at once share an answer, where they do not say."""
    store: StoreSettings = StoreSettings()
    experiments: tuple[Experiment, ...] = ()
    scores: dict[str, Score] = {}
    """The operator's own, by model or deployment."""
    tasks: tuple[TaskRule, ...] = RULES
    task_model: str | None = None
    """Who is asked what a call's task is; ``None``: rules say it."""
    budgets: tuple[Budget, ...] = ()
    ledger: LedgerSettings = LedgerSettings()
    cache: CacheSettings = CacheSettings()
    metrics: MetricsSettings = MetricsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    overrides: Overrides = Overrides()
    """What is said of models against, or beyond, what comes with modelway."""
    price_file: Path | None = None
    """Where some of that is written down, beside the configuration."""
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    transport: TransportSettings = field(default_factory=TransportSettings)
    not_found: str | None = None
    """What the environment names, and was looked for in vain, with what to do about it."""
    notices: tuple[Problem, ...] = ()
    origins: tuple[Origin, ...] = ()
    source: str = "environment"
