"""URLs taken apart, names as the server can keep them, and what is said of a fault."""

from __future__ import annotations

from urllib.parse import quote

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import ConfigError
from modelway.store.postgres.address import read_address
from modelway.store.postgres.faults import FAULTS, told
from modelway.store.postgres.names import stored


@pytest.mark.parametrize(
    ("url", "place", "user", "pooled"),
    [
        ("postgresql://ann@db:5433/app", "db:5433/app", "ann", False),
        ("postgres://ann:x@db/app?sslmode=require", "db/app", "ann", False),
        ("postgresql://db/app?user=ann&statement_cache_size=0", "db/app", "ann", True),
        ("postgresql://ann@db/app?statement_cache_size=100", "db/app", "ann", False),
        ("postgresql://a%40b@h1:1,h2:2/app", "h1:1,h2:2/app", "a@b", False),
        ("postgresql://ann@[::1]:5432/app", "[::1]:5432/app", "ann", False),
        ("postgresql:///app?host=/run/postgresql", "/run/postgresql/app", "the role", False),
    ],
)
def test_an_address(url, place, user, pooled):
    address = read_address(url)
    assert address[1:] == (place, user, pooled)
    assert "statement_cache_size" not in address.url
    assert repr(address) == f"Address({place})"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://zoe@db/app",
        "postgresql://zoe:xyzzy/plugh@db/app",
        "postgresql://zoe:xyzzy:/@#?plugh@db/app",
        "postgresql://zoe:xyzzy#plugh@db/app",
        "postgresql://zoe:77/88plugh@db/app",
        "postgresql://zoe:xyzzy@[db/app",
        "postgresql://zoe:xyzzy@db/app?plugh",
    ],
)
def test_a_url_that_cannot_be_read_is_not_repeated(url):
    with pytest.raises(ConfigError, match="the URL of the store on PostgreSQL") as caught:
        read_address(url)
    said = str(caught.value)
    assert [word for word in ("xyzzy", "plugh", "zoe", "77", "88") if word in said] == []
    assert caught.value.__cause__ is None


@given(st.text())
def test_a_password_is_never_part_of_the_place(password):
    address = read_address(f"postgresql://ann:{quote(password, safe='')}@db:5432/app")
    assert address[1:] == ("db:5432/app", "ann", False)


@given(st.lists(st.text(st.characters(codec=None, exclude_categories=()), max_size=12)))
def test_names_that_differ_are_kept_apart_and_can_be_kept(names):
    kept = [stored(name) for name in names]
    assert len(set(kept)) == len(set(names))
    for name in kept:
        assert "\0" not in name
        assert len(name.encode()) <= 500


def test_a_name_is_itself_unless_it_cannot_be():
    assert stored("tenant/ann") == "tenant/ann"
    long = stored("x" * 501)
    assert long.startswith("sha256:")
    assert stored(long) != long, "who names a digest does not get its pool"


@pytest.mark.parametrize(
    "kind",
    [
        *[kind for kind in FAULTS if kind is not ConfigError],  # which says all by itself
        asyncpg.InvalidPasswordError,
        ConnectionRefusedError,
    ],
)
def test_every_fault_is_told_with_the_place(kind):
    message = told(kind("words"), "db:5432/app", "ann", 1.0)
    assert message.startswith("the store on PostgreSQL at db:5432/app")
    assert len(message) > len("the store on PostgreSQL at db:5432/app") + 10


def test_a_right_that_is_missing_is_told_with_what_to_run():
    error = asyncpg.InsufficientPrivilegeError("permission denied for schema modelway")
    assert 'GRANT USAGE ON SCHEMA modelway TO "ann"' in told(error, "db/app", "ann", 1.0)
