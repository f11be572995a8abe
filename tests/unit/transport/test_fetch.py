"""What a caller's URL names, fetched over real sockets."""

import asyncio
import gzip
from contextlib import asynccontextmanager

import pytest

from modelway.errors import BadRequestError, ForbiddenError
from modelway.ports import Origin
from modelway.transport.fetch import Fetcher

BOMB = gzip.compress(gzip.compress(b"\0" * 10_000_000))
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
ANSWERS = {
    "/png": b"HTTP/1.1 200 OK\r\ncontent-type: image/png; x=y\r\ncontent-length: 48\r\n\r\n" + PNG,
    "/vague": b"HTTP/1.1 200 OK\r\ncontent-length: 48\r\n\r\n" + PNG,
    "/empty": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "/missing": b"HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\nsecret",
    "/once": b"HTTP/1.1 302 Found\r\nlocation: /png\r\ncontent-length: 0\r\n\r\n",
    "/round": b"HTTP/1.1 302 Found\r\nlocation: /round\r\ncontent-length: 0\r\n\r\n",
    "/inside": b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n",
    "/file": b"HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n",
    "/endless": b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n" + b"x" * 100_000,
    "/bomb": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip, gzip\r\ncontent-length: %d\r\n\r\n%b"
    % (len(BOMB), BOMB),
    "/bombs": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b"
    % (len(gzip.decompress(BOMB)), gzip.decompress(BOMB)),
    "/cut": b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 100\r\n\r\nabc",
}


@asynccontextmanager
async def host():
    asked = []

    async def answer(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head)
        writer.write(ANSWERS[head.split(" ")[1].partition("?")[0]])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    fetcher = Fetcher(trusted=[Origin("http", "127.0.0.1", port)], max_bytes=50_000)
    try:
        yield fetcher, f"http://127.0.0.1:{port}", asked
    finally:
        await fetcher.aclose()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("path", ["/png", "/vague", "/once"])
async def test_content_with_its_media_type(path):
    async with host() as (fetch, base, _):
        assert await fetch(base + path) == ("image/png", PNG)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/empty", "empty"),
        ("/missing", "status 404"),
        ("/round", "redirected"),
        ("/endless", "larger than 50000"),
        ("/cut", "cannot be fetched"),
        ("/bombs", "larger than 50000"),
        ("/bomb", "cannot be fetched"),
    ],
)
async def test_what_cannot_be_had_is_a_bad_request_without_its_body(path, why):
    async with host() as (fetch, base, _):
        with pytest.raises(BadRequestError, match=why) as caught:
            await fetch(base + path + "?token=abc")
        assert "secret" not in str(caught.value)
        assert "abc" not in str(caught.value)


@pytest.mark.parametrize("path", ["/inside", "/file"])
async def test_a_redirect_into_private_space_is_refused(path):
    async with host() as (fetch, base, asked):
        with pytest.raises(ForbiddenError):
            await fetch(base + path)
        assert len(asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x",
        "http://localhost/x",
        "http://[::1]/x",
        "http://169.254.169.254/",
        "http://0x7f.1/",
        "file:///etc/passwd",
        "http://user:pass@example.com/",
        "gopher://example.com/",
    ],
)
async def test_private_places_are_never_asked(url):
    fetch = Fetcher()
    with pytest.raises(ForbiddenError):
        await fetch(url)
    await fetch.aclose()


async def test_a_name_is_pinned_to_what_was_checked():
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])

    async def rebinding(name, port):
        return [(2, (address, port)) for address in next(answers)]

    fetch = Fetcher(resolve=rebinding)
    with pytest.raises(ForbiddenError):
        await fetch("http://rebinding.example/x")
    await fetch.aclose()
