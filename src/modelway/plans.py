"""What would answer a call: tiers of candidates, the model that was asked for before its fallbacks."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple, cast

from modelway.asked import AskedCall, estimated_tokens
from modelway.call import Call, Deployment
from modelway.config.resolve import resolve
from modelway.config.settings import Route, Settings
from modelway.errors import (
    BadRequestError,
    ConfigError,
    ContentFilterError,
    ContextLengthError,
    LLMError,
    UnknownModelError,
)
from modelway.policies import routing
from modelway.policies.affinity import chance_of
from modelway.policies.task.rules import TaskRule, choose
from modelway.ports import Asked
from modelway.tracks import Track, Tracks

_MOST_KNOWN = 10_000
"""Names, which callers choose, that are remembered; past it a memory starts anew."""
_MOST_STAYS = 50_000
"""Of all tiers together: callers choose sessions, and lists of models."""
_MOST_SPECIAL = 1_000
"""Lists of names of callers' own, each with as many deployments as it names."""

PassedOver = Callable[[Track, str], None]
_LISTED = routing.Chooser((), lambda asked, candidates, chance: candidates)  # noqa: ARG005
"""As the caller wrote them down."""


class Stays:
    """Where calls that belong together were answered last, by tier; the oldest are forgotten."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, bytes], str] = {}

    def __len__(self) -> int:
        return len(self._places)

    def get(self, tier: str, key: bytes) -> str | None:
        return self._places.get((tier, key))

    def put(self, tier: str, key: bytes, deployment: str) -> None:
        self._places.pop((tier, key), None)
        self._places[tier, key] = deployment
        if len(self._places) > _MOST_STAYS:
            del self._places[next(iter(self._places))]


class Tier:
    """One model's candidates, and the strategy that orders them."""

    def __init__(
        self,
        route: Route,
        tracks: tuple[Track, ...],
        spec: str,
        chooser: routing.Chooser,
        stays: Stays,
    ) -> None:
        self.name = route.name
        self.route = route
        self.tracks = tracks
        self.spec = spec
        self.chooser = chooser
        self.alone = len(tracks) == 1 and not self.chooser.filters
        self._stays = stays

    def order(
        self,
        asked: AskedCall,
        chance: random.Random,
        passed_over: PassedOver,
        chooser: routing.Chooser | None = None,
    ) -> Iterator[Track]:
        """The candidates as they are to be tried; lazily, for the first one mostly answers."""
        chooser = chooser or self.chooser
        key = asked.place if len(self.tracks) > 1 else None
        if key is not None or chooser.filters:
            return self._judged(asked, key, chance, passed_over, chooser)
        ranked = chooser.rank(asked, self.tracks, chance)
        return cast("Iterator[Track]", iter(ranked))  # the chooser gives back what it was given

    def _judged(
        self,
        asked: AskedCall,
        key: bytes | None,
        chance: random.Random,
        passed_over: PassedOver,
        chooser: routing.Chooser,
    ) -> Iterator[Track]:
        """As ranked, without those that a filter keeps out, and the one that it belongs to first."""
        stay = None if key is None else self._stay(key)
        tokens = 0 if stay is None else estimated_tokens(asked.call, stay.seen.output_tokens)
        if stay is not None and stay.ready(tokens) and _allowed(chooser, asked, stay, None):
            yield stay
        else:
            stay = None
            if key is not None:
                chance = chance_of(key)
        for candidate in chooser.rank(asked, self.tracks, chance):
            track = cast("Track", candidate)
            if track is not stay and _allowed(chooser, asked, track, passed_over):
                yield track

    def allowed(
        self, asked: AskedCall, tracks: Iterator[Track], passed_over: PassedOver
    ) -> Iterator[Track]:
        """Those of another tier that this one's filters let answer: they are about the call."""
        if not self.chooser.filters:
            return tracks
        return (one for one in tracks if _allowed(self.chooser, asked, one, passed_over))

    def only(self, deployment: str) -> Iterator[Track]:
        """The one of this id, if it is there."""
        return iter([one for one in self.tracks if one.deployment.id == deployment])

    def special(self, error: LLMError) -> tuple[str, ...]:
        """The models that are for this kind of error."""
        match error:
            case ContextLengthError():
                return self.route.on_context_length
            case ContentFilterError():
                return self.route.on_content_filter
            case _:
                return ()

    def answered(self, asked: AskedCall, track: Track) -> None:
        """Remember where a call was answered that others belong to."""
        if len(self.tracks) > 1 and (key := asked.place) is not None:
            self._stays.put(self.name, key, track.deployment.id)

    def _stay(self, key: bytes) -> Track | None:
        id_ = self._stays.get(self.name, key)
        return next((one for one in self.tracks if one.deployment.id == id_), None)


def _allowed(
    chooser: routing.Chooser, asked: Asked, candidate: Track, passed_over: PassedOver | None
) -> bool:
    for filtering in chooser.filters:
        reason = filtering(asked, candidate)
        if reason is not None:
            if passed_over is not None:
                passed_over(candidate, reason)
            return False
    return True


class Held(NamedTuple):
    """What limits hold back: until about when (monotonic seconds), and in whose tier."""

    until: float
    track: Track
    tier: Tier


def soonest(held: Held) -> float:
    return held.until


