"""Vectors in this process and on PostgreSQL: what a semantic cache may count on of either."""

import asyncio
import math

import pytest

from modelway.errors import ConfigError, StoreDownError
from modelway.policies.caching.semantic.memory import MemoryVectors
from modelway.store.postgres import vectors as module
from modelway.store.postgres.vectors import open_vectors
from support.hand_clock import HandClock
from support.ports import free_port
from support.semantic_world import Provider, ask, semantic

SPACE = b"\x00space"
EAST, NORTH = [1.0, 0.0], [0.0, 1.0]


def direction(degrees):
    return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]


@pytest.fixture(scope="module")
def server(postgres):
    return postgres


@pytest.fixture
async def database(server):
    return await server.new_database()


@pytest.fixture(params=["memory", "postgres"])
async def kept(request):
    if request.param == "memory":
        found = MemoryVectors(HandClock(), most_entries=1000, most_bytes=10_000_000)
    else:
        server = request.getfixturevalue("postgres")
        database = await server.new_database()
        found = await open_vectors(server.url(database), timeout_s=10.0)
    yield found
    await found.aclose()


async def add(kept, question="q", vector=EAST, tenant="t", space=SPACE, data=b"d", life_s=60.0):
    await kept.add(tenant, space, vector, question=question, data=data, life_s=life_s)


async def near(kept, vector=EAST, tenant="t", space=SPACE, least=0.9, limit=8):
    return await kept.nearest(tenant, space, vector, least=least, limit=limit)


async def questions(kept, *arguments, **more):
    return [one.question for one in await near(kept, *arguments, **more)]


async def test_the_nearest_comes_first(kept):
    for degrees in (20, 0, 90, 10):
        await add(kept, f"{degrees}°", direction(degrees), data=b"%d\x00" % degrees)
    assert await questions(kept) == ["0°", "10°", "20°"]
    assert await questions(kept, limit=2) == ["0°", "10°"]
    assert await questions(kept, least=0.99) == ["0°"]
    (first, *_) = await near(kept, direction(7))
    assert (first.question, first.data) == ("10°", b"10\x00")
    assert first.similarity == pytest.approx(math.cos(math.radians(3)))
    assert 0 <= first.age_s < 60


async def test_tenants_spaces_and_dimensions_do_not_mix(kept):
    await add(kept)
    assert await questions(kept, tenant="u") == []
    assert await questions(kept, tenant="") == []
    assert await questions(kept, space=b"") == []
    assert await questions(kept, [1.0, 0.0, 0.0]) == []
    await add(kept, "deep", [1.0, 0.0, 0.0])
    assert await questions(kept) == ["q"]
    assert await questions(kept, [1.0, 0.0, 0.0]) == ["deep"]


async def test_the_same_question_is_kept_once(kept):
    for data in (b"old", b"new"):
        await add(kept, data=data)
    assert [one.data for one in await near(kept)] == [b"new"]
    assert await kept.drop() == 1


async def test_a_tenant_s_is_forgotten(kept):
    for number, tenant in enumerate(("a", "a", "b", "odd\x00\ud800name")):
        await add(kept, f"{number}", tenant=tenant)
    assert await questions(kept, tenant="odd\x00\ud800name") == ["3"]
    assert await kept.drop("a") == 2
    assert await kept.drop("a") == 0
    assert await kept.drop() == 2


async def test_a_life_that_is_over_is_over(kept):
    await add(kept, life_s=1e-6)
    await add(kept, "longer")
    if isinstance(kept, MemoryVectors):
        kept._now = lambda: 1001.0
    assert await questions(kept) == ["longer"]


async def test_a_semantic_cache_answers_from_it(kept):
    cache, provider = semantic(vectors=kept), Provider()
    await ask(cache, provider, "How do I reset my password?", tenant="a")
    await asyncio.gather(*cache._writes)
    reply = await ask(cache, provider, "How can I reset my password?", tenant="a")
    assert (reply.cached, provider.asked) == ("semantic", 1)
    for other in ("How do I reset my router?", "How do I not reset my password?"):
        assert (await ask(cache, provider, other, tenant="a")).cached == ""
    assert (await ask(cache, provider, "How can I reset my password?", tenant="b")).cached == ""
    await asyncio.gather(*cache._writes)


# ---------------------------------------------------------------- PostgreSQL


