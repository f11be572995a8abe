"""A server that says what no server says at a test's bidding."""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import random

import pytest

from modelway.errors import StoreDownError
from modelway.store.outage import TO_FIX
from modelway.store.redis.address import read_address
from modelway.store.redis.servers import Servers, _slot, read_script


class Scripted:
    """Answers each command by its name with what ``answers`` has for it, else with OK."""

    def __init__(self):
        self.answers = {}
        self.silent = asyncio.Event()
        self.connections = 0
        self.commands = []

    async def serve(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while (head := await reader.readline()).startswith(b"*"):
                words = []
                for _ in range(int(head[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2])
                self.commands.append(words)
                answer = self.answers.get(words[0].decode(), b"+OK\r\n")
                if answer is None:
                    break
                if not answer:
                    self.silent.set()
                writer.write(answer)
        writer.close()


@contextlib.asynccontextmanager
async def served(userinfo="", timeout_s=5.0):
    scripted = Scripted()
    async with await asyncio.start_server(scripted.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        address = read_address(f"redis://{userinfo}127.0.0.1:{port}/2")
        servers = Servers(address, timeout_s=timeout_s, chance=random.Random(5))
        try:
            yield servers, scripted
        finally:
            await servers.aclose()
            await asyncio.sleep(0.01)  # the server's end of it closes too


async def test_who_it_says_it_is():
    async with served("u:p%20q@") as (servers, scripted):
        assert await servers.call("GET", "k") == b"OK"
        assert scripted.commands == [
            [b"AUTH", b"u", b"p q"],
            [b"SELECT", b"2"],
            [b"PING"],
            [b"CLIENT", b"SETNAME", b"modelway"],
            [b"GET", b"k"],
        ]


async def test_a_server_that_knows_no_names():
    async with served() as (servers, scripted):
        scripted.answers["CLIENT"] = b"-NOPERM this user has no permissions\r\n"
        assert await servers.call("GET", "k") == b"OK"


async def test_a_password_that_a_server_says_back():
    async with served(":correct%20horse@") as (servers, scripted):
        scripted.answers["AUTH"] = b"-ERR unknown command `AUTH`, with `correct horse`\r\n"
        with pytest.raises(
            StoreDownError, match=r"unknown command `AUTH`, with `\*\*\*`"
        ) as raised:
            await servers.call("GET", "k")
        assert "correct" not in f"{raised.value!r} {vars(servers._first)}"
        assert raised.value.code == TO_FIX


@pytest.mark.parametrize(
    ("command", "answer", "told"),
    [
        ("PING", b"-LOADING the dataset\r\n", "refused: LOADING"),
        ("GET", b"-LOADING the dataset\r\n", "refused: LOADING"),
        ("GET", b"-READONLY a replica\r\n", "refused: READONLY"),
        ("PING", b"-ERR max number of clients reached\r\n", "max number of clients"),
        ("PING", b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak the protocol"),
        ("GET", b"+one\r\n+too many\r\n", "does not speak the protocol"),
        ("CLIENT", b"+OK\r\n+too many\r\n", "does not speak the protocol"),
        ("PING", None, "closed the connection"),
        ("GET", None, "closed the connection"),
        ("PING", b"", "did not answer in 0.3 s"),
        ("GET", b"", "did not answer in 0.3 s"),
        ("GET", b"$100\r\nhalf of it", "did not answer in 0.3 s"),
    ],
)
async def test_a_server_that_is_not_there(command, answer, told):
    """The first call finds out, others fail at once and alike, and later it works by itself."""
    async with served(timeout_s=0.3 if "0.3 s" in told else 5.0) as (servers, scripted):
        scripted.answers[command] = answer
        with contextlib.suppress(StoreDownError):  # one answer too many is of the next question
            await servers.call("GET", "k")
        connections = scripted.connections
        for _ in range(20):
            with pytest.raises(StoreDownError, match=told):
                await servers.call("GET", "k")
        assert scripted.connections == connections == 1
        scripted.answers.clear()
        servers._first._outage._until = 0.0  # time passes
        assert await servers.call("GET", "k") == b"OK"
        assert scripted.connections == 2


async def test_a_refusal_is_of_one_call():
    async with served() as (servers, scripted):
        scripted.answers["SET"] = b"-OOM command not allowed\r\n"
        refused, got = await asyncio.gather(
            servers.call("SET", "k", "v"), servers.call("GET", "k"), return_exceptions=True
        )
        assert isinstance(refused, StoreDownError)
        assert got == b"OK"
        assert scripted.connections == 1


async def test_a_script_is_sent_where_it_is_not_known():
    script = read_script("leases.lua")
    async with served() as (servers, scripted):
        await servers.run(script, ["k"], [1])
        scripted.answers["EVALSHA"] = b"-NOSCRIPT No matching script.\r\n"
        await servers.run(script, ["k"], [1])
        scripted.answers["EVALSHA"] = b"-ERR another fault\r\n"
        with pytest.raises(StoreDownError, match="another fault"):
            await servers.run(script, ["k"], [1])
        sent = [words for words in scripted.commands if words[0].startswith(b"EVAL")]
        name, text = script.name.encode(), script.text.encode()
        assert [words[:2] for words in sent] == [
            [b"EVALSHA", name],
            [b"EVALSHA", name],
            [b"EVAL", text],
            [b"EVALSHA", name],
        ]
        assert {tuple(words[2:]) for words in sent} == {(b"1", b"k", b"1")}


async def test_a_call_while_it_is_closed():
    async with served() as (servers, scripted):
        scripted.answers["GET"] = b""
        waiting = asyncio.ensure_future(servers.call("GET", "k"))
        await scripted.silent.wait()
        await servers.aclose()
        for call in (waiting, servers.call("GET", "k")):
            with pytest.raises(StoreDownError, match="closed"):
                await call


async def test_closed_while_it_connects():
    async with served() as (servers, scripted):
        scripted.answers["PING"] = b""
        waiting = asyncio.ensure_future(servers.call("GET", "k"))
        await scripted.silent.wait()
        await servers.aclose()
        with pytest.raises(StoreDownError, match="closed"):
            await waiting


async def test_a_host_that_is_no_name():
    servers = Servers(
        read_address(f"redis://{'x' * 70}.invalid"), timeout_s=5, chance=random.Random(5)
    )
    with pytest.raises(StoreDownError, match="cannot be reached"):
        await servers.call("GET", "k")
    await servers.aclose()


@pytest.mark.parametrize(
    ("key", "same"),
    [
        (b"x{user1000}.following", b"user1000"),
        (b"foo{}{bar}", None),
        (b"foo{{bar}}zap", b"{bar"),
        (b"foo{bar}{zap}", b"bar"),
        (b"foo{bar", None),
        ("k{é}", "é".encode()),
    ],
)
def test_slots(key, same):
    """By the examples of the cluster's specification."""
    assert _slot(b"123456789") == 0x31C3
    whole = key if isinstance(key, bytes) else key.encode()
    assert _slot(key) == binascii.crc_hqx(whole if same is None else same, 0) % 16384


async def test_servers_that_send_a_key_in_a_circle():
    async with served() as (servers, scripted):
        port = servers.address_of("k").port
        scripted.answers["GET"] = f"-MOVED 7629 :{port}\r\n".encode()
        with pytest.raises(StoreDownError, match="to one another"):
            await servers.call("GET", "k")
        assert scripted.connections == 1