class _Key(NamedTuple):
    models: tuple[str, ...]
    strategy: str | None
    fallbacks: tuple[str, ...] | None


class Plans:
    """The tiers of each name, made when it is first asked for."""

    def __init__(self, settings: Settings, tracks: Tracks, now: Callable[[], float]) -> None:
        self._settings = settings
        self._tracks = tracks
        self._given = routing.Given(
            scores=settings.scores, prefer=partial(_preferred, settings.tasks), now=now
        )
        self.stays = Stays()
        self._tiers: dict[tuple[str, str | None], Tier] = {}
        self._known: dict[str, tuple[Tier, ...]] = {}
        self._special: dict[_Key, tuple[Tier, ...]] = {}

    def of(self, call: Call) -> tuple[Tier, ...]:
        """The tiers of a call. Raises UnknownModelError, MissingKeyError or BadRequestError."""
        options = call.options
        if options.fallbacks is None and options.strategy is None and not options.models:
            found = self._known.get(call.model)
            if found is None:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                found = self._known[call.model] = self._made(call.model, None, None)
            return found
        key = _Key(options.models or (call.model,), options.strategy, options.fallbacks)
        tiers = self._special.get(key)
        if tiers is None:
            if len(self._special) >= _MOST_SPECIAL:
                self._special.clear()
            tiers = self._special[key] = (
                self._of_models(*key)
                if options.models
                else self._made(call.model, options.strategy, options.fallbacks)
            )
        return tiers

    def named(self, names: tuple[str, ...], strategy: str | None = None) -> tuple[Tier, ...]:
        """A tier for each of these models, without their fallbacks."""
        return tuple([self._tier(resolve(self._settings, name), strategy) for name in names])

    def usable(self, names: tuple[str, ...]) -> tuple[Tier, ...]:
        """The same, without those that cannot be asked: they are another way out, not what is asked."""
        found: list[Tier] = []
        for name in names:
            with suppress(ConfigError):
                found += [tier for tier in self.named((name,)) if tier.tracks]
        return tuple(found)

    def _made(
        self, model: str, strategy: str | None, fallbacks: tuple[str, ...] | None
    ) -> tuple[Tier, ...]:
        route = resolve(self._settings, model)
        names = route.fallbacks if fallbacks is None else fallbacks
        others = tuple([name for name in dict.fromkeys(names) if name != model])
        found = [self._tier(route, strategy), *self.named(others)]
        return tuple([tier for tier in found if tier.tracks])

    def _of_models(
        self, models: tuple[str, ...], strategy: str | None, fallbacks: tuple[str, ...] | None
    ) -> tuple[Tier, ...]:
        """One tier of all that these models' deployments are, in the order of the list."""
        deployments = {
            one.id: one for name in models for one in resolve(self._settings, name).deployments
        }
        if not deployments:
            raise UnknownModelError(f"none of the models {', '.join(models)} has a deployment")
        spec = _canonical(strategy) if strategy else "listed"
        route = Route(name=models[0], deployments=tuple(deployments.values()), strategy=spec)
        tracks = tuple([self._tracks.of(one) for one in route.deployments])
        chooser = routing.chooser(spec, self._given) if strategy else _LISTED
        first = Tier(route, tracks, spec, chooser, self.stays)
        return (first, *self.named(tuple(dict.fromkeys(fallbacks or ()))))

    def _tier(self, route: Route, strategy: str | None) -> Tier:
        key = (route.name, strategy)
        if key not in self._tiers:
            tracks = tuple([self._tracks.of(one) for one in route.deployments])
            spec = route.strategy if strategy is None else _canonical(strategy)
            chooser = routing.chooser(spec, self._given)
            if len(self._tiers) >= _MOST_KNOWN:
                self._tiers.clear()
            self._tiers[key] = Tier(route, tracks, spec, chooser, self.stays)
        return self._tiers[key]

    def default(self) -> tuple[Tier, ...]:
        """The tier of the model that is configured for those who name none, if there is one."""
        name = self._settings.default_model
        return () if name is None else self.usable((name,))

    def alone(self, route: Route, deployment: Deployment) -> Tier:
        """A tier of one deployment that no configuration has as a model."""
        chooser = routing.chooser(route.strategy)
        return Tier(route, (self._tracks.of(deployment),), route.strategy, chooser, self.stays)


def default_tiers(plans: Plans, first: Tier | None, call: Call) -> list[Tier]:
    """The default model's, where the first tier's filters let nothing else answer."""
    if call.only is not None:
        return []
    return [tier for tier in plans.default() if first is None or tier.name != first.name]


def _preferred(rules: Sequence[TaskRule], asked: Asked) -> Sequence[str]:
    """The table's words for what is asked, the first choice first."""
    task = asked.task if isinstance(asked, AskedCall) else None
    rule = None if task is None else choose(task, rules)
    if rule is None:
        return ()
    return (rule.primary,) if rule.fallback is None else (rule.primary, rule.fallback)


def _canonical(strategy: str) -> str:
    """Of a caller's own word: never a path to import."""
    found = routing.canonical(strategy)
    if found is None or ":" in found:
        raise BadRequestError(
            f"there is no strategy {strategy!r}; there are {', '.join(routing.spellings())}",
            param="strategy",
        )
    return found
