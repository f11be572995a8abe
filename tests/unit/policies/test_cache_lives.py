"""Random lives of a cache against an oracle: what is found is exactly what may be found, and nobody else's."""

import asyncio
import json
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from test_cache_exact import WHERE, answer, call, chunk

from modelway.call import Options, Payer, Reply
from modelway.errors import NotFoundError
from modelway.policies.caching.exact import ExactCache, only_kept
from modelway.policies.caching.kept import Replay
from modelway.policies.caching.values import CacheSettings
from modelway.policies.single_flight import SingleFlight
from modelway.store.memory import MemoryCache
from support.hand_clock import HandClock, turns

LIFE_S = 100.0


class Asked(NamedTuple):
    tenant: str
    user: str
    text: str
    stream: bool
    cache: str | None
    life_s: float | None
    max_age_s: float | None
    ends: str
    """How the provider's answer will end."""


class Passes(NamedTuple):
    seconds: float


class Cleared(NamedTuple):
    tenant: str | None


class Reloaded(NamedTuple):
    policies: bytes


ASKED = st.builds(
    Asked,
    tenant=st.sampled_from("ab"),
    user=st.sampled_from(["", "u", "v"]),
    text=st.sampled_from("xy"),
    stream=st.booleans(),
    cache=st.sampled_from([None, None, None, "use", "refresh", "off", "only"]),
    life_s=st.sampled_from([None, None, 0.0, 10.0, 1000.0]),
    max_age_s=st.sampled_from([None, None, 0.0, 5.0, 1000.0]),
    ends=st.sampled_from(["stop", "stop", "stop", "length", "content_filter"]),
)
STEPS = st.lists(
    st.one_of(
        ASKED,
        ASKED,
        ASKED,
        st.builds(Passes, st.sampled_from([0.5, 4.0, 9.0, 60.0, 100.0])),
        st.builds(Cleared, st.sampled_from([None, "a", "b"])),
        st.builds(Reloaded, st.sampled_from([b"1", b"2"])),
    ),
    max_size=25,
)


class Provider:
    """No two of its answers are alike, and each says for whom it is."""

    def __init__(self):
        self.asked = 0
        self.ends = "stop"

    async def __call__(self, call):
        self.asked += 1
        said = json.loads(bytes(call.body.fields["messages"]))[0]["content"]
        text = f"{call.tenant} {said} {self.asked}"
        if call.stream:
            batches = [chunk(content=text), chunk(self.ends), b"data: [DONE]\n\n"]
            return Reply(deployment=WHERE, chunks=Replay(batches, None))
        return Reply(deployment=WHERE, body=answer(text, self.ends))


async def heard(reply):
    """The text of an answer, read to its end."""
    if reply.body is not None:
        return json.loads(reply.body)["choices"][0]["message"]["content"]
    data = b"".join([batch async for batch in reply.chunks])
    return json.loads(data.split(b"\n\n")[0].removeprefix(b"data: "))["choices"][0]["delta"][
        "content"
    ]


class Oracle:
    """What is kept, by who may find it: its text, when it was made, and until when it serves."""

    def __init__(self, clock, shared_by):
        self.kept = {}
        self._clock = clock
        self._shared_by = shared_by

    def name(self, asked, policies):
        user = asked.user if self._shared_by == "user" else ""
        return asked.tenant, user, asked.text, asked.stream, policies

    def finds(self, asked, policies):
        text, made, life_s = self.kept.get(self.name(asked, policies), ("", 0.0, 0.0))
        age = self._clock.now - made
        if asked.cache in ("off", "refresh") or (self._shared_by == "user" and not asked.user):
            return None
        fresh = age < min(life_s, asked.max_age_s if asked.max_age_s is not None else LIFE_S)
        return text if fresh else None

    def keep(self, asked, policies, text):
        life_s = LIFE_S if asked.life_s is None else min(asked.life_s, LIFE_S)
        kept = asked.ends == "stop" and life_s > 0 and asked.cache != "off"
        if kept and not (self._shared_by == "user" and not asked.user):
            self.kept[self.name(asked, policies)] = (text, self._clock.now, life_s)

    def clear(self, tenant):
        self.kept = {
            name: held for name, held in self.kept.items() if tenant not in (None, name[0])
        }

    def reload(self, policies):
        self.kept = {name: held for name, held in self.kept.items() if name[4] == policies}


