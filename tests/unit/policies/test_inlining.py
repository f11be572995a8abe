"""Content by URL, for hosts that take it as bytes only."""

import asyncio
from base64 import b64encode

import pytest

from modelway.call import Body, Call, Reply
from modelway.dialects import dialect
from modelway.errors import BadRequestError
from modelway.framing.fields import split
from modelway.policies import inlining
from modelway.ports import Fetched
from modelway.types import (
    ChatRequest,
    File,
    Image,
    Inline,
    Message,
    Remote,
    Stored,
    Text,
    ToolResult,
)

URL = "https://example.com/cat.png"
INLINE = Inline(media_type="image/png", data=b64encode(b"cat").decode())


class Web:
    def __init__(self, media_type="image/png"):
        self.asked = []
        self.media_type = media_type

    async def __call__(self, url):
        self.asked.append(url)
        return Fetched(self.media_type, b"cat")


@pytest.fixture
def spoken(monkeypatch):
    """A dialect that takes images as bytes, and files by their URL."""
    told = dialect("openai-chat")._replace(name="bytes-only", inlined=frozenset({"image"}))
    known = inlining.dialect
    monkeypatch.setattr(
        inlining, "dialect", lambda name: told if name == "bytes-only" else known(name)
    )
    return "bytes-only"


def asked_with(spoken, web, *parts, body=None):
    seen = []

    async def inner(call):
        seen.append(call)
        return Reply(deployment=None)

    request = ChatRequest(messages=(Message(role="user", parts=parts),))
    call = Call(id="1", model="m", request=None if body else request, body=body)
    asyncio.run(inlining.inlining(spoken, web)(call, inner))
    return seen[0]


def test_a_url_is_fetched_once_and_sent_as_bytes_in_results_too(spoken):
    web = Web()
    image = Image(source=Remote(url=URL), detail="low")
    call = asked_with(
        spoken, web, Text(text="see"), image, ToolResult(call_id="c", parts=(image,)), image
    )
    filled = Image(source=INLINE, detail="low")
    assert call.request.messages[0].parts == (
        Text(text="see"),
        filled,
        ToolResult(call_id="c", parts=(filled,)),
        filled,
    )
    assert web.asked == [URL]


def test_what_the_dialect_takes_by_url_and_what_is_no_url_stays(spoken):
    web = Web()
    parts = (
        File(source=Remote(url="https://example.com/a.pdf")),
        Image(source=Stored(id="file-1")),
        Image(source=INLINE),
        Image(source=Remote(url="gs://bucket/cat.png")),
    )
    assert asked_with(spoken, web, *parts).request.messages[0].parts == parts
    assert not web.asked


def test_an_image_that_is_none_is_refused(spoken):
    with pytest.raises(BadRequestError, match="text/html, not image"):
        asked_with(spoken, Web("text/html"), Image(source=Remote(url=URL)))


def test_a_client_s_bytes_of_another_dialect_are_read_for_it(spoken):
    written = b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"%s"}}]}]}'
    fields = split(written % URL.encode())
    web = Web()
    call = asked_with(spoken, web, body=Body(dialect="openai-chat", fields=fields))
    assert call.request.messages[0].parts == (Image(source=INLINE),)
    untouched = asked_with(spoken, web, body=Body(dialect=spoken, fields=fields))
    assert untouched.request is None
    assert len(web.asked) == 1
