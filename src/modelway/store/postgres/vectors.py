"""Questions by their vectors on PostgreSQL, by pgvector: for a semantic cache that processes share."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

from modelway.errors import ConfigError, StoreDownError
from modelway.store import CACHE_BYTES
from modelway.store.names import to_bytes
from modelway.store.outage import TO_FIX
from modelway.store.postgres.connections import Connections, Row
from modelway.store.postgres.names import stored

FEW = 2000
"""In a space: so many are compared one by one, which finds all; more are by an index that may miss one."""
_INDEXED_DIMENSIONS = 4000
_VECTOR_DIMENSIONS = 2000
_PARTS = 64
"""A part of the bound that a process may add before it looks at what there is in all."""
_SEAL_BYTES = 32

_NEAREST = "select * from modelway.nearest_vectors($1, $2, $3, $4, $5, $6)"
_PUT = "select modelway.put_vector($1, $2, $3, $4, $5, $6, $7)"
_TRIM = "select modelway.trim_vectors($1, $2, $3)"
_DROP = "with gone as (delete from modelway.vectors {where} returning 1) select count(*) from gone"
_EXTENSION = """
select quote_ident(n.nspname), string_to_array(e.extversion, '.')::int[] >= '{0,8}'
from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
where e.extname = 'vector'
"""
_AVAILABLE = "select exists (select from pg_available_extensions where name = 'vector')"
_CREATE_EXTENSION = "create extension if not exists vector schema modelway"
# each is one statement, of which one process at a time sees what the others have made
_MAKE_TABLE = """
do $modelway$ begin
perform pg_advisory_xact_lock(hashtextextended('modelway vectors', 0));
if not exists (
    select from pg_catalog.pg_tables where schemaname = 'modelway' and tablename = 'vectors'
) then execute $made${statements}$made$; end if;
end $modelway$
"""
_MAKE_INDEX = """
do $modelway$ begin
perform pg_advisory_xact_lock(hashtextextended('modelway vectors', 0));
if not exists (
    select from pg_catalog.pg_indexes where schemaname = 'modelway' and indexname = 'vectors_{dimension}'
) then
    create index vectors_{dimension} on modelway.vectors
    using hnsw ((embedding::{schema}.{kind}({dimension})) {schema}.{kind}_cosine_ops)
    where dimension = {dimension};
