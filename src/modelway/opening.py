"""How an engine comes to be, for SDK, gateway and command line alike: load, look around, connect."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec.structs import replace

from modelway.bookkeeping import Alarms, begin_books
from modelway.clock import SystemClock
from modelway.config.load import find, load
from modelway.config.resolve import default_model
from modelway.config.settings import (
    ConfiguredProvider,
    Settings,
    StoreSettings,
    TransportSettings,
)
from modelway.config.variables import yes_or_no
from modelway.engine import Engine
from modelway.errors import ConfigError
from modelway.local.settings import LocalModels, LocalSettings
from modelway.local.transport import LocalTransport
from modelway.ports import Fetch, Observer, Signer, Transport
from modelway.standing_in import Rerouted
from modelway.state import State
from modelway.store import Store
from modelway.transport.fetch import Fetcher
from modelway.transport.http1 import Http1Transport
from modelway.transport.routes import choose_transport
from modelway.transport.settings import TLS, PoolLimits
from modelway.transport.url import parse_base_url
from modelway.version import VERSION

if TYPE_CHECKING:
    from modelway import cassettes

TokenCallback: TypeAlias = Callable[[], str | Awaitable[str]]
NO_TOKENS: Mapping[str, TokenCallback] = {}

Config: TypeAlias = str | Path | Mapping[str, Any] | Settings | None
"""A file's path, a mapping, loaded settings; ``None``: a file found, else the environment."""

Embedded: TypeAlias = Literal["never", "if_nothing_else"]
"""Whether the simulator stands in, in this process, when there is no key and no local server."""

SIMULATOR = "simulator"
LOCAL = "local"
_SAYS_SO = (
    "no provider's key is set and no local server was found, so modelway's own simulator answers: "
    "its words mean nothing. Set a key, such as OPENAI_API_KEY, or start a local server."
)


class Opened:
    """An engine at work. ``notices`` are for the person who started it."""

    def __init__(self, engine: Engine, notices: tuple[str, ...], making: _Making) -> None:
        self.engine = engine
        self.notices = notices
        self._making = making
        self._reloading = asyncio.Lock()

    @property
    def file(self) -> Path | None:
        """The configuration's file, where it is one."""
        return self._making.file

    @property
    def on_tape(self) -> bool:
        """Whether a cassette is recorded or replayed, or no socket may be opened.

        Nothing is asked then that no caller asks.
        """
        return self._making.on_tape

    async def reload(
        self, config: Config = None, *, check: Callable[[Settings], None] | None = None
    ) -> Engine:
        """Go on by the configuration as it is now, or by this one: all of it, or an error and nothing.

        Calls that are under way end as they began. Limits, breakers, what was spent, figures and
        connections stay. The store, ledger, telemetry and the transport's settings are those of the
        start; a change of them is an error, too. ``check`` may raise to refuse what would be in force.
        """
        async with self._reloading:
            self.engine, self.notices = await self._making.successor(self.engine, config, check)
            return self.engine

    async def aclose(self) -> None:
        """Close the engine's connections and what was started for it. Safe to repeat."""
        self.engine.retire()
        await self._making.resources.aclose()


async def open_engine(
    config: Config = None,
    *,
    environment: Mapping[str, str] | None = None,
    observers: Sequence[Observer] = (),
    transport: Transport | None = None,
    embedded: Embedded = "never",
    any_file: bool = False,
    tokens: Mapping[str, TokenCallback] = NO_TOKENS,
    ledger: bool = False,
    metrics: bool = False,
    offline: bool = False,
    store: str | None = None,
) -> Opened:
    """Load, and where nothing is configured look for local servers. Raises what ``load`` raises.

    Providers named ``simulator`` and ``local`` are always there. The simulator is started in this
    process when it is first asked, unless one listens at its place or ``transport`` is given; ``local``
    runs models in this process, unless ``transport`` is given. A cassette that the environment names is
    recorded to or replayed, unless ``transport`` is given. ``any_file``: such models may be any file,
    not only those that are configured; never for the requests of others. ``tokens``: a provider's name
    → who gives its bearer token when a request needs one. ``ledger``, ``metrics``: keep them unless the
    configuration says otherwise. ``offline``: open no socket: what is kept, on a cassette or runs in
    this process answers; so it is where ``MODELWAY_OFFLINE`` is set. ``store``: the URL of the one that
    processes share where the configuration names none.
    """
    environment = os.environ if environment is None else environment
    cassette = _cassette(environment) if transport is None else None
    if cassette is not None and cassette.mode == "replay":
        return await _replaying(cassette, config, environment, observers)
    settings = config if isinstance(config, Settings) else load(config, environment=environment)
    offline = offline or _said_offline(environment)
    making = _Making(
        config,
        environment,
        observers,
        tokens,
        any_file=any_file,
        embedded="never" if offline else embedded,
        offline=offline,
        store=store,
    )
    try:
        await making.begin(settings, transport, cassette, ledger=ledger, metrics=metrics)
        engine, notices = await making.engine(settings)
        await making.start()
    except BaseException:
        await making.resources.aclose()
        raise
    return Opened(engine, notices, making)


