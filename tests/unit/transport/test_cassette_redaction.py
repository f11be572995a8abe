"""No key stands in a cassette, wherever it travelled."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import APIConnectionError
from modelway.transport.cassette import Player, Recorder
from modelway.transport.cassette.redaction import REMOVED, Redaction
from support.cassettes import Scripted, ScriptedResponse, TestClock, read_all, wire

KNOWN = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
LIKE = {
    "openai": "sk-proj-Zx81canary0123456789abcdefABCDEF",
    "anthropic": "sk-ant-api03-canary_0123456789-abcdef",
    "groq": "gsk_canary0123456789abcdefghijkl",
    "google": "AIzaSyCanary0123456789abcdefghijklmnopq",
    "google token": "ya29.canary0123456789-abc_def-0123",
    "xai": "xai-canary0123456789abcdefghijkl",
    "hf": "hf_canaryABCDEFGHIJKLMNOPQRSTUV",
    "aws id": "AKIA" + "CANARY0123456789",
    "aws session id": "ASIACANARY0123456789",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOjF9.c2lnbmF0dXJl",
    "ours": "mw-canary0123456789abcdefghijklmnop0123456789",
    "replicate": "r8_canary0123456789abcdefghijkl",
}
CARRIERS = [
    "authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "x-amz-security-token",
    "proxy-authorization",
]  # fmt: skip
TRAVELLING = "travelling-canary-5f0a9b3c7d"


async def recorded(tmp_path, request, answer, **kwargs):
    path = tmp_path / "c.jsonl"
    await read_all(Recorder(Scripted(answer), path, **kwargs), request)
    return path


@pytest.mark.parametrize("name", CARRIERS)
async def test_a_key_that_travels_is_found_wherever_it_is_echoed(tmp_path, name):
    """The canary, in the header, in the body, in the answer's head and across its chunks."""
    cut = len(TRAVELLING) // 2
    headers = ((b"x-echo", f"you sent {TRAVELLING}".encode()), (b"set-cookie", b"s=0a1b2c3d4e"))
    steps = [f"bad key {TRAVELLING[:cut]}".encode(), f"{TRAVELLING[cut:]} sorry".encode()]
    answer = ScriptedResponse(steps, TestClock(), status=401, headers=headers)
    value = f"Bearer {TRAVELLING}" if name == "authorization" else TRAVELLING
    body = json.dumps({"messages": [{"content": f"my key is {TRAVELLING}"}]}).encode()
    sent = wire(body, headers=((name.encode(), value.encode()), (b"x-team", b"red")))
    path = await recorded(tmp_path, sent, answer)
    content = path.read_text()
    assert "canary" not in content
    assert "0a1b2c3d4e" not in content
    assert "x-team" not in content
    pieces, _ = await read_all(Player(path), sent)
    assert pieces == [b"bad key (removed)", b" sorry"]


@pytest.mark.parametrize(
    "query",
    ["key={}", "alt=sse&key={}", "X-Amz-Signature={}", "x-amz-security-token={}&a=1", "api-key={}"],
)
async def test_a_key_in_the_query(tmp_path, query):
    sent = wire(target="/v1/x?" + query.format(TRAVELLING))
    path = await recorded(tmp_path, sent, [TRAVELLING.encode()])
    assert "canary" not in path.read_text()
    other = wire(target="/v1/x?" + query.format("another-key-7d8e9f"))
    assert await read_all(Player(path), other) == ([b"(removed)"], None)


async def test_a_key_that_is_encoded_in_the_query_is_found_plain(tmp_path):
    sent = wire(target=f"/v1/x?key={quote(KNOWN, safe='')}")
    path = await recorded(tmp_path, sent, [KNOWN.encode()])
    assert "wJalrXUtnFEMI" not in path.read_text()