end if;
end $modelway$
"""


class Found(NamedTuple):
    similarity: float
    question: str
    data: bytes
    age_s: float


async def open_vectors(
    url: str,
    *,
    most_entries: int = 20_000,
    most_bytes: int = CACHE_BYTES,
    secret: bytes = b"",
    timeout_s: float = 1.0,
    chance: random.Random | None = None,
) -> PostgresVectors:
    """Vectors that are shared with all who open this database; what it lacks of the schema is made.

    Raises ConfigError for what an operator must change: no pgvector, no right to make the extension.
    A server that is only down raises nothing here. What ``secret`` did not seal is not there.
    """
    spread = chance or random.Random()  # noqa: S311  # of what processes do of themselves
    connections = Connections(url, timeout_s=timeout_s, chance=spread)
    vectors = PostgresVectors(
        connections, most_entries=most_entries, most_bytes=most_bytes, secret=secret
    )
    try:
        await vectors.prepare()
    except StoreDownError as error:
        if error.code == TO_FIX:
            await vectors.aclose()
            raise ConfigError(error.message) from error
    except BaseException:
        await vectors.aclose()
        raise
    return vectors


class PostgresVectors:
    """Vectors of the length 1. A tenant's oldest go first, asked for or not: a read writes nothing.

    Bounds are on what all processes keep together; each may pass them by a 64th.
    """

    def __init__(
        self, connections: Connections, *, most_entries: int, most_bytes: int, secret: bytes
    ) -> None:
        self._connections = connections
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._secret = hashlib.sha256(secret).digest() if secret else b""
        self._schema = ""
        """Of pgvector; ``""``: not looked for yet."""
        self._preparing = asyncio.Lock()
        self._indexed: set[int] = set()
        self._added: Counter[str] = Counter()
        self._added_bytes = 0

    async def prepare(self) -> None:
        """See to it that all is there. ConfigError for what an operator must do."""
        if self._schema:
            return
        async with self._preparing:
            found = await self._connections.fetch(_EXTENSION) or await self._extend()
            schema, iterates = found[0]
            statements = resources.files(__package__).joinpath("vectors.sql").read_text()
            statements = statements.replace("@vector", schema).replace("@iterates", str(iterates))
            await self._connections.work(_MAKE_TABLE.replace("{statements}", statements))
            self._schema = schema

    async def nearest(
        self, tenant: str, space: bytes, vector: Sequence[float], *, least: float, limit: int
    ) -> Sequence[Found]:
        """The nearest first, none less near than ``least``."""
        await self.prepare()
        rows = await self._connections.fetch(
            _NEAREST, stored(tenant), space, _text(vector), least, limit, FEW
        )
        found = []
        for similarity, question, value, age_s in rows:
            seal, data = value[:_SEAL_BYTES], value[_SEAL_BYTES:]
            if hmac.compare_digest(seal, self._seal(tenant, space, question, data)):
                found.append(Found(min(similarity, 1.0), question.decode(), data, max(age_s, 0.0)))
        return found

    async def add(
        self,
        tenant: str,
        space: bytes,
        vector: Sequence[float],
        *,
        question: str,
        data: bytes,
        life_s: float,
    ) -> None:
        """Keep an answer, in the place of that to the very same question."""
        await self.prepare()
        await self._index(len(vector))
        asked = question.encode()
        value = self._seal(tenant, space, asked, data) + data
        digest = hashlib.sha256(asked).digest()
        await self._connections.fetch(
            _PUT, stored(tenant), space, digest, _text(vector), asked, value, life_s
        )
        self._added[tenant] += 1
        self._added_bytes += len(value) + len(asked) + 8 * len(vector)
        if (
            self._added[tenant] * _PARTS > self._most_entries
            or self._added_bytes * _PARTS > self._most_bytes
        ):
            del self._added[tenant]
            self._added_bytes = 0
            await self._connections.work(
                _TRIM, stored(tenant), self._most_entries, self._most_bytes
            )

    async def drop(self, tenant: str | None = None) -> int:
        """Forget a tenant's, or all; how many there were."""
        await self.prepare()
        if tenant is None:
            rows = await self._connections.fetch(_DROP.format(where=""))
        else:
            rows = await self._connections.fetch(
                _DROP.format(where="where tenant = $1"), stored(tenant)
            )
        number: int = rows[0][0]
        return number

    async def aclose(self) -> None:
        await self._connections.aclose()

    async def _extend(self) -> list[Row]:
        """Make the extension, where we may."""
        if not (await self._connections.fetch(_AVAILABLE))[0][0]:
            raise ConfigError(
                "the PostgreSQL server of the semantic cache has no pgvector: install it there "
                "(https://github.com/pgvector/pgvector#installation), or name another server"
            )
        refused: StoreDownError | None = None
        try:
            await self._connections.work(_CREATE_EXTENSION)
        except StoreDownError as error:
            refused = error  # another process may have made it at the same time
        found = await self._connections.fetch(_EXTENSION)
        if not found and refused is not None:
            if refused.code != TO_FIX:
                raise refused
            raise ConfigError(
                "the role of the semantic cache may not make the extension pgvector in its database on "
                "PostgreSQL; as a superuser run there: CREATE EXTENSION vector SCHEMA modelway"
            ) from refused
        return found

    async def _index(self, dimension: int) -> None:
        """Without one, which takes the schema's owner to make, all of a space is looked through."""
        if dimension in self._indexed or dimension > _INDEXED_DIMENSIONS:
            return
        kind = "vector" if dimension <= _VECTOR_DIMENSIONS else "halfvec"
        statement = _MAKE_INDEX.format(dimension=dimension, kind=kind, schema=self._schema)
        try:
            await self._connections.work(statement)
        except StoreDownError as error:
            if error.code != TO_FIX:
                raise
        self._indexed.add(dimension)

    def _seal(self, tenant: str, space: bytes, question: bytes, data: bytes) -> bytes:
        sealed = hashlib.blake2b(
            key=self._secret, digest_size=_SEAL_BYTES, person=b"modelway vector"
        )
        for part in (to_bytes(tenant), space, question, data):
            sealed.update(len(part).to_bytes(8))
            sealed.update(part)
        return sealed.digest()


def _text(vector: Sequence[float]) -> str:
    return f"[{','.join([format(number, '.9g') for number in vector])}]"