def _said_offline(environment: Mapping[str, str]) -> bool:
    written = environment.get("MODELWAY_OFFLINE", "").strip()
    said = yes_or_no(written) if written else False
    if said is None:
        raise ConfigError(f"MODELWAY_OFFLINE is 1 or 0, and not {written[:40]!r}")
    return said


class _Making:
    """What the engines of one process have in common, and how the next one is made."""

    def __init__(
        self,
        config: Config,
        environment: Mapping[str, str],
        observers: Sequence[Observer],
        tokens: Mapping[str, TokenCallback],
        *,
        any_file: bool,
        embedded: Embedded,
        replays: bool = False,
        offline: bool = False,
        store: str | None = None,
    ) -> None:
        self.resources = AsyncExitStack()
        self._taped: tuple[str, ...] = ()
        self._replays = replays
        self._offline = offline
        self._store = store
        self._config = config
        self._environment = environment
        self._observers = observers
        self._tokens = tokens
        self._any_file = any_file
        self._embedded = embedded
        self._local: LocalTransport | None = None
        self._unproxied: Transport | None = None
        """Made once, however often the configuration is loaded."""
        self._clock = SystemClock()
        self._vectors_at: str | None = None

    @property
    def on_tape(self) -> bool:
        return self._replays or self._offline or bool(self._taped)

    @property
    def file(self) -> Path | None:
        if isinstance(self._config, str | Path):
            return Path(self._config)
        return None if self._config is not None else find(self._environment)

    async def begin(
        self,
        settings: Settings,
        transport: Transport | None,
        cassette: cassettes.Choice | None,
        *,
        ledger: bool,
        metrics: bool,
    ) -> None:
        """Open what outlives a configuration."""
        if settings.cache.enabled and settings.cache.semantic is not None:
            self._vectors_at = settings.cache.semantic.url
        self._own = transport is None
        if self._offline:
            from modelway.transport.offline import OfflineTransport  # noqa: PLC0415  # rarely

            transport = self._local = LocalTransport(
                OfflineTransport(), {}, engines=Http1Transport()
            )
        elif transport is None:
            usual = parse_base_url(_unconfigured(SIMULATOR, {}).base_url)[0]
            direct = _transport(settings.transport, self._environment)
            transport = Rerouted(direct, self.resources, usual)
            transport = self._local = LocalTransport(transport, {})
        self.resources.push_async_callback(transport.aclose)
        self._transport: Transport = transport
        self._fetch: Fetch = self._fetcher(settings.transport)
        self._direct: Transport = transport  # on no tape
        self._cassette = cassette
        store = await _store(settings, self._store, offline=self._offline)
        self.state = State(settings, self._clock, store)
        self.resources.push_async_callback(self.state.aclose)
        await begin_books(
            self.state,
            settings,
            self._environment,
            self._clock,
            ledger=ledger,
            metrics=metrics,
        )
        alarms = Alarms(self.state, self._direct, self._clock)
        self.resources.push_async_callback(alarms.aclose)
        if settings.telemetry.enabled and not self._offline:
            from modelway.observe.otel.opening import open_telemetry  # noqa: PLC0415  # few do

            self.state.telemetry = open_telemetry(
                settings.telemetry, environment=self._environment, version=VERSION
            )

    async def start(self) -> None:
        """Begin what works beside calls: an engine is there to be told of it."""
        if self.state.shares:
            await self.state.start()
        if self.state.ledger is not None:
            await self.state.ledger.start()

    def _fetcher(self, said: TransportSettings) -> Fetch:
        if self._offline:
            from modelway.transport.offline import fetch_nothing  # noqa: PLC0415  # rarely

            return fetch_nothing
        fetcher = Fetcher(
            trusted=[parse_base_url(url)[0] for url in said.fetch_trusted],
            max_bytes=said.fetch_max_bytes,
            tls=TLS(ca_file=said.ca_file),
        )
        self.resources.push_async_callback(fetcher.aclose)
        return fetcher

    async def engine(self, settings: Settings) -> tuple[Engine, tuple[str, ...]]:
        """An engine by these settings, and what its user should know."""
        notices: list[str] = []
        looks = settings.source == "environment" and not self._offline
        if looks and default_model(settings) is None:
            settings = await _look_around(
                settings, self._direct, self._environment, self._embedded, notices
            )
        if SIMULATOR not in settings.providers:
            settings = _with(settings, _simulator(self._environment, default=False))
        if LOCAL not in settings.providers:
            settings = _with(settings, _unconfigured(LOCAL, self._environment))
        if self._cassette is not None:
            self._tape(self._cassette, settings)
        signers = self._signers(settings)
        engine = Engine(
            settings,
            self._transport,
            observers=self._observers,
            fetch=self._fetch,
            signers=signers,
            state=self.state,
        )
        if self._local is not None:
            self._local.adopt(_in_process(settings, self._any_file))
        return engine, (*notices, *self._taped)

    def _signers(self, settings: Settings) -> dict[str, Signer]:
        """Who authorises the requests of providers without a key, by their names.

        This machine's own endpoints are asked without the transport's proxy.
        """
        needing = {name: one.signing for name, one in settings.providers.items() if one.signing}
        if unknown := self._tokens.keys() - settings.providers:
            raise ConfigError(
                f"a token is given for {min(unknown)!r}, which is no configured provider"
            )
        if not needing and not self._tokens:
            return {}
        from modelway.auth import Surroundings, callback_signer  # noqa: PLC0415  # few need it
        from modelway.auth.choose import signer  # noqa: PLC0415

        if self._unproxied is None:
            self._unproxied = self._direct
            if self._own:
                self._unproxied = Http1Transport()
                self.resources.push_async_callback(self._unproxied.aclose)
        around = Surroundings(self._direct, self._clock, self._environment, self._unproxied)
        found = {name: signer(signing, around) for name, signing in needing.items()}
        return found | {name: callback_signer(callback) for name, callback in self._tokens.items()}

    def _tape(self, cassette: cassettes.Choice, settings: Settings) -> None:
        """Write down what reaches the world from here on; a cassette is begun once."""
        from modelway import cassettes  # noqa: PLC0415  # only where one is named

        self._cassette = None
        taped = cassettes.taping(cassette, self._transport, self._fetch, settings)
        self._transport, self._fetch, self._taped = taped
        self.resources.push_async_callback(self._transport.aclose)

    async def successor(
        self, before: Engine, config: Config, check: Callable[[Settings], None] | None
    ) -> tuple[Engine, tuple[str, ...]]:
        """The engine after this one, which ends when its last call does."""
        if self._replays:
            raise ConfigError(
                "a cassette is replayed as it was begun: start anew to change anything"
            )
        source = self._config if config is None else config
        settings = (
            source if isinstance(source, Settings) else load(source, environment=self._environment)
        )
        for name in ("store", "transport", "ledger", "telemetry"):
            if getattr(settings, name) != getattr(before.settings, name):
                raise ConfigError(f"`{name}` cannot change while modelway runs: start it anew")
        semantic = settings.cache.semantic if settings.cache.enabled else None
        if semantic is not None and semantic.url != self._vectors_at:
            raise ConfigError(
                "`cache.semantic.url` cannot change while modelway runs: start it anew"
            )
        if check is not None:
            check(settings)
        made = await self.engine(settings)
        self._config = source
        await self.state.adopt(settings)
        before.retire()
        return made


