"""Recording and replaying as the environment asks for it: for SDK, command line and gateway alike.

It is no transport itself: those are in ``transport.cassette``.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from msgspec import UNSET, Struct
from msgspec.structs import replace

from modelway.catalog import load as catalogue
from modelway.catalog.rows import Provider
from modelway.config.load import load
from modelway.config.settings import ConfiguredProvider, Settings
from modelway.dialects import dialect
from modelway.errors import ConfigError, LLMError
from modelway.ports import Fetch, Origin, Transport, WireRequest
from modelway.transport.cassette import Auto, Cassette, Matching, Player, Recorder, read_cassette
from modelway.transport.cassette.fetched import FetchTransport, TransportFetch
from modelway.transport.cassette.format import Exchange, Source
from modelway.transport.url import parse_base_url

Mode: TypeAlias = Literal["record", "replay", "auto"]

PATH = "MODELWAY_CASSETTE"
MODE = "MODELWAY_CASSETTE_MODE"
MATCHING = "MODELWAY_CASSETTE_MATCHING"
SPEED = "MODELWAY_CASSETTE_SPEED"

_ANY_MODEL = "any0model"
_HOLDS_KEY = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD)$")


class Choice(Struct, frozen=True, kw_only=True):
    """Which cassette is used, and how. ``auto`` plays what is recorded, and records the rest."""

    path: Path
    mode: Mode = "replay"
    matching: Matching = "strict"
    speed: float = 1.0


def chosen(environment: Mapping[str, str]) -> Choice | None:
    """What the environment asks for; ConfigError for what it cannot mean."""
    path = environment.get(PATH, "").strip()
    if not path:
        return None
    return Choice(
        path=Path(path).expanduser(),
        mode=_word(environment, MODE, "replay", get_args(Mode)),
        matching=_word(environment, MATCHING, "strict", get_args(Matching)),
        speed=_speed(environment),
    )


def as_environment(choice: Choice) -> dict[str, str]:
    """The variables that ask for it."""
    return {
        PATH: str(choice.path),
        MODE: choice.mode,
        MATCHING: choice.matching,
        SPEED: f"{choice.speed:g}",
    }


def _word(environment: Mapping[str, str], name: str, default: str, known: tuple[Any, ...]) -> Any:
    said = environment.get(name, "").strip().casefold() or default
    if said not in known:
        raise ConfigError(f"{name} is {said!r}; it is one of: {', '.join(known)}")
    return said


def _speed(environment: Mapping[str, str]) -> float:
    said = environment.get(SPEED, "").strip() or "1"
    try:
        speed = float(said)
    except ValueError:
        speed = -1.0
    if not 0 <= speed < float("inf"):
        raise ConfigError(
            f"{SPEED} is {said!r}; it is a number: 1 as it was, 2 twice as fast, 0 at once"
        )
    return speed


# ---------------------------------------------------------------- recording


class Taped(NamedTuple):
    """What reaches the world, written down."""

    transport: Transport
    fetch: Fetch
    notices: tuple[str, ...]


def taping(choice: Choice, transport: Transport, fetch: Fetch, settings: Settings) -> Taped:
    """Recorders around both; in ``auto``, players before them."""
    known_secrets = _secrets(settings)
    recorders = [
        Recorder(transport, choice.path, secrets=known_secrets, source=_sources(settings)),
        Recorder(FetchTransport(fetch), choice.path, secrets=known_secrets),
    ]
    if choice.mode == "record":
        return Taped(recorders[0], TransportFetch(recorders[1]), (f"recording to {choice.path}",))
    known = read_cassette(choice.path) if _is_there(choice.path) else Cassette(choice.path)
    player = _player(choice, known, settings)
    told = f"answers come from {choice.path} where it has them, and are recorded where not"
    asking, fetching = [Auto(player, recorder) for recorder in recorders]
    return Taped(asking, TransportFetch(fetching), (told, *known.notices))


def _is_there(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _player(choice: Choice, cassette: Cassette, settings: Settings) -> Player:
    return Player(
        cassette, matching=choice.matching, speed=choice.speed, secrets=_secrets(settings)
    )


def _secrets(settings: Settings) -> list[str]:
    credentials = [one for known in settings.providers.values() for one in known.credentials]
    callers = [caller.credential for caller in settings.gateway.keys]
    return [one.secret for one in (*credentials, *callers) if one.secret]


def _sources(settings: Settings) -> Callable[[WireRequest], Source | None]:
    """Tells whom a request goes to: the provider whose place and wire it has, else whose place."""
    providers = settings.providers.values()
    deployments = [one for route in settings.routes.values() for one in route.deployments]
    asked = [(one.row, one.dialect, one.base_url, one.also) for one in providers]
    asked += [(one.provider, one.dialect, one.base_url, one.also) for one in deployments]
    known = dict.fromkeys([_source(row, name, place) for row, name, place, _ in asked])
    # the dialects that a host is asked in where its own will not do
    known |= dict.fromkeys(
        [_source(row, name, at) for row, _, _, also in asked for name, at in also.items()]
    )
    places = [
        (source, origin, prefix) for source in known for origin, prefix in _places(source.base_url)
    ]

    def find(request: WireRequest) -> Source | None:
        path = request.target.partition("?")[0]
        here = [
            (source, path.removeprefix(prefix))
            for source, origin, prefix in places
            if origin == request.origin and path.startswith(prefix)
        ]
        by_wire = [source for source, rest in here if _speaks(source.dialect, rest)]
        return next(iter([*by_wire, *[source for source, _ in here]]), None)

    return find


def _places(base_url: str) -> list[tuple[Origin, str]]:
    """Origin and prefix; none where an address is not complete, so that nobody can be asked there."""
    try:
        return [parse_base_url(base_url)]
    except ConfigError:
        return []


def _speaks(name: str, path: str) -> bool:
    """Whether the dialect has a path like this, whatever the model."""
    for codec in dialect(name).upstream.values():
        for stream in (False, True):
            own = codec.path(_ANY_MODEL, stream).partition("?")[0]
            before, model, after = own.partition(_ANY_MODEL)
            if path == own or (model and path.startswith(before) and path.endswith(after)):
                return True
    return False


def _source(row: Provider, dialect_name: str, base_url: str) -> Source:
    titled = [known.name for known in catalogue.providers().values() if known.title == row.title]
    like = row.name if row.name in titled else next(iter(titled), "openai-compatible")
    return Source(name=row.name, like=like, dialect=dialect_name, base_url=base_url)


# ---------------------------------------------------------------- replaying


class Replay(NamedTuple):
    """All that an engine needs of a cassette."""

    settings: Settings
    transport: Transport
    fetch: Fetch
    notices: tuple[str, ...]


def replaying(
    choice: Choice,
    environment: Mapping[str, str],
    loading: Callable[[Mapping[str, str]], Settings],
) -> Replay:
    """A cassette as all there is: its providers can be asked, without a configuration or a key.

    ``loading`` gives the settings that an environment amounts to. What a configuration says of a
    provider holds; what the environment alone would make of it does not.
    """
    cassette = read_cassette(choice.path)
    found = _recorded_sources(cassette)
    keyless = _Keyless(environment, {source.like for source, _ in found.values()})
    made = [_provider(source, models, keyless) for source, models in found.values()]
    recorded = {one.name: one for one in made if one is not None}
    settings = loading(keyless)
    if settings.source != "environment":
        settings = replace(settings, providers=recorded | settings.providers)
    else:
        settings = loading(environment)  # a made-up key would make a provider available
        settings = replace(settings, providers=settings.providers | recorded)
        if settings.default_model is None and settings.default_provider is None and recorded:
            settings = replace(settings, default_provider=next(iter(recorded)))
    count = len(cassette.recordings)
    told = f"answers come from {choice.path}: {count} recorded exchange{'s' * (count != 1)}"
    player = _player(choice, cassette, settings)
    return Replay(settings, player, TransportFetch(player), (told, *cassette.notices))


def _recorded_sources(cassette: Cassette) -> dict[str, tuple[Source, list[str]]]:
    """Whom the cassette's exchanges went to, by name, and the models that they asked for."""
    found: dict[str, tuple[Source, list[str]]] = {}
    for _, exchange in cassette.recordings:
        source = exchange.provider
        if source is not None:
            _, models = found.setdefault(source.name, (source, []))
            model = model_of(exchange)
            if model and model not in models:
                models.append(model)
    return found


