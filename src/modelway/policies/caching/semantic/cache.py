"""Answers are found again by a question that means the same, of the same tenant.

Two locks, and a hit opens both: the vectors are as near as the operator says, and by exact rules
nothing that counts is different. Nothing that a caller sends moves either.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from modelway.call import Call, Deployment, Reply
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigError,
    LLMError,
    StoreDownError,
)
from modelway.policies.caching.keeping import keep
from modelway.policies.caching.kept import reply_of
from modelway.policies.caching.semantic.guard import same, sense
from modelway.policies.caching.semantic.posing import Posed, posed
from modelway.policies.caching.semantic.vectors import Near, Vectors, unit
from modelway.policies.caching.values import CacheSettings, SemanticSettings
from modelway.ports import Clock, Handler

if TYPE_CHECKING:
    from modelway.policies.caching.semantic.memory import MemoryVectors

MOST_WAIT_S = 2.0
"""How long a call waits for the vector of its question."""
_MOST_LOOK_S = 0.25
"""How long it waits for what is near."""
_PAUSE_S = 5.0
"""How long what did not answer is left alone."""
_QUIET_S = 60.0
"""How often it is said that something fails: a caller may be able to make it fail."""
_AWAY = (OSError, APIConnectionError, APITimeoutError, StoreDownError)
_MOST_NEAR = 8
"""Of what is near enough, as much is looked at."""
_MOST_WRITES = 64


class SemanticStats(Struct, frozen=True, kw_only=True):
    """``entries`` and ``bytes`` are what is kept in this process now; the others, since it began."""

    hits: int
    misses: int
    stored: int
    entries: int
    bytes: int
    guarded: int
    """What was near enough, and not let through."""
    refused: dict[str, int]
    """Why answers were not kept, and how many of each."""


class SemanticCache:
    """``__call__`` is a middleware, behind the exact cache. One event loop uses it."""

    def __init__(
        self,
        settings: CacheSettings,
        clock: Clock,
        *,
        embed: Callable[[str], Awaitable[Sequence[float]]],
        deployment: Callable[[str], Deployment | None],
        policies: bytes = b"",
        vectors: Vectors | None = None,
    ) -> None:
        semantic = _checked(settings)
        self.on_hit: list[Callable[[Call, Reply, float], None]] = []
        self._settings = settings
        self._semantic = semantic
        self._now = clock.monotonic
        self._embed = embed
        self._deployment = deployment
        self._policies = policies
        self._memory: MemoryVectors | None = None
        """Where its vectors are, if in this process."""
        if vectors is None:
            vectors = self._memory = _in_memory(settings, semantic, clock)
        self._vectors = vectors
        self._writes: set[asyncio.Task[None]] = set()
        self._rests_until = -math.inf
        self._quiet_until = -math.inf
        self._failing = False
        self._hits = 0
        self._misses = 0
        self._stored = 0
        self._guarded = 0
        self._refused: Counter[str] = Counter()

    def adopt(self, settings: CacheSettings, policies: bytes) -> None:
        """Go on by these; what other policies or another model made is not found any more."""
        self._semantic = _checked(settings)
        self._settings = settings
        self._policies = policies
        if self._memory is not None:
            self._memory.fit(self._semantic.most_entries, settings.most_bytes)

    def __call__(self, call: Call, inner: Handler) -> Awaitable[Reply]:
        asked = call.options.cache
        if asked == "off" or (asked is None and not self._settings.enabled):
            return inner(call)
        question = posed(call, self._semantic, self._settings.shared_by, self._policies)
        return inner(call) if question is None else self._answered(call, question, inner)

    def stats(self) -> SemanticStats:
        return SemanticStats(
            hits=self._hits,
            misses=self._misses,
            stored=self._stored,
            entries=0 if self._memory is None else len(self._memory),
            bytes=0 if self._memory is None else self._memory.bytes,
            guarded=self._guarded,
            refused=dict(self._refused),
        )

    async def clear(self, tenant: str | None = None) -> int:
        """Forget what is kept for a tenant, or all; how many entries that were."""
        return await self._vectors.drop(tenant)

    async def aclose(self) -> None:
        """Wait for what is being written."""
        if self._writes:
            await asyncio.wait(self._writes)
        await self._vectors.aclose()

    # ------------------------------------------------------------ on the way in

    async def _answered(self, call: Call, question: Posed, inner: Handler) -> Reply:
        vector = await self._vector(question.text)
        if vector is None:
            self._misses += 1
            return await inner(call)
        if call.options.cache != "refresh":
            found = await self._found(call, question, vector)
            if found is not None:
                reply, similarity = found
                self._hits += 1
                for told in self.on_hit:
                    told(call, reply, similarity)
                return reply
            self._misses += 1
        reply = await inner(call)
        return reply if reply.cached else self._kept(call, question, vector, reply)

    async def _vector(self, text: str) -> list[float] | None:
        """Of a question; ``None`` where it cannot be had now, which is said once."""
        if self._now() < self._rests_until:
            return None
        try:
            async with asyncio.timeout(MOST_WAIT_S):
                vector = unit(await self._embed(text))
        except (LLMError, OSError) as error:
            self._failed(error, f"no vector within {MOST_WAIT_S:g} s")
            return None
        if vector is None:
            self._say(f"{self._semantic.model} gave a vector without a direction")
        return vector

    async def _found(
        self, call: Call, question: Posed, vector: list[float]
    ) -> tuple[Reply, float] | None:
        try:
            async with asyncio.timeout(_MOST_LOOK_S):
                near = await self._vectors.nearest(
                    call.tenant,
                    question.space,
                    vector,
                    least=self._semantic.threshold,
                    limit=_MOST_NEAR,
                )
        except (LLMError, OSError) as error:
            self._failed(error, f"nothing looked up within {_MOST_LOOK_S:g} s")
            return None
        self._answers()
        asked = sense(question.text) if near else None
        for one in near:
            if one.question != question.text and (
                asked is None or not same(asked, sense(one.question))
            ):
                self._guarded += 1
                continue
            reply = self._given(call, one)
            if reply is not None:
                return reply, one.similarity
        return None

    def _given(self, call: Call, one: Near) -> Reply | None:
        most_s = call.options.cache_max_age_s
        if one.age_s >= self._semantic.life_s or (most_s is not None and one.age_s >= most_s):
            return None
        return reply_of(one.data, call, self._deployment, age_s=one.age_s, by="semantic")

    # ------------------------------------------------------------ on the way out

    def _kept(self, call: Call, question: Posed, vector: list[float], reply: Reply) -> Reply:
        asked_s = call.options.cache_life_s
        life_s = min(self._semantic.life_s, math.inf if asked_s is None else asked_s)

        def told(data: bytes | None, why: str = "") -> None:
            if data is None or not life_s > 0 or len(self._writes) >= _MOST_WRITES:
                self._refused[why or ("busy" if life_s > 0 else "life")] += 1
                return
            task = asyncio.get_running_loop().create_task(
                self._written(call.tenant, question, vector, data, life_s)
            )
            self._writes.add(task)
            task.add_done_callback(self._writes.discard)

        return keep(call, reply, self._settings.most_entry_bytes, told)

    async def _written(
        self, tenant: str, question: Posed, vector: list[float], data: bytes, life_s: float
    ) -> None:
        try:
            async with asyncio.timeout(MOST_WAIT_S):
                await self._vectors.add(
                    tenant,
                    question.space,
                    vector,
                    question=question.text,
                    data=data,
                    life_s=life_s,
                )
        except (LLMError, OSError) as error:
            self._failed(error, f"nothing written within {MOST_WAIT_S:g} s")
        else:
            self._stored += 1

    def _failed(self, error: Exception, slow: str) -> None:
        if isinstance(error, _AWAY):
            self._rests_until = self._now() + _PAUSE_S
        self._say(str(error) or slow)

    def _say(self, why: str) -> None:
        if not self._failing and self._now() >= self._quiet_until:
            self._failing = True
            self._quiet_until = self._now() + _QUIET_S
            logging.getLogger("modelway").warning("the semantic cache found nothing: %s", why)

    def _answers(self) -> None:
        if self._failing:
            self._failing = False
            logging.getLogger("modelway").info("the semantic cache finds answers again")


def _checked(settings: CacheSettings) -> SemanticSettings:
    semantic = settings.semantic
    if semantic is None:
        raise ConfigError("a semantic cache needs its settings: cache.semantic")
    if not 0 < semantic.threshold <= 1:
        raise ConfigError(
            f"the threshold of the semantic cache is {semantic.threshold}: make it 1 or less, and over 0"
        )
    return semantic


def _in_memory(settings: CacheSettings, semantic: SemanticSettings, clock: Clock) -> MemoryVectors:
    try:
        from modelway.policies.caching.semantic.memory import (  # noqa: PLC0415  # an extra
            MemoryVectors,
        )
    except ImportError:
        raise ConfigError(
            "a semantic cache in this process needs numpy: install modelway[semantic]"
        ) from None
    return MemoryVectors(clock, most_entries=semantic.most_entries, most_bytes=settings.most_bytes)