async def _store(settings: Settings, instead: str | None, *, offline: bool) -> Store | None:
    """The store that the configuration names, or else this; ``None``: this process keeps to itself."""
    said = settings.store
    url = said.url if said.url != StoreSettings().url else instead
    if url is None or (offline and not url.startswith("sqlite:")):
        return None
    from modelway.store.opening import open_store  # noqa: PLC0415  # only where one is named

    return await open_store(url, timeout_s=said.timeout_s)


def _cassette(environment: Mapping[str, str]) -> cassettes.Choice | None:
    if not environment.get("MODELWAY_CASSETTE"):
        return None
    from modelway import cassettes  # noqa: PLC0415  # only where one is named

    return cassettes.chosen(environment)


async def _replaying(
    cassette: cassettes.Choice,
    config: Config,
    environment: Mapping[str, str],
    observers: Sequence[Observer],
) -> Opened:
    """An engine that has nothing but a cassette: no look around, no key, no connection."""
    from modelway import cassettes  # noqa: PLC0415

    settings, player, fetch, notices = cassettes.replaying(
        cassette,
        environment,
        lambda keyless: (
            config if isinstance(config, Settings) else load(config, environment=keyless)
        ),
    )
    making = _Making(config, {}, observers, {}, any_file=False, embedded="never", replays=True)
    engine = Engine(settings, player, observers=observers, fetch=fetch)
    making.resources.push_async_callback(player.aclose)
    making.resources.push_async_callback(engine.state.aclose)
    return Opened(engine, notices, making)


