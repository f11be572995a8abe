"""Opening connections, on loopback."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from modelway.call import Timeouts
from modelway.errors import APIConnectionError, APITimeoutError, ConfigError
from modelway.ports import Origin
from modelway.transport.dial import RACE_DELAY_S, dial, system_resolve
from modelway.transport.http1 import Http1Transport
from modelway.transport.settings import TLS, context_of
from support.origin_server import plain, serve
from support.transports import wire

HELLO = plain(b"hello")


def _closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def test_names_are_resolved_to_addresses():
    addresses = await system_resolve("127.0.0.1", 80)
    assert [(family, address[:2]) for family, address in addresses] == [
        (socket.AF_INET, ("127.0.0.1", 80))
    ]


async def test_the_first_address_that_answers_wins():
    async with serve(HELLO) as origin:

        async def resolve(host, port):
            return [
                (socket.AF_INET, ("127.0.0.1", _closed_port())),
                (socket.AF_INET, ("127.0.0.1", origin.port)),
            ]

        started = time.monotonic()
        connection = await dial(Origin("http", "two.example", 1), resolve)
        assert connection.getpeername()[1] == origin.port
        assert time.monotonic() - started < RACE_DELAY_S
        connection.close()


async def test_an_address_that_hangs_is_overtaken(monkeypatch):
    async with serve(HELLO) as origin:
        loop = asyncio.get_running_loop()
        real = loop.sock_connect

        async def sock_connect(connection, address):
            if address[1] == 1:
                await asyncio.sleep(10)
            await real(connection, address)

        monkeypatch.setattr(loop, "sock_connect", sock_connect)

        async def resolve(host, port):
            return [
                (socket.AF_INET, ("127.0.0.1", 1)),
                (socket.AF_INET, ("127.0.0.1", origin.port)),
            ]

        started = time.monotonic()
        connection = await dial(Origin("http", "two.example", 1), resolve)
        assert RACE_DELAY_S * 0.9 < time.monotonic() - started < 2
        connection.close()


async def test_all_addresses_fail():
    async def resolve(host, port):
        return [(socket.AF_INET, ("127.0.0.1", _closed_port())) for _ in range(3)]

    client = Http1Transport(resolve=resolve)
    with pytest.raises(APIConnectionError) as caught:
        await client.send(wire(Origin("http", "three.example", 1)))
    assert caught.value.code == "refused"


async def test_a_name_that_does_not_exist():
    async def resolve(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    client = Http1Transport(resolve=resolve)
    with pytest.raises(APIConnectionError, match=r"nowhere\.example cannot be resolved") as caught:
        await client.send(wire(Origin("http", "nowhere.example", 80)))
    assert caught.value.code == "dns"


@pytest.mark.parametrize("host", ["a" * 64, "a..b"])
async def test_a_name_that_cannot_exist(host):
    with pytest.raises(APIConnectionError) as caught:
        await Http1Transport().send(wire(Origin("http", host, 80)))
    assert caught.value.code == "dns"


async def test_a_name_without_addresses():
    async def resolve(host, port):
        return []

    client = Http1Transport(resolve=resolve)
    with pytest.raises(APIConnectionError, match="no address"):
        await client.send(wire(Origin("http", "empty.example", 80)))


async def test_a_slow_name_server_counts_as_connecting():
    async def resolve(host, port):
        await asyncio.sleep(10)

    client = Http1Transport(resolve=resolve)
    with pytest.raises(APITimeoutError) as caught:
        await client.send(wire(Origin("http", "a.example", 80), timeouts=Timeouts(connect_s=0.05)))
    assert caught.value.code == "connect"


async def test_a_port_that_does_not_speak_tls():
    async def accept(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    client = Http1Transport()
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(APIConnectionError) as caught:
        await client.send(wire(Origin("https", "127.0.0.1", port)))
    assert caught.value.code in {"tls", "connect"}
    server.close()
    await asyncio.sleep(0.01)


def test_files_that_cannot_be_loaded(tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for tls in (TLS(ca_file=str(tmp_path / "absent.pem")), TLS(certificate_file=str(empty))):
        with pytest.raises(ConfigError, match="pem"):
            context_of(tls)