@pytest.mark.parametrize("secret", LIKE.values(), ids=LIKE)
async def test_what_looks_like_a_key_is_one(tmp_path, secret):
    body = json.dumps({"tool": {"arguments": json.dumps({"value": secret})}}).encode()
    answer = ScriptedResponse(
        [f"it is '{secret}'.".encode()], TestClock(), headers=((b"x-e", secret.encode()),)
    )
    path = await recorded(tmp_path, wire(body), answer)
    assert "canary" not in path.read_text().lower()
    assert secret not in path.read_text()


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        '{{"text": {json}}}',
        "https://h/?q={url}",
        '{{"text":"{slashes}"}}',
    ],
)
async def test_a_known_secret_in_every_form_it_is_written_in(tmp_path, form):
    written = form.format(
        KNOWN,
        json=json.dumps(KNOWN),
        url=quote(KNOWN, safe=""),
        slashes=KNOWN.replace("/", "\\/"),
    ).encode()
    path = await recorded(tmp_path, wire(written), [written], secrets=[KNOWN])
    content = path.read_text()
    for part in ("wJalrXUtnFEMI", "bPxRfiCYEXAMPLEKEY"):
        assert part not in content
    assert "(removed)" in content


async def test_tokens_that_a_provider_hands_out(tmp_path):
    answer = b'{"access_token" : "opaque-0123", "expires_in": 3600, "logprobs": [{"token": "Hi"}]}'
    sent = wire(b"grant_type=x&client_secret=opaque-4567&assertion=opaque-89")
    path = await recorded(tmp_path, sent, [answer])
    assert "opaque" not in path.read_text()
    assert '\\"token\\": \\"Hi\\"' in path.read_text()


async def test_a_key_in_an_error_and_in_bytes_that_are_no_text(tmp_path):
    fault = APIConnectionError(f"no connection with {KNOWN}")
    path = await recorded(tmp_path, wire(), fault, secrets=[KNOWN])
    assert KNOWN not in path.read_text()
    path.unlink()
    path = await recorded(tmp_path, wire(), [b"\xff" + KNOWN.encode() + b"\xff"], secrets=[KNOWN])
    line = json.loads(path.read_text().splitlines()[1])
    held = base64.b64decode(line["response"]["chunks"][0][1]["base64"])
    assert held == b"\xff(removed)\xff"


async def test_a_stand_in_for_a_key_stays_where_it_is_a_word(tmp_path):
    """``lm-studio`` and ``ollama`` are keys that are none: the words mean something elsewhere."""
    sent = wire(
        b'{"model":"lm-studio-community/q"}', headers=((b"authorization", b"Bearer lm-studio"),)
    )
    path = await recorded(tmp_path, sent, [b"ollama"], secrets=["ollama", "lm-studio"])
    assert "lm-studio-community" in path.read_text()
    assert await read_all(Player(path), wire(sent.body)) == ([b"ollama"], None)


@given(st.lists(st.sampled_from([b"a", b"tell ", KNOWN[:7].encode(), KNOWN[7:].encode(), b""])))
def test_cleaned_pieces_are_the_cleaned_whole(pieces):
    redaction = Redaction([KNOWN])
    cleaned = redaction.pieces(pieces)
    assert len(cleaned) == len(pieces)
    assert b"".join(cleaned) == b"".join(pieces).replace(KNOWN.encode(), REMOVED)
    assert redaction.pieces(cleaned) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "task-specific-information-retrieval",
        '"format":"xai-responses-v1"',
        "mw-5b821-1a1fe66a82b-1f2e3d4c",
        "cassettes/xai-grok-code-fast-and-other-words/1.yaml",
        "iVBORw0KGgo/AKIA" + "AAAA0123456789ABCDEF+ASIA0123456789ABCDEF",
        "sk-learn",
        "hf_hub",
        "?key=value in prose",
        "Bearer of news",
    ],
)
def test_words_are_left_alone(text):
    assert Redaction().cleaned(text.encode()) == text.encode()
