"""Content by URL, for hosts that take it as bytes only."""

import asyncio
from base64 import b64encode

import pytest

from modelway.call import Body, Call, Reply, Target
from modelway.dialects import NAMES, dialect
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import split
from modelway.policies import inlining
from modelway.ports import Fetched
from modelway.types import (
    Audio,
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


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=9hE5-98ZeCg",
        "https://generativelanguage.googleapis.com/v1beta/files/abc",
        "gs://bucket/a.mp4",
    ],
)
def test_what_gemini_reads_itself_is_not_fetched(url):
    web = Web("application/pdf")
    films = (File(source=Remote(url=url)), File(source=Remote(url="https://example.com/a.pdf")))
    seen = asked_with("gemini", web, *films).request.messages[0].parts
    assert seen[0] == films[0]
    assert isinstance(seen[1].source, Inline)
    assert web.asked == ["https://example.com/a.pdf"]


@pytest.mark.parametrize("name", NAMES)
def test_each_dialect_is_given_what_it_has_words_for(name):
    """After inlining nothing is refused for coming by its address, where bytes of it are taken."""
    takes = {"image": Image, "audio": Audio, "file": File}
    media = {"image": "image/png", "audio": "audio/wav", "file": "text/plain"}
    for kind, part in takes.items():
        inline = Inline(media_type=media[kind], data=b64encode(b"cat").decode())
        if _encodes(name, part(source=inline)):
            web = Web(media[kind])
            call = asked_with(name, web, part(source=Remote(url="https://example.com/a")))
            assert _encodes(name, *call.request.messages[0].parts), kind


def _encodes(name, *parts):
    said = Message(role="user", parts=(Text(text="See."), *parts))
    request = ChatRequest(messages=(said,), max_tokens=9)
    target = Target(model="owner/name")
    try:
        return dialect(name).upstream["chat"].encode(request, target, False)
    except UnsupportedError:
        return None
