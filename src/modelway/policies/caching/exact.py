"""Answers are found again by exactly the same question, of the same tenant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from weakref import ReferenceType, ref

import msgspec
from msgspec import Struct

from modelway.call import Call, Deployment, Options, Reply, Stream
from modelway.errors import NotFoundError
from modelway.policies import fingerprint
from modelway.policies.caching.keepable import OPERATIONS, keepable
from modelway.policies.caching.keeping import Room, keep
from modelway.policies.caching.kept import reply_of
from modelway.policies.caching.memory import Entry, Memory
from modelway.policies.caching.shared import Shared
from modelway.policies.caching.values import CacheSettings
from modelway.ports import Cache, Clock, Handler

_pack = msgspec.msgpack.Encoder().encode


class CacheStats(Struct, frozen=True, kw_only=True):
    """``entries`` and ``bytes`` are what is kept in this process now; the others, since it began."""

    hits: int
    misses: int
    stored: int
    entries: int
    bytes: int
    refused: dict[str, int]
    """Why answers were not kept, and how many of each."""


class ExactCache:
    """``__call__`` is a middleware. One event loop uses it."""

    def __init__(
        self,
        settings: CacheSettings,
        shared: Cache | None,
        clock: Clock,
        *,
        deployment: Callable[[str], Deployment | None],
        policies: bytes = b"",
        secret: bytes = b"",
    ) -> None:
        self.on_hit: list[Callable[[Call, Reply], None]] = []
        self._settings = settings
        self._policies = policies
        self._deployment = deployment
        self._now = clock.monotonic
        self._memory = Memory(settings.most_bytes)
        self._room = Room(settings.most_bytes)
        self._store = None if shared is None else Shared(shared, clock, secret)
        self._heard: dict[bytes, ReferenceType[Stream]] = {}
        """Streams that are being listened to: of those that are alike, one is enough."""
        self._hits = 0
        self._misses = 0
        self._stored = 0
        self._refused: Counter[str] = Counter()

    def adopt(self, settings: CacheSettings, policies: bytes) -> None:
        """Go on by these; what other policies made is forgotten."""
        self._settings = settings
        if policies != self._policies:
            self._policies = policies
            self._memory.clear(None)
        self._memory.fit(settings.most_bytes)
        self._room = Room(settings.most_bytes)

    @property
    def _shared(self) -> Shared | None:
        return self._store if self._settings.where == "store" else None

    def __call__(self, call: Call, inner: Handler) -> Awaitable[Reply]:
        asked = call.options.cache
        if asked == "off" or (asked is None and not self._settings.enabled):
            return inner(call)
        return self._answered(call, inner)

    def stats(self) -> CacheStats:
        return CacheStats(
            hits=self._hits,
            misses=self._misses,
            stored=self._stored,
            entries=len(self._memory),
            bytes=self._memory.bytes,
            refused=dict(self._refused),
        )

    async def clear(self, tenant: str | None = None) -> int:
        """Forget what is kept for a tenant, or all; how many entries this process had.

        Other processes forget it within two seconds. StoreDownError where they cannot be told.
        """
        forgotten = self._memory.clear(tenant)
        if self._store is not None:
            await self._store.clear(tenant, self._settings.life_s)
        return forgotten

    async def aclose(self) -> None:
        """Wait for what is being written to the store, which stays open."""
        if self._store is not None:
            await self._store.aclose()

    # ------------------------------------------------------------ on the way in

    async def _answered(self, call: Call, inner: Handler) -> Reply:
        asked = call.options.cache
        names = self._names(call)
        if names and asked != "refresh":
            shared = self._shared
            if shared is not None and not shared.knows(call.tenant):
                await shared.look(call.tenant)
            reply = self._near(call, names)
            if reply is None and shared is not None:
                reply = await self._far(call, names, shared)
            if reply is not None:
                self._hits += 1
                for told in self.on_hit:
                    told(call, reply)
                return reply
            self._misses += 1
        if asked == "only" and self._settings.semantic is None:
            raise _unkept(call)
        began_s = self._now()
        reply = await inner(call)
        return self._kept(call, reply, names, began_s) if names and not reply.cached else reply

    def name(self, call: Call) -> str:
        """What an answer to this is kept by, in hexadecimal digits; ``""``: it would not be kept."""
        names = self._names(call)
        return names[-1].hex() if names else ""

    def _names(self, call: Call) -> tuple[bytes, ...]:
        """What an answer to this is kept by: in its client's own bytes, and decoded; ``()``: by none.

        Decoded, it serves whether it is to be streamed or not.
        """
        if call.operation not in OPERATIONS or call.passing is not None:
            return ()
        match self._settings.shared_by:
            case "tenant":
                whose = b""
            case "key":
                whose = b"key:" + call.key.encode("utf-8", "surrogatepass")
            case _:
                if not call.payer.user:
                    self._refused["no_user"] += 1
                    return ()
                whose = b"user:" + call.payer.user.encode("utf-8", "surrogatepass")
        try:
            name = fingerprint.key(call, whose, _choosing(call.options), self._policies)
        except (TypeError, ValueError, OverflowError, RecursionError):
            self._refused["form"] += 1
            return ()
        if call.body is None:
            return (name,)
        return (name + (b"s" if call.stream else b"w"), name)

    def _near(self, call: Call, names: Sequence[bytes]) -> Reply | None:
        now_s = self._now()
        cleared_s = -math.inf if self._store is None else self._store.cleared_s(call.tenant)
        for name in names:
            entry = self._memory.get(name, now_s)
            if entry is not None and entry.made_s > cleared_s:
                reply = self._given(call, entry.data, now_s - entry.made_s)
                if reply is not None:
                    return reply
        return None

    async def _far(self, call: Call, names: Sequence[bytes], shared: Shared) -> Reply | None:
        found = await shared.find(call.tenant, names)
        if found is None:
            return None
        reply = self._given(call, found.data, found.age_s)
        if reply is not None:
            made_s = self._now() - found.age_s
            self._memory.put(found.name, Entry(found.data, call.tenant, made_s, found.life_s))
        return reply

    def _given(self, call: Call, data: bytes, age_s: float) -> Reply | None:
        most_s = call.options.cache_max_age_s
        if age_s >= self._settings.life_s or (most_s is not None and age_s >= most_s):
            return None
        return reply_of(data, call, self._deployment, age_s=age_s, by="exact")

    # ------------------------------------------------------------ on the way out

    def _kept(self, call: Call, reply: Reply, names: Sequence[bytes], began_s: float) -> Reply:
        in_bytes = reply.body is not None or reply.chunks is not None
        name = names[0] if in_bytes else names[-1]
        if self._is_kept(call, name, began_s):
            return reply
        if not keepable(call):
            self._refused["call"] += 1
            return reply

        def told(data: bytes | None, why: str = "") -> None:
            if data is None:
                self._refused[why] += 1
            else:
                self._put(call, name, data)

        kept = keep(call, reply, self._settings.most_entry_bytes, told, room=self._room)
        if kept is not reply:
            self._listen(name, kept)
        return kept

    def _listen(self, name: bytes, reply: Reply) -> None:
        """Know of a stream that is listened to, until it is over or nobody has it any more."""
        stream = reply.chunks or reply.events
        assert stream is not None  # noqa: S101 - what is listened to is a stream

        def over(*_: object) -> None:
            if self._heard.get(name) is heard:
                del self._heard[name]

        heard = self._heard[name] = ref(stream, over)
        stream.on_settled.append(over)

    def _is_kept(self, call: Call, name: bytes, began_s: float) -> bool:
        """Whether another call, which was open at the same time, sees to it."""
        if call.options.cache == "refresh":
            return False
        entry = self._memory.get(name, self._now())
        return name in self._heard or (entry is not None and entry.made_s >= began_s)

    def _put(self, call: Call, name: bytes, data: bytes) -> None:
        life_s, asked_s = self._settings.life_s, call.options.cache_life_s
        if asked_s is not None:
            life_s = min(life_s, asked_s)
        if life_s <= 0:
            self._refused["life"] += 1
            return
        self._stored += 1
        self._memory.put(name, Entry(data, call.tenant, self._now(), life_s))
        shared = self._shared
        if shared is not None:
            shared.put(name, data, life_s)


def _choosing(options: Options) -> bytes:
    """What a caller's options say of who is to answer, and how much may be lost."""
    if options.fallbacks is None and options.strategy is None and not options.models:
        return b"strict" if options.strict else b""
    return _pack((options.fallbacks, options.strategy, options.models, options.strict))


def only_kept(call: Call, inner: Handler) -> Awaitable[Reply]:
    """A middleware behind the last cache: a call goes no further that asks for what is kept alone."""
    if call.options.cache == "only":
        raise _unkept(call)
    return inner(call)


def _unkept(call: Call) -> NotFoundError:
    return NotFoundError(
        "no answer to this is kept, and the request asks for a kept one alone (only-if-cached)",
        model=call.model,
        code="only_if_cached",
    )
