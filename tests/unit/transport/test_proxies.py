from __future__ import annotations

import subprocess
import sys

import pytest

from modelway.errors import ConfigError
from modelway.ports import Origin
from modelway.transport import Http1Transport, Transports, choose_transport
from modelway.transport.proxied import ProxiedTransport
from modelway.transport.proxies import Proxy, parse_proxy, proxies_of, proxy_for
from support.origin_server import plain, serve
from support.transports import wire

BOTH = {"http_proxy": "http://p:1", "https_proxy": "http://p:2"}


def port_for(environment: dict[str, str], scheme: str, host: str, port: int = 80, **options):
    proxy = proxy_for(proxies_of(environment), Origin(scheme, host, port), **options)
    return None if proxy is None else proxy.origin.port


@pytest.mark.parametrize(
    ("environment", "http", "https"),
    [
        ({}, None, None),
        (BOTH, 1, 2),
        ({"HTTP_PROXY": "p:1", "HTTPS_PROXY": "p:2"}, 1, 2),
        ({"https_proxy": "p:1", "HTTPS_PROXY": "p:2"}, None, 1),
        ({"https_proxy": "", "HTTPS_PROXY": "p:2"}, None, None),
        ({"all_proxy": "p:3"}, 3, 3),
        ({"all_proxy": "p:3", "http_proxy": "p:1"}, 1, 3),
        ({"HTTP_PROXY": "p:1", "REQUEST_METHOD": "GET"}, None, None),
        ({"http_proxy": "p:1", "REQUEST_METHOD": "GET"}, 1, None),
    ],
)
def test_variables(environment, http, https):
    assert port_for(environment, "http", "api.example") == http
    assert port_for(environment, "https", "api.example", 443) == https


@pytest.mark.parametrize(
    ("exceptions", "host", "direct"),
    [
        ("*", "api.example", True),
        ("api.example", "api.example", True),
        ("API.Example", "api.example", True),
        ("example", "api.example", True),
        (".example", "api.example", True),
        ("*.example", "api.example", True),
        ("example.", "api.example", True),
        ("pi.example", "api.example", False),
        ("a, b ,api.example", "api.example", True),
        ("a b api.example", "api.example", True),
        ("api.example:80", "api.example", True),
        ("api.example:81", "api.example", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("0.1.2.3", "10.1.2.3", False),
        ("fd00::/8", "fd00::1", True),
        ("[fd00::1]:80", "fd00::1", True),
        ("", "api.example", False),
        (", ,", "api.example", False),
        (".", "api.example", False),
    ],
)
def test_exceptions(exceptions, host, direct):
    environment = BOTH | {"no_proxy": exceptions}
    assert port_for(environment, "http", host) == (None if direct else 1)


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_loopback_is_direct_unless_asked(host):
    assert port_for(BOTH, "http", host) is None
    assert port_for(BOTH, "http", host, proxy_loopback=True) == 1


def test_a_proxys_password_is_shown_nowhere():
    proxy = parse_proxy("http://us%40er:p%3Ass@proxy.example:3128", "https_proxy")
    assert (proxy.user, proxy.password) == ("us@er", "p:ss")
    assert proxy.origin == Origin("http", "proxy.example", 3128)
    assert "p:ss" not in repr(proxy)


@pytest.mark.parametrize(
    "text",
    ["socks5://p:1", "http://u:secret@", "http://p:x", "http://p:1/path", "http://u:secret@p@q"],
)
def test_what_is_not_a_proxy(text):
    with pytest.raises(ConfigError, match="https_proxy") as caught:
        proxies_of({"https_proxy": text})
    assert "secret" not in str(caught.value)


async def test_each_origin_has_its_way():
    direct, behind = Origin("http", "127.0.0.1", 80), Origin("https", "api.example", 443)
    transports = choose_transport({"HTTPS_PROXY": "http://p:1"})
    assert isinstance(transports, Transports)
    assert isinstance(transports.choose(direct), Http1Transport)
    assert isinstance(transports.choose(behind), ProxiedTransport)
    assert transports.choose(behind) is transports.choose(behind)
    await transports.aclose()
    assert isinstance(choose_transport({"NO_PROXY": "*"}), Http1Transport)


async def test_a_request_goes_through_the_proxy():
    async with serve(plain(b"by proxy")) as origin:
        address = f"http://user:word@127.0.0.1:{origin.port}"
        transports = choose_transport({"http_proxy": address})
        response = await transports.send(wire(Origin("http", "api.example", 80)))
        assert await response.read() == b"by proxy"
        assert origin.requests[0].header("host") == "api.example"
        assert origin.requests[0].header("proxy-authorization") == "Basic dXNlcjp3b3Jk"
        await transports.aclose()


async def test_a_proxy_that_refuses():
    refusal = plain(b"", status=b"407 Proxy Authentication Required")

    async with serve(refusal) as origin:
        transport = ProxiedTransport(Proxy(origin=origin.origin))
        response = await transport.send(wire(Origin("http", "api.example", 80)))
        assert response.status == 407
        await response.read()
        await transport.aclose()


def test_without_aiohttp(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(ConfigError, match=r"modelway\[proxy\]"):
        choose_transport({"https_proxy": "p:1"}).choose(Origin("https", "api.example", 443))


def test_aiohttp_is_imported_only_for_a_proxy():
    program = (
        "import sys, modelway.transport, modelway.transport.routes\n"
        "modelway.transport.choose_transport({})\n"
        "print([name for name in ('aiohttp', 'yarl', 'cryptography') if name in sys.modules])"
    )
    done = subprocess.run(  # our own interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
