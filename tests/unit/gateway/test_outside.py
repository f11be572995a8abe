"""URLs in messages that would make a provider inside our network fetch something there."""

import json
import time

import pytest

from modelway.dialects import dialect
from modelway.errors import ForbiddenError
from modelway.gateway.ingress import call_of

PRIVATE = [
    "http://127.0.0.1/x",
    "http://0.0.0.0/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://169.254.169.254/latest/meta-data",
    "http://[fd00::1]/",
    "http://10.0.0.5:8000/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://localhost./",
    "http://LOCALHOST/",
    "http://user:pass@example.com/",
    "HTTP://127.0.0.1/",
    " http://127.0.0.1/",
    "//127.0.0.1/",
    "file:///etc/passwd",
    "gopher://example.com/",
]
PUBLIC = ["https://example.com/cat.png", "data:image/png;base64,AAAA", "gs://bucket/cat.png"]


def openai(url):
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}


def anthropic(url):
    source = {"type": "url", "url": url}
    return {"role": "user", "content": [{"type": "image", "source": source}]}


def in_a_result(url):
    inner = anthropic(url)["content"]
    return {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "t", "content": inner}],
    }


def plain(url):
    return {"role": "user", "content": [{"type": "input_image", "image_url": url}]}


def asked(message):
    body = json.dumps({"model": "m", "messages": [message]}).encode()
    return call_of(body, id_="1", dialect=dialect("openai-chat"), operation="chat")


@pytest.mark.parametrize("form", [openai, anthropic, in_a_result, plain])
@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_place_is_refused_and_named_by_its_part(form, url):
    with pytest.raises(ForbiddenError) as caught:
        asked(form(url))
    assert caught.value.param.startswith("messages[0].content[0]")


@pytest.mark.parametrize("form", [openai, anthropic, in_a_result, plain])
@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_place_passes(form, url):
    assert asked(form(url)).model == "m"


def test_an_escaped_name_is_no_way_around():
    body = (
        rb'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url",'
        rb'"image_\u0075rl":{"u\u0072l":"http://127.0.0.1/"}}]}]}'
    )
    with pytest.raises(ForbiddenError):
        call_of(body, id_="1", dialect=dialect("openai-chat"), operation="chat")


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": 'see "url": "http://127.0.0.1/" there'},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "t", "name": "f", "input": {"url": "http://10.0.0.1/"}}
            ],
        },
        {
            "role": "user",
            "content": [{"type": "search_result", "source": "http://wiki.local/x", "content": []}],
        },
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "aGVsbG8="}}]},
    ],
)
def test_what_nobody_fetches_passes(message):
    assert asked(message).model == "m"


def test_inline_images_are_not_looked_through():
    large = openai("data:image/png;base64," + "A" * 4_000_000)
    body = json.dumps({"model": "m", "messages": [large]}).encode()
    started = time.process_time()
    call_of(body, id_="1", dialect=dialect("openai-chat"), operation="chat")
    assert time.process_time() - started < 1