async def _look_around(
    settings: Settings,
    transport: Transport,
    environment: Mapping[str, str],
    embedded: Embedded,
    notices: list[str],
) -> Settings:
    from modelway.config import discovery  # noqa: PLC0415  # only where nothing else is to be had

    found = await discovery.probe(discovery.fetching(transport), environment)
    settings = replace(
        discovery.adopt(settings, found), not_found=discovery.not_found(found, environment)
    )
    if settings.not_found:
        notices.append(settings.not_found)
    if not settings.providers and embedded == "if_nothing_else":
        notices.append(_SAYS_SO)
        return _with(settings, _simulator(environment, default=True))
    return settings


def _transport(said: TransportSettings, environment: Mapping[str, str]) -> Transport:
    tls = TLS(
        ca_file=said.ca_file,
        certificate_file=said.client_certificate,
        key_file=said.client_key,
    )
    limits = PoolLimits(idle_per_host=said.idle_connections_per_host, idle_s=said.idle_s)
    return choose_transport(environment, tls=tls, limits=limits)


def _with(settings: Settings, provider: ConfiguredProvider) -> Settings:
    providers = {**settings.providers, provider.name: provider}
    return replace(settings, providers=providers)


def _simulator(environment: Mapping[str, str], *, default: bool) -> ConfiguredProvider:
    """The simulator as a provider; unless it is the default, it must be named to be asked."""
    provider = _unconfigured(SIMULATOR, environment)
    return provider if default else replace(provider, default_model=None)


def _unconfigured(name: str, environment: Mapping[str, str]) -> ConfiguredProvider:
    """A provider that nobody wrote down, at its usual place or where its variable says."""
    named = {key: environment[key] for key in ("SIMULATOR_URL",) if environment.get(key)}
    return load({"providers": {name: {}}}, environment=named).providers[name]


def only_named(provider: ConfiguredProvider) -> bool:
    """Whether it is there to be named, and nobody configured it: not to be listed with the others."""
    usual = provider.row.name == LOCAL and provider.local == LocalSettings()
    return not provider.default_model and (usual or provider.row.name == SIMULATOR)


def _in_process(settings: Settings, any_file: bool) -> dict[str, LocalModels]:
    """What may run here: what a configuration names as a model, and what each directory holds."""
    named: dict[str, set[str]] = {}
    for route in settings.routes.values():
        for deployment in route.deployments:
            named.setdefault(deployment.provider.name, set()).add(deployment.model)
    return {
        name: LocalModels(
            settings=one.local,
            named=frozenset(
                {*named.get(name, ()), *one.row.models, one.default_model or ""} - {""}
            ),
            any_file=any_file,
        )
        for name, one in settings.providers.items()
        if one.local is not None
    }