def model_of(exchange: Exchange) -> str | None:
    """The model that a recorded request names in its body."""
    body = exchange.request.body
    value = None if body is None or body.json is UNSET else body.json
    model = value.get("model") if isinstance(value, dict) else None
    return model if isinstance(model, str) else None


def _provider(
    source: Source, models: list[str], environment: Mapping[str, str]
) -> ConfiguredProvider | None:
    row = catalogue.provider(source.like)
    said: dict[str, Any] = {
        "like": source.like if row else "openai-compatible",
        "base_url": source.base_url,
        "dialect": source.dialect,
        "models": models,
    }
    if models:
        said["default_model"] = models[0]
    if row and "region" in row.places:
        said["region"] = "replayed"  # only a signature has it: the address is complete
    try:
        loaded = load({"providers": {source.name: said}}, environment=environment)
    except LLMError:
        # a row that needs more than this is asked with a configuration
        return None
    return loaded.providers[source.name]


class _Keyless(Mapping[str, str]):
    """Variables that hold keys are there, set or not; of the catalogue's, the recorded providers'.

    The value is random: it may become a key of the gateway's.
    """

    def __init__(self, real: Mapping[str, str], likes: set[str]) -> None:
        self._real = real
        self._value = f"replayed-{secrets.token_hex(16)}"
        rows = catalogue.providers().values()
        self._wanted = {name for row in rows if row.name in likes for name in row.api_key_env}
        self._others = {name for row in rows for name in row.api_key_env} - self._wanted

    def __getitem__(self, name: str) -> str:
        value = self._real.get(name, "")
        if value.strip():
            return value
        if name in self._wanted or (name not in self._others and _HOLDS_KEY.search(name)):
            return self._value
        return self._real[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._real)

    def __len__(self) -> int:
        return len(self._real)
