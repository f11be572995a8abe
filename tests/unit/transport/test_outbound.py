from __future__ import annotations

import socket

import pytest

from modelway.errors import APIConnectionError, ForbiddenError
from modelway.ports import Origin
from modelway.transport.http1 import Http1Transport
from modelway.transport.outbound import OutboundGuard, is_public
from support.origin_server import plain, serve
from support.transports import wire


def names(**answers: tuple[str, ...]):
    """A name server; it answers a name's addresses one lookup after the other, the last for ever."""
    asked: list[str] = []

    async def resolve(host, port):
        asked.append(host)
        found = answers.get(host.replace(".", "_"), ())
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        address = found[min(asked.count(host), len(found)) - 1]
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, (one, port))
            for one in address.split()
        ]

    return resolve


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://LOCALHOST:8000/",
        "http://a.localhost/",
        "http://printer.local/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://127.0.0.1/",
        "http://127.255.0.1/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://168.63.129.16/",
        "http://100.100.100.200/",
        "http://100.64.0.1/",
        "http://192.0.0.192/",
        "http://198.18.0.1/",
        "http://203.0.113.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://[::]/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:8.8.8.8]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[64:ff9b:1::1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:4136:e378::]/",
        "http://[2001:db8::1]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://017700000001/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://example.com./",
        "http://user@example.com/",
        "http://example.com@127.0.0.1/",
        "http://example.com#@127.0.0.1/",
        "http://example.com\\@127.0.0.1/",
        "http://①②⑦.⓪.⓪.①/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:text/plain,hello",
        "//example.com/",
        "",
    ],
)
async def test_places_that_are_refused(url):
    guard = OutboundGuard(resolve=names(example_com=("93.184.216.34",)))
    with pytest.raises(ForbiddenError):
        guard.inspect(url)
    with pytest.raises(ForbiddenError):
        await guard.check(url)


async def test_a_public_place_is_pinned():
    guard = OutboundGuard(
        resolve=names(
            example_com=("93.184.216.34 2606:2800:220:1::1",), **{"8_8_8_8": ("8.8.8.8",)}
        )
    )
    checked = await guard.check("https://Example.com/a%20b?x=1")
    assert checked.origin == Origin("https", "example.com", 443)
    assert checked.target == "/a%20b?x=1"
    assert [address[0] for _, address in checked.addresses] == [
        "93.184.216.34",
        "2606:2800:220:1::1",
    ]
    assert (await guard.check("http://8.8.8.8")).target == "/"


@pytest.mark.parametrize(
    "answer", ["127.0.0.1", "93.184.216.34 10.0.0.1", "fe80::1%eth0", "::ffff:10.0.0.1"]
)
async def test_a_name_with_any_private_address_is_refused(answer):
    guard = OutboundGuard(resolve=names(rebind_example=(answer,)))
    with pytest.raises(ForbiddenError) as caught:
        await guard.check("http://rebind.example/")
    assert "10.0.0.1" not in str(caught.value)


async def test_a_name_that_changes_its_mind_reaches_nothing():
    async with serve(plain(b"secret")) as origin:
        resolve = names(rebind_example=("93.184.216.34", "127.0.0.1"))
        guard = OutboundGuard(resolve=resolve)
        await guard.check(f"http://rebind.example:{origin.port}/")
        client = Http1Transport(resolve=guard.resolve)
        with pytest.raises(ForbiddenError):
            await client.send(wire(Origin("http", "rebind.example", origin.port)))
        with pytest.raises(ForbiddenError):
            await client.send(wire(Origin("http", "127.0.0.1", origin.port)))
        await client.aclose()
        assert origin.connections == 0


async def test_operators_places_are_trusted():
    async with serve(plain(b"hello")) as origin:
        guard = OutboundGuard(trusted=[origin.origin])
        checked = await guard.check(f"http://127.0.0.1:{origin.port}/x")
        assert checked.addresses[0][1][0] == "127.0.0.1"
        client = Http1Transport(resolve=guard.resolve)
        assert await (await client.send(wire(origin.origin))).read() == b"hello"
        await client.aclose()
        for url in (f"https://127.0.0.1:{origin.port}/", f"http://127.0.0.1:{origin.port + 1}/"):
            with pytest.raises(ForbiddenError):
                guard.inspect(url)


async def test_a_name_that_does_not_exist():
    with pytest.raises(APIConnectionError):
        await OutboundGuard(resolve=names()).check("http://nowhere.example/")


def test_errors_do_not_echo_the_url():
    with pytest.raises(ForbiddenError) as caught:
        OutboundGuard().inspect("http://127.0.0.1/?token=sk-secret")
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "2a00:1450::1"]
)
def test_public_addresses(address):
    assert is_public(address)
