"""X-W4: what one call can have fetched for it is bounded, and ends with it."""

import asyncio

import pytest

from modelway.call import Call, Reply
from modelway.dialects import NAMES, dialect
from modelway.errors import BadRequestError, ForbiddenError
from modelway.policies import inlining
from modelway.ports import Fetched
from modelway.types import ChatRequest, Image, Message, Remote

SPOKEN = next(name for name in NAMES if "image" in dialect(name).inlined)


class Web:
    """Every URL has this many bytes; one of them is refused."""

    def __init__(self, size_bytes=10, refused=None, endless=False):
        self.size_bytes = size_bytes
        self.refused = refused
        self.endless = endless
        self.asked = 0
        self.open = 0

    async def __call__(self, url):
        self.asked += 1
        self.open += 1
        try:
            await asyncio.sleep(0)
            if url.endswith(f"/{self.refused}"):
                raise ForbiddenError("a private place")
            if self.endless:
                await asyncio.Event().wait()
            return Fetched("image/png", b"x" * self.size_bytes)
        finally:
            self.open -= 1


async def asked_for(count, web):
    urls = [f"https://example.com/{number}" for number in range(count)]
    parts = tuple([Image(source=Remote(url=url)) for url in urls])
    request = ChatRequest(messages=(Message(role="user", parts=parts),))

    async def inner(call):
        return Reply(deployment=None, value=call.request)

    return await inlining.inlining(SPOKEN, web)(Call(id="1", model="m", request=request), inner)


async def test_too_many_urls_are_not_begun():
    web = Web()
    with pytest.raises(BadRequestError, match="URLs"):
        await asked_for(101, web)
    assert web.asked == 0
    await asked_for(100, web)


async def test_too_many_bytes_end_it():
    web = Web(size_bytes=20 * 1024 * 1024)
    with pytest.raises(BadRequestError, match="bytes together"):
        await asked_for(90, web)
    assert web.asked <= 10


async def test_one_refusal_ends_the_others():
    web = Web(refused=1, endless=True)
    with pytest.raises(ForbiddenError):
        await asked_for(50, web)
    await asyncio.sleep(0)
    assert web.open == 0
    assert web.asked <= 8