def asking(asked):
    options = Options(cache=asked.cache, cache_life_s=asked.life_s, cache_max_age_s=asked.max_age_s)
    payer = Payer(user=asked.user)
    return call(asked.text, asked.stream, options=options, tenant=asked.tenant, payer=payer)


async def lived(steps, shared_by):
    clock, provider, policies = HandClock(), Provider(), b"1"
    settings = CacheSettings(enabled=True, life_s=LIFE_S, shared_by=shared_by)
    cache = ExactCache(settings, None, clock, deployment={"p/m": WHERE}.get, policies=policies)
    oracle = Oracle(clock, shared_by)

    def inside(one):
        return only_kept(one, provider)

    for step in steps:
        match step:
            case Passes():
                clock.now += step.seconds
            case Cleared():
                await cache.clear(step.tenant)
                oracle.clear(step.tenant)
            case Reloaded():
                if step.policies != policies:
                    policies = step.policies
                    oracle.reload(policies)
                cache.adopt(settings, policies)
            case Asked():
                found, before = oracle.finds(step, policies), provider.asked
                provider.ends = step.ends
                try:
                    reply = await cache(asking(step), inside)
                except NotFoundError:
                    assert (found, step.cache) == (None, "only")
                    continue
                text = await heard(reply)
                assert text.split()[:2] == [step.tenant, step.text]
                assert (text == found) == bool(reply.cached) == (provider.asked == before)
                assert bool(reply.cached) == (found is not None)
                if not reply.cached:
                    oracle.keep(step, policies, text)
    assert cache.stats().entries >= 0
    assert (cache.stats().bytes == 0) == (cache.stats().entries == 0)


@given(steps=STEPS, shared_by=st.sampled_from(["tenant", "tenant", "user"]))
def test_what_is_found_is_what_may_be_found(steps, shared_by):
    asyncio.run(lived(steps, shared_by))


async def lived_together(waves):
    """Two processes and a store; in each wave calls are open at once, with single flight behind."""
    clock, provider = HandClock(), Provider()
    shared = MemoryCache(clock)
    settings = CacheSettings(enabled=True, life_s=LIFE_S, where="store")
    caches = [
        ExactCache(settings, shared, clock, deployment={"p/m": WHERE}.get, secret=b"s")
        for _ in range(2)
    ]
    flights = [SingleFlight(always=True) for _ in caches]

    async def one(where, asked):
        def inside(call):
            return only_kept(call, lambda one: flights[where](one, provider))

        try:
            reply = await caches[where](asking(asked), inside)
        except NotFoundError:
            return
        text = await heard(reply)
        assert text.split()[:2] == [asked.tenant, asked.text]
        if reply.cached:
            assert 0 <= reply.age_s < LIFE_S
            assert asked.cache not in ("off", "refresh")
            assert asked.max_age_s is None or reply.age_s < asked.max_age_s

    for wave, seconds, ends in waves:
        provider.ends = ends
        before = provider.asked
        await asyncio.gather(*[one(where, asked) for where, asked in wave])
        assert provider.asked - before <= len(wave)
        for cache in caches:
            await cache.aclose()
        clock.now += seconds
        await turns(2)
    for cache in caches:
        assert not cache._heard
        assert cache._room.left_bytes == settings.most_bytes


@given(
    waves=st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, 1), ASKED), min_size=1, max_size=6),
            st.sampled_from([0.0, 0.5, 4.0, 60.0]),
            st.sampled_from(["stop", "stop", "length"]),
        ),
        max_size=6,
    )
)
def test_processes_that_share_a_store_share_nothing_else(waves):
    asyncio.run(lived_together(waves))
