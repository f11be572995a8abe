"""Who may use a PostgreSQL and its schema, and what they are told who may not."""

from __future__ import annotations

import asyncio
import math
import traceback

import pytest

from modelway.errors import ConfigError, StoreDownError
from modelway.ports import Pool
from modelway.store.outage import TO_FIX
from modelway.store.postgres import open_postgres
from modelway.store.postgres.migrating import migrations
from support.servers_postgres import opened

MONEY = Pool("money", 100, math.inf, 60.0)


@pytest.fixture(scope="module")
def server(postgres):
    return postgres


@pytest.fixture
async def database(server):
    return await server.new_database()


async def left(store):
    return (await store.leases.take(MONEY, 0)).left


async def refused(url):
    """What is said to who opens this."""
    with pytest.raises(ConfigError) as caught:
        async with opened(url):
            pytest.fail("it opened")
    return str(caught.value)


async def test_who_comes_first_makes_the_schema_however_many_come(server, database):
    url = server.url(database)
    stores = await asyncio.gather(*[open_postgres(url, timeout_s=10.0) for _ in range(12)])
    grants = await asyncio.gather(*[store.leases.take(MONEY, 9) for store in stores])
    assert sorted(grant.amount for grant in grants) == [1, *[9] * 11]
    await asyncio.gather(*[store.aclose() for store in stores])
    rows = await server.run("select version from modelway.migrations order by 1", database)
    assert [row[0] for row in rows] == list(range(1, len(migrations()) + 1))


async def test_a_newer_schema_is_refused(server, database):
    async with opened(server.url(database)) as old:
        await left(old)
        await server.run("insert into modelway.migrations values (1000)", database)
        assert "has version 1000, and this" in await refused(server.url(database))
        assert await left(old) == 100, "who was there before goes on"


async def test_a_role_without_rights_is_told_what_to_grant(server, database):
    await server.run(f"create role {database}_role login")
    url = server.url(database, f"{database}_role")
    grant = f'GRANT CREATE ON DATABASE "{database}" TO "{database}_role"'
    assert grant in await refused(url)
    await server.run(grant)
    async with opened(url) as store:
        assert await left(store) == 100


async def test_a_role_in_another_s_schema_is_told_what_to_grant(server, database):
    async with opened(server.url(database)) as store:
        await left(store)
    await server.run(f"create role {database}_role login")
    url = server.url(database, f"{database}_role")
    for command in (await refused(url)).rpartition("run: ")[2].split("; "):
        await server.run(command, database)
    async with opened(url) as store:
        assert (await store.leases.take(MONEY, 1)).amount == 1
        await store.cache.put("key", b"value", life_s=60)
        await store.records.append("stream", [("key", b"data")])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("postgres@", "stranger@"), "does not let us in"),
        (("/fresh", "/no_fresh"), "does not exist"),
    ],
)
async def test_what_an_operator_must_change_is_said_on_opening(server, database, change, says):
    assert says in await refused(server.url(database).replace(*change))


async def test_what_an_operator_must_change_is_said_by_calls_where_the_server_came_later(
    server, database
):
    await asyncio.to_thread(server.stop)
    try:
        async with opened(server.url(database, "stranger")) as store:
            await asyncio.to_thread(server.start)
            async with asyncio.timeout(20):
                code = None
                while code is None:
                    with pytest.raises(StoreDownError) as caught:
                        await left(store)
                    code = caught.value.code
                    await asyncio.sleep(0.02)
            assert code == TO_FIX
            assert "does not let us in" in caught.value.message
    finally:
        await asyncio.to_thread(server.ensure)


async def test_a_server_that_has_no_room_is_only_down(server, database):
    await server.run(f"create role {database}_role login connection limit 1 superuser")
    await server.run(f"alter role {database}_role nosuperuser")
    await server.run(f"alter database {database} connection limit 0")
    await server.run(f'grant create on database {database} to "{database}_role"')
    async with opened(server.url(database, f"{database}_role")) as store:
        with pytest.raises(StoreDownError, match="too many connections") as caught:
            await left(store)
        assert caught.value.code is None
        await server.run(f"alter database {database} connection limit -1")
        async with asyncio.timeout(20):
            while True:
                try:
                    assert await left(store) == 100
                    break
                except StoreDownError:
                    await asyncio.sleep(0.05)


async def test_an_isolation_that_is_another_database_wide(server, database):
    await server.run(
        f"alter database {database} set default_transaction_isolation = 'serializable'"
    )
    for options in ("", "?statement_cache_size=0"):
        pool = MONEY._replace(name=f"money{options}")
        async with opened(server.url(database) + options) as store:
            grants = await asyncio.gather(*[store.leases.take(pool, 7) for _ in range(40)])
            assert sum(grant.amount for grant in grants) == 100


async def test_no_error_nor_repr_has_the_password(server, database):
    port = server.port
    secret = "swordfish"
    shown = []
    for url in (
        f"postgresql://stranger:{secret}@127.0.0.1:{port}/{database}",
        f"postgresql://postgres:{secret}@127.0.0.1:1/{database}",
        f"postgresql://postgres@127.0.0.1:{port}/none?password={secret}",
        f"postgresql://postgres:{secret}@127.0.0.1:{port}/{database}?sslmode=perhaps",
        f"postgresql://postgres:{secret}@127.0.0.1:{port}/{database}?passfile=%00",
        f"postgresql://postgres:{secret}@127.0.0.1:{port}/{database}?nonsense=1",
    ):
        try:
            async with opened(url) as store:
                shown.append(repr(store) + repr(vars(store.leases)))
                await left(store)
        except (ConfigError, StoreDownError) as error:
            shown.append("".join(traceback.format_exception(error)) + repr(error))
    assert len(shown) >= 6
    assert [text for text in shown if secret in text] == []
