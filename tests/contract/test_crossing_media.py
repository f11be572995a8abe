"""Images, sound and documents over real HTTP: sent, fetched first, or refused before anything is sent."""

from __future__ import annotations

import base64

import pytest

import modelway
from modelway.dialects import dialect
from modelway.errors import BadRequestError, LLMError, UnsupportedError
from modelway.simulator.serve import SimulatorThread
from modelway.testing import crossing
from modelway.testing.crossing import PROVIDERS
from modelway.testing.scenarios import PIXEL, asked, said
from modelway.testing.subjects import Question
from modelway.types import Audio, File, Image, Inline, Remote
from support.origin_server import plain, serve

PNG = base64.b64decode(PIXEL)
WAV = (
    b"RIFF\x26\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"
    b"\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x02\x00\x00\x00\x00\x00"
)
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
MEDIA = {
    "image": (Image, "image/png", PNG),
    "audio": (Audio, "audio/wav", WAV),
    "PDF": (File, "application/pdf", PDF),
    "text": (File, "text/plain", b"Rivers flow."),
}
BASES = {"gemini": "/v1beta", "bedrock-converse": "", "cohere": "", "ollama": ""}


@pytest.fixture(scope="module")
def simulator():
    with SimulatorThread() as running:
        yield running.base_url


def part_of(kind, source):
    made = MEDIA[kind][0]
    return made(source=source, name="a") if made is File else made(source=source)


def only_elsewhere(kind, provider):
    """OpenAI's own Responses API takes no sound; hosts of it do. Source: OpenAPI 2.3.0, InputContent."""
    return kind == "audio" and provider.dialect == "openai-responses"


async def answered(simulator, provider, part, trusted=()):
    row = {
        "like": "simulator",
        "base_url": simulator + BASES.get(provider.dialect, "/v1"),
        "dialect": provider.dialect,
        "retries": 0,
    }
    config = {"providers": {"there": row}, "transport": {"fetch_trusted": list(trusted)}}
    async with modelway.Client(config) as client:
        messages = [said("user", "What is this?", part)]
        return await client.chat(messages, model=f"there/{provider.model}", max_tokens=50)


def verdict(provider, part):
    """What the table says of it; whether it arrives is all that is asked here."""
    question = Question(asked(said("user", "What is this?", part)), lambda _: None)
    return crossing.question(None, provider, question).kind


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: one.title)
@pytest.mark.parametrize("kind", MEDIA)
async def test_bytes(simulator, kind, provider):
    _, media_type, data = MEDIA[kind]
    part = part_of(kind, Inline(media_type=media_type, data=base64.b64encode(data).decode()))
    if verdict(provider, part) == "refused":
        with pytest.raises(UnsupportedError) as caught:
            await answered(simulator, provider, part)
        assert provider.model in str(caught.value)
    elif only_elsewhere(kind, provider):
        with pytest.raises(BadRequestError, match="input_audio"):
            await answered(simulator, provider, part)
    else:
        assert (await answered(simulator, provider, part)).text


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: one.title)
@pytest.mark.parametrize("kind", MEDIA)
async def test_an_address(simulator, kind, provider):
    _, media_type, data = MEDIA[kind]
    async with serve(plain(data, f"content-type: {media_type}".encode())) as origin:
        place = f"http://127.0.0.1:{origin.port}"
        part = part_of(kind, Remote(url=f"{place}/a"))
        fetched = part.__struct_config__.tag in _inlined(provider)
        inline = part_of(kind, Inline(media_type=media_type, data=base64.b64encode(data).decode()))
        sent = inline if fetched else part
        if verdict(provider, sent) == "refused":
            with pytest.raises(UnsupportedError):
                await answered(simulator, provider, part, [place])
        elif only_elsewhere(kind, provider):
            with pytest.raises(BadRequestError, match="input_audio"):
                await answered(simulator, provider, part, [place])
        else:
            assert (await answered(simulator, provider, part, [place])).text
        assert len(origin.requests) == fetched


def _inlined(provider):
    return dialect(provider.dialect).inlined


async def test_an_address_that_nobody_may_lead_us_to_is_not_fetched(simulator):
    gemini = next(one for one in PROVIDERS if one.dialect == "gemini")
    async with serve(plain(PNG, b"content-type: image/png")) as origin:
        part = Image(source=Remote(url=f"http://127.0.0.1:{origin.port}/a.png"))
        with pytest.raises(LLMError):
            await answered(simulator, gemini, part)
        assert not origin.requests
