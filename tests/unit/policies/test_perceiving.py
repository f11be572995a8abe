"""What a model is known not to see or hear is refused before anything is sent."""

import asyncio

import pytest

from modelway import Client
from modelway.catalog.models import ModelInfo
from modelway.errors import UnsupportedError
from modelway.policies.perceiving import lacking
from modelway.simulator.mock import MockTransport
from modelway.types import Audio, ChatRequest, Image, Inline, Message, Text, ToolResult

IMAGE = Image(source=Inline(media_type="image/png", data="aGk="))
SOUND = Audio(source=Inline(media_type="audio/wav", data="aGk="))


@pytest.mark.parametrize(
    ("inputs", "refused"),
    [
        ((), set()),
        (("text",), {"image", "audio"}),
        (("text", "image"), set()),
        (("text", "audio"), {"image"}),
        (("text", "image", "document"), set()),
    ],
)
def test_only_what_is_known_to_lack(inputs, refused):
    assert lacking(ModelInfo(inputs=inputs)) == refused
    assert lacking(None) == frozenset()


CONFIG = {
    "providers": {"sim": {"like": "simulator", "default_model": "blind"}},
    "models": {"seer": "sim/seeing", "reader": "sim/blind"},
    "catalogue": {
        "sim/blind": {"inputs": ["text"]},
        "sim/seeing": {"inputs": ["text", "image"]},
    },
}


def ask(model, *parts):
    async def run():
        transport = MockTransport()
        async with Client(CONFIG, environment={}, transport=transport) as client:
            request = ChatRequest(model=model, messages=(Message(role="user", parts=parts),))
            try:
                return (await client.chat(request)).text, transport
            except UnsupportedError as error:
                return error, transport

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ((Text(text="see"), IMAGE), "messages[0].parts[1]"),
        ((ToolResult(call_id="c", parts=(IMAGE,)),), "messages[0].parts[0].parts[0]"),
        ((SOUND,), "messages[0].parts[0]"),
    ],
)
def test_the_refusal_names_model_part_and_who_could(parts, path):
    error, transport = ask("reader", *parts)
    assert isinstance(error, UnsupportedError)
    assert (error.param, error.model) == (path, "blind")
    assert "sim/blind takes no" in error.message
    assert ("seer could" in error.message) == (IMAGE in parts or path.count("parts") == 2)
    assert not transport.simulator.requests


def test_who_sees_is_asked():
    text, transport = ask("seer", Text(text="see"), IMAGE)
    assert text
    assert len(transport.simulator.requests) == 1
