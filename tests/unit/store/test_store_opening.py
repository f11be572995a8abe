"""Stores by their URLs."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from modelway.errors import ConfigError
from modelway.store import opening
from modelway.store.memory import MemoryLeases
from modelway.store.opening import open_store
from modelway.store.sqlite import SqliteLeases


@pytest.mark.parametrize("url", ["memory:", "memory://", "MEMORY:"])
async def test_memory(url):
    store = await open_store(url)
    assert isinstance(store.leases, MemoryLeases)
    await store.aclose()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite://{0}/a.sqlite", "a.sqlite"),
        ("sqlite:{0}/a.sqlite", "a.sqlite"),
        ("sqlite:below/a.sqlite", "below/a.sqlite"),
        ("SQLite:a%20b.sqlite", "a b.sqlite"),
        ("sqlite:a?b#c.sqlite", "a?b#c.sqlite"),
    ],
)
async def test_sqlite(url, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = await open_store(url.format(tmp_path), timeout_s=7)
    assert isinstance(store.leases, SqliteLeases)
    assert (tmp_path / name).is_file()
    await store.aclose()


@pytest.mark.parametrize(
    "url",
    ["sqlite:", "sqlite://", "sqlite:///", "sqlite://host/x", "sqlite::memory:", "sqlite:%00"],
)
async def test_paths_that_are_none(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="sqlite:///absolute/path or sqlite:relative"):
        await open_store(url)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memory",
        "memory:thing",
        "mysql://user:hunter2@host/x",
        "hunter2",
        "/a/path:hunter2",
        "redis:hunter2",
        "postgres:/hunter2",
        "http+redis://:hunter2@host",
    ],
)
async def test_urls_that_are_none(url):
    with pytest.raises(ConfigError, match="begins with memory:, sqlite:, postgres://") as raised:
        await open_store(url)
    assert "hunter2" not in f"{raised.value!r}"


@pytest.mark.parametrize(
    ("scheme", "module", "function"),
    [
        ("postgres", "postgres", "open_postgres"),
        ("postgresql", "postgres", "open_postgres"),
        ("redis", "redis", "open_redis"),
        ("rediss", "redis", "open_redis"),
        ("valkey", "redis", "open_redis"),
        ("Valkeys", "redis", "open_redis"),
    ],
)
async def test_servers_are_opened_where_they_are(scheme, module, function, monkeypatch):
    asked = []

    async def opened(url, *, timeout_s):
        asked.append((url, timeout_s))
        return "the store"

    def found(name):
        assert name == f"modelway.store.{module}"
        return SimpleNamespace(**{function: opened})

    monkeypatch.setattr(opening, "importlib", SimpleNamespace(import_module=found))
    assert await open_store(f"{scheme}://host/1", timeout_s=2.0) == "the store"
    assert asked == [(f"{scheme}://host/1", 2.0)]


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        ("postgres://u:hunter2@host/x", "asyncpg", "postgres"),
        ("redis://:hunter2@host", "hiredis", "redis"),
    ],
)
async def test_an_extra_that_is_not_installed(url, package, extra, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(f"modelway.store.{extra}")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError) as raised:
        await open_store(url)
    assert f"pip install 'modelway[{extra}]'" in raised.value.message
    assert "hunter2" not in f"{raised.value!r}"


def test_the_clients_of_servers_are_not_imported_unasked():
    code = (
        "import asyncio, sys, modelway.testing.stores.processes\n"
        "from modelway.store.opening import open_store\n"
        "asyncio.run(open_store('memory:'))\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"asyncpg", "hiredis", "sqlite3"} & set(done.stdout.split())