@pytest.mark.parametrize("dimension", [3, 2000, 2001, 4001])
async def test_many_are_found_by_an_index(server, database, dimension, monkeypatch):
    monkeypatch.setattr(module, "FEW", 5)
    kept = await open_vectors(server.url(database), timeout_s=10.0)
    rest = [0.0] * (dimension - 2)
    for degrees in range(0, 90, 10):
        for tenant in ("t", "u"):
            await add(kept, f"{degrees}", [*direction(degrees), *rest], tenant=tenant)
    found = await near(kept, [*direction(31), *rest], limit=2)
    assert [one.question for one in found] == ["30", "40"]
    assert found[0].similarity == pytest.approx(math.cos(math.radians(1)))
    names = "select indexname from pg_indexes where indexname like 'vectors_%' order by 1"
    made = [row[0] for row in await server.run(names, database)]
    assert (f"vectors_{dimension}" in made) == (dimension <= 4000)
    await kept.aclose()


async def test_who_comes_first_makes_it_however_many_come(server, database):
    url = server.url(database)
    several = await asyncio.gather(*[open_vectors(url, timeout_s=20.0) for _ in range(6)])
    await asyncio.gather(*[add(one, f"{at}") for at, one in enumerate(several)])
    assert len(await near(several[0])) == 6
    await asyncio.gather(*[one.aclose() for one in several])


async def test_an_extension_that_is_there_is_used_where_it_is(server, database):
    await server.run('create schema "Odd one"', database)
    await server.run('create extension vector schema "Odd one"', database)
    kept = await open_vectors(server.url(database), timeout_s=10.0)
    await add(kept)
    assert await questions(kept) == ["q"]
    await kept.aclose()


async def test_who_may_not_make_the_extension_is_told_what_to_run(server, database):
    role = f"{database}_role"
    await server.run(f"create role {role} login")
    await server.run(f'grant create on database {database} to "{role}"')
    url = server.url(database, role)
    with pytest.raises(ConfigError) as caught:
        await open_vectors(url, timeout_s=10.0)
    command = caught.value.message.rpartition("run there: ")[2]
    await server.run(command, database)
    kept = await open_vectors(url, timeout_s=10.0)
    await add(kept)
    assert await questions(kept) == ["q"]
    await kept.aclose()


async def test_what_an_operator_must_change_is_said_on_opening(server, database):
    with pytest.raises(ConfigError, match="does not exist"):
        await open_vectors(server.url("no_such"), timeout_s=10.0)


async def test_a_server_that_is_away_is_down_and_found_when_it_is_there(server, database):
    kept = await open_vectors(f"postgresql://postgres@127.0.0.1:{free_port()}/x", timeout_s=1.0)
    with pytest.raises(StoreDownError):
        await near(kept)
    await kept.aclose()
    await asyncio.to_thread(server.stop)
    try:
        kept = await open_vectors(server.url(database), timeout_s=10.0)
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(20):
            while True:
                try:
                    await add(kept)
                    break
                except StoreDownError:
                    await asyncio.sleep(0.02)
        assert await questions(kept) == ["q"]
    finally:
        await kept.aclose()
        await asyncio.to_thread(server.ensure)


async def test_a_tenant_s_oldest_go_first(server, database):
    kept = await open_vectors(server.url(database), most_entries=10, timeout_s=10.0)
    await add(kept, "another's", tenant="u")
    for number in range(30):
        await add(kept, f"{number}")
    assert sorted(await questions(kept, limit=99), key=int) == [str(n) for n in range(20, 30)]
    assert await questions(kept, tenant="u") == ["another's"]
    await kept.aclose()


async def test_bytes_are_bounded_and_what_has_ended_goes(server, database):
    kept = await open_vectors(server.url(database), most_bytes=100_000, timeout_s=10.0)
    await add(kept, "ended", tenant="gone", life_s=1e-6)
    for number in range(50):
        await add(kept, f"{number}", tenant=f"{number % 5}", data=b"x" * 10_000)
    rows = await server.run("select sum(size), count(*) from modelway.vectors", database)
    assert 80_000 < rows[0][0] <= 100_000
    gone = "select count(*) from modelway.vectors where tenant = 'gone'"
    assert (await server.run(gone, database))[0][0] == 0
    await kept.aclose()


@pytest.mark.parametrize(
    "change",
    [
        "value = value || '\\x00'",
        "question = 'other'",
        "tenant = 'u'",
        "space = 'other'",
        "value = ''",
    ],
)
async def test_what_somebody_else_wrote_is_not_there(server, database, change):
    kept = await open_vectors(server.url(database), secret=b"ours", timeout_s=10.0)
    await add(kept)
    await server.run(f"update modelway.vectors set {change}", database)
    for tenant, space in (("t", SPACE), ("u", SPACE), ("t", b"other")):
        assert await questions(kept, tenant=tenant, space=space) == []
    other = await open_vectors(server.url(database), secret=b"theirs", timeout_s=10.0)
    await add(kept, "again")
    assert (await questions(kept), await questions(other)) == (["again"], [])
    await asyncio.gather(kept.aclose(), other.aclose())
