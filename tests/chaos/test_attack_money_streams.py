"""Streams that are left at every point, and clients that would rather not be told what was used."""

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from support.attack_provider import COST, HELLO, READ, configured, provider
from support.attacking import ask, budget, rows, spent
from support.serving import KEY, served

WORDS = 12
IN_FLIGHT = 64
"""Tokens that may be made between a cut and the provider's seeing it, for which one is charged."""
INPUT_PICO, OUTPUT_PICO = 10**6, 10**7


@pytest.fixture
def up():
    with provider() as running:
        running.words = WORDS
        yield running


@pytest.fixture
def gateway(up, tmp_path):
    budgets = [{"name": "all", "limit_usd": 0.1, "per": "total"}]
    with served(configured(up, tmp_path, budgets=budgets), tmp_path) as running:
        yield running.url


def leave(url, body, events):
    """Ask for a stream, and go after so many of its events; ``None``: once the request is sent."""
    place = urlsplit(url)
    said = json.dumps({"model": "m-openai-chat", "messages": HELLO, "stream": True, **body})
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {place.netloc}\r\n"
        f"authorization: Bearer {KEY}\r\ncontent-length: {len(said)}\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall((head + said).encode())
        read = b""
        while events is not None and read.count(b"data: ") < events:
            piece = connection.recv(65536)
            assert piece, read
            read += piece


def settled(url, up, count=1):
    """The rows, once so many are settled."""
    for _ in range(400):
        found = rows(url)
        if up.sent and len(found) == count and all(row["basis"] for row in found):
            return found
        time.sleep(0.02)
    raise AssertionError("they are not settled")


def nothing_is_held(url):
    """Whether all that was not spent may be reserved by a single call."""
    status = budget(url, "all")
    left = status["limit_pico_usd"] - spent(url)
    body = {"model": "m-openai-chat", "messages": HELLO, "max_tokens": left // OUTPUT_PICO - 20}
    said = ask(url, "/v1/chat/completions", body)
    assert said.status == 200, said
    assert budget(url, "all")["spent_pico_usd"] == spent(url)
    assert rows(url)[-1]["reserved_pico_usd"] > left * 0.9


def at_rest(url, up):
    """The one row."""
    (row,) = settled(url, up)
    assert row["cost_pico_usd"] == spent(url)
    nothing_is_held(url)
    return row


@pytest.mark.parametrize("events", [1, 5, WORDS, WORDS + 1])
def test_who_leaves_a_stream_pays_for_what_came(gateway, up, events):
    up.word_s = 0.03
    leave(gateway, {"max_tokens": 500}, events)
    row = at_rest(gateway, up)
    made = min(events, WORDS)
    assert row["basis"] == "received"
    assert row["cost_pico_usd"] >= READ * INPUT_PICO + made * OUTPUT_PICO
    assert row["cost_pico_usd"] < row["reserved_pico_usd"]


@pytest.mark.parametrize("slow_s", [0.0, 0.3], ids=["quick", "slow"])
def test_who_leaves_before_anything_came_pays_for_what_was_on_its_way(gateway, up, slow_s):
    up.slow_s, up.word_s = slow_s, 0.03
    leave(gateway, {"max_tokens": 500}, None)
    row = at_rest(gateway, up)
    assert row["basis"] == "received"
    assert row["cost_pico_usd"] >= READ * INPUT_PICO + IN_FLIGHT * OUTPUT_PICO
    assert row["cost_pico_usd"] <= row["reserved_pico_usd"]


def test_who_leaves_one_that_does_not_stream_pays_for_all_of_it(gateway, up):
    up.slow_s = 0.3
    leave(gateway, {"max_tokens": 100, "stream": False}, None)
    row = at_rest(gateway, up)
    assert (row["basis"], row["cost_pico_usd"]) == ("reserved", row["reserved_pico_usd"])
    assert row["cost_pico_usd"] >= COST


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stream_options": {"include_usage": False}},
        {"stream_options": {}},
        {"stream_options": None},
    ],
    ids=["nothing", "no usage", "empty", "null"],
)
def test_usage_is_counted_whether_its_client_wants_to_see_it_or_not(gateway, up, options):
    body = {"model": "m-openai-chat", "messages": HELLO, "stream": True, **options}
    said = ask(gateway, "/v1/chat/completions", body)
    assert said.status == 200
    assert b"[DONE]" in said.body
    row = at_rest(gateway, up)
    assert (row["basis"], row["cost_pico_usd"]) == ("catalogue", COST)


def test_many_who_leave_at_once_leave_nothing_held(gateway, up):
    up.word_s = 0.02
    for events in (None, 1, 3, WORDS, None, 2):
        leave(gateway, {"max_tokens": 50}, events)
    cost = sum(row["cost_pico_usd"] for row in settled(gateway, up, 6))
    assert cost == spent(gateway) >= 6 * READ * INPUT_PICO
    nothing_is_held(gateway)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_who_has_no_patience_pays_for_what_may_have_been_made(gateway, up, stream):
    """A caller's own timeout: the provider goes on, and bills."""
    body = {"model": "m-openai-chat", "messages": HELLO, "max_tokens": 50, "stream": stream}
    assert ask(gateway, "/v1/chat/completions", body).status == 200  # it is connected
    up.slow_s = 1.0
    headers = {"x-modelway-timeout-s": "0.5"}
    assert ask(gateway, "/v1/chat/completions", body, headers=headers).status == 504
    _, row = settled(gateway, up, 2)
    assert (row["basis"], row["cost_pico_usd"]) == ("reserved", row["reserved_pico_usd"])
    up.slow_s = 0.0
    nothing_is_held(gateway)


def test_a_caller_s_timeout_in_the_middle_of_a_stream_is_charged_as_far_as_it_came(gateway, up):
    up.word_s = 0.2
    body = {"model": "m-openai-chat", "messages": HELLO, "max_tokens": 500, "stream": True}
    headers = {"x-modelway-timeout-s": "1"}
    ask(gateway, "/v1/chat/completions", body, headers=headers)
    (row,) = settled(gateway, up)
    assert row["basis"] == "received"
    assert COST <= row["cost_pico_usd"] < row["reserved_pico_usd"]
