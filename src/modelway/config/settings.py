"""What a configuration means: immutable values, complete and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from modelway.call import Backoff, Credential, Deployment, Timeouts
from modelway.catalog.models_overrides import Overrides
from modelway.catalog.rows import Provider
from modelway.config.problems import Problem
from modelway.local.settings import LocalSettings

if TYPE_CHECKING:
    from modelway.auth import AwsSettings, EntraSettings, GoogleSettings


class Limits(Struct, frozen=True, kw_only=True):
    """What may be sent to a provider; ``None``: as much as it takes."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    requests_per_day: int | None = None
    concurrent: int | None = None


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
    inherits_fallbacks: bool = True
    """Whether ``fallback_providers`` follow; not where the route says its own, even an empty list."""
    problem: str | None = None
    """Why it has no deployments: the provider's own problem."""


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """How ``modelway serve`` listens."""

    host: str = "127.0.0.1"
    port: int = 4000
    keys: tuple[Credential, ...] = ()
    """Keys that callers may show; none: a local key is made at the first start."""
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
    overrides: Overrides = Overrides()
    """What is said of models against, or beyond, what comes with modelway."""
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    transport: TransportSettings = field(default_factory=TransportSettings)
    not_found: str | None = None
    """What the environment names, and was looked for in vain, with what to do about it."""
    notices: tuple[Problem, ...] = ()
    origins: tuple[Origin, ...] = ()
    source: str = "environment"
