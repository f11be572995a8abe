"""What is seen and heard, by its kind, in every dialect's words; base64 is no text."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.plain import plain
from modelway.types import Audio, File, Image, Inline, Remote, Stored
from modelway.weighing import IMAGE_TOKENS, Weight

PICTURE = base64.b64encode(b"\x89PNG" + bytes(30_000)).decode()
PDF = base64.b64encode(b"%PDF-1.4 " + b"<< /Type /Pages >> << /Type /Page >> " * 3).decode()
PACKED = base64.b64encode(b"%PDF-1.7 " + bytes(range(256)) * 800).decode()
SOUND = base64.b64encode(bytes(8_000)).decode()
SECOND = 32


def weigh(said):
    weight = Weight()
    weight.put(said)
    return weight


IMAGES = {
    "openai-chat": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
    "openai-responses": {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"},
    "anthropic": {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PICTURE},
    },
    "gemini": {"inlineData": {"mimeType": "image/png", "data": PICTURE}},
    "gemini, snake case": {"inline_data": {"mime_type": "image/png", "data": PICTURE}},
    "bedrock": {"image": {"format": "png", "source": {"bytes": PICTURE}}},
    "ollama": {"role": "user", "content": "", "images": [PICTURE]},
    "a value": msgspec.to_builtins(Image(source=Inline(media_type="image/png", data=PICTURE))),
}


@pytest.mark.parametrize("part", IMAGES.values(), ids=IMAGES.keys())
def test_an_image_counts_as_one(part):
    found = weigh([{"role": "user", "content": [part]}])
    assert (found.images, found.tokens, found.elsewhere) == (1, 0, "")
    assert found.data_bytes >= len(PICTURE)
    assert found.bytes < 300
    assert IMAGE_TOKENS >= 5000


def test_several_images_count_as_several():
    assert weigh(list(IMAGES.values())).images == len(IMAGES)


DOCUMENTS = {
    "openai-chat": {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}},
    "openai-responses": {
        "type": "input_file",
        "filename": "a.pdf",
        "file_data": f"data:application/pdf;base64,{PDF}",
    },
    "anthropic": {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
    },
    "gemini": {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
    "bedrock": {"document": {"format": "pdf", "name": "a", "source": {"bytes": PDF}}},
    "a value": msgspec.to_builtins(File(source=Inline(media_type="application/pdf", data=PDF))),
}


@pytest.mark.parametrize("part", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_document_counts_by_its_pages(part):
    assert weigh(part).tokens == 3 * (3_000 + IMAGE_TOKENS)


def test_one_whose_pages_cannot_be_counted_counts_by_its_bytes():
    part = {"inlineData": {"mimeType": "application/pdf", "data": PACKED}}
    assert weigh(part).tokens == pytest.approx((256 * 800 + 9) / 2, abs=2)
    broken = {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi" + "€" * 10}}
    assert weigh(broken).tokens == 3_000 + IMAGE_TOKENS


SOUNDS = {
    "openai-chat": ({"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}}, 2),
    "compressed": ({"type": "input_audio", "input_audio": {"data": SOUND, "format": "mp3"}}, 9),
    "gemini": ({"inlineData": {"mimeType": "audio/wav", "data": SOUND}}, 2),
    "gemini, compressed": ({"inlineData": {"mimeType": "audio/ogg", "data": SOUND}}, 9),
    "bedrock": ({"audio": {"format": "wav", "source": {"bytes": SOUND}}}, 9),
    "a value": (
        msgspec.to_builtins(Audio(source=Inline(media_type="audio/wav", data=SOUND))),
        2,
    ),
}


@pytest.mark.parametrize(("part", "seconds"), SOUNDS.values(), ids=SOUNDS.keys())
def test_sound_counts_by_the_longest_that_it_can_be(part, seconds):
    found = weigh(part)
    assert found.tokens == SECOND * seconds
    assert found.kinds == {"input_audio"}


def test_a_film_counts_by_its_length_and_has_sound():
    found = weigh({"inlineData": {"mimeType": "video/mp4", "data": SOUND}})
    assert (found.tokens, found.kinds) == (300, {"input_audio"})


ELSEWHERE = {
    "openai-chat": {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
    "openai-responses": {"type": "input_image", "image_url": "https://x.example/a.png"},
    "a file's id": {"type": "file", "file": {"file_id": "file-1"}},
    "a file's url": {"type": "input_file", "file_url": "https://x.example/a.pdf"},
    "anthropic": {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
    "gemini": {"fileData": {"fileUri": "https://x.example/a.mp4"}},
    "bedrock": {"video": {"source": {"s3Location": {"uri": "s3://b/k"}}}},
    "a film": {"type": "video_url", "video_url": {"url": "https://x.example/a.mp4"}},
    "an item": {"type": "item_reference", "id": "msg_1"},
    "a value": msgspec.to_builtins(Image(source=Remote(url="https://x.example/a.png"))),
    "a stored value": msgspec.to_builtins(File(source=Stored(id="file-1"))),
}


@pytest.mark.parametrize("part", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_what_lies_elsewhere_is_named(part):
    assert weigh([{"content": [part]}]).elsewhere


HERE = {
    "a word about a source": {"type": "url_citation", "url": "https://x.example", "title": "t"},
    "cohere's documents": {"data": {"url": "https://x.example", "snippet": "s"}},
    "text": {"type": "text", "text": "see https://x.example/a.png"},
    "a text document": {"source": {"type": "text", "media_type": "text/plain", "data": "words"}},
}


@pytest.mark.parametrize("part", HERE.values(), ids=HERE.keys())
def test_what_is_text_is_text(part):
    found = weigh([{"content": [part]}])
    assert (found.elsewhere, found.data_bytes, found.images) == ("", 0, 0)
    assert found.bytes > 10


def test_citations_are_asked_for_with_words():
    said = {"type": "document", "citations": {"enabled": True}}
    assert weigh(said).tokens > 450
    assert weigh({"citations": {"enabled": False}}).tokens < 5


# ---------------------------------------------------------------- what need not be looked into

WORDS = {
    "anthropic's calls": [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "1",
                    "content": [{"type": "text", "text": "42"}],
                    "cache_control": {"type": "ephemeral"},
                }
            ],
        },
    ],
    "openai's calls": [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {}}]},
        {"role": "tool", "tool_call_id": "1", "content": "42"},
    ],
    "items": [
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "42"},
        {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "x"},
    ],
    "gemini's calls": [
        {"role": "model", "parts": [{"functionCall": {"name": "f"}, "thoughtSignature": "x"}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"a": 1}}}]},
    ],
    "bedrock's calls": [
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "1", "name": "f"}}]},
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "1", "content": [{"json": {"a": 1}}]}}],
        },
        {"role": "user", "content": [{"text": "hi"}, {"cachePoint": {"type": "default"}}]},
    ],
    "thoughts": [
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "y"}]}
    ],
    "a text": "hi",
    "texts": ["hi", "ho"],
}


@pytest.mark.parametrize("said", WORDS.values(), ids=WORDS.keys())
def test_words_are_not_looked_into(said):
    plain(msgspec.json.encode(said))


LOOKED_INTO = [
    *[*IMAGES.values(), *DOCUMENTS.values(), *ELSEWHERE.values()],
    *[part for part, _ in SOUNDS.values()],
]
AROUND = {
    "in a message": lambda part: [{"role": "user", "content": [part]}],
    "in parts": lambda part: [{"role": "user", "parts": [part]}],
    "alone": lambda part: [part],
    "in a result": lambda part: [
        {"role": "user", "content": [{"type": "tool_result", "content": [part]}]}
    ],
    "in bedrock's result": lambda part: [{"content": [{"toolResult": {"content": [part]}}]}],
    "in gemini's result": lambda part: [
        {"parts": [{"functionResponse": {"name": "f", "parts": [part]}}]}
    ],
    "in an output": lambda part: [{"type": "function_call_output", "output": [part]}],
}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND.keys())
@pytest.mark.parametrize("part", LOOKED_INTO, ids=[str(n) for n in range(len(LOOKED_INTO))])
def test_what_is_no_text_is_looked_into_wherever_it_is(part, around):
    said = around(part)
    with pytest.raises(msgspec.ValidationError):
        plain(msgspec.json.encode(said))
    found = weigh(said)
    assert found.images or found.tokens or found.elsewhere


def test_a_long_write_to_a_cache_is_looked_into():
    kept = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    with pytest.raises(msgspec.ValidationError):
        plain(msgspec.json.encode([{"role": "user", "content": [kept]}]))


def test_a_spoken_history_is_named_by_its_id():
    assert weigh([{"role": "assistant", "audio": {"id": "audio_1"}}]).elsewhere


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_any_value_is_weighed_and_no_text_is_lost(value):
    found = weigh(value)

    def text(one):
        if isinstance(one, str):
            return len(one.encode("utf-8", "surrogatepass"))
        if isinstance(one, dict):
            return sum(len(name) + text(held) for name, held in one.items())
        return sum(map(text, one)) if isinstance(one, list) else 0

    assert found.bytes + found.data_bytes >= text(value) * 0.99
