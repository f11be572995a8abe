"""Law 6 over recorded answers: to a client of either dialect, and read back, nothing changes."""

from __future__ import annotations

import pytest

from support import read
from support.checks import check_all, same
from support.essence import answer, usage

CLIENTS = ("openai-chat", "openai-responses", "anthropic-messages", "gemini")
UNSAYABLE_FINISH = {
    "openai-responses": {"pause", "error", "other"},
    "openai-chat": {"pause", "error", "other"},
    "anthropic-messages": {"error", "other"},
    "gemini": {"pause", "error"},
}
"""Finish reasons that a dialect has no word for; a client is then told of a plain stop.

Gemini has a word for all others.
"""


REFUSING = ("openai-chat", "openai-responses")
"""Dialects that keep refusals apart from texts."""


def assert_same(got, original, client, source, *, streamed):
    mine, theirs = answer(got)[0], answer(original)[0]
    if client != source:
        # Refusals are text, and reasoning without Anthropic's signature may be left out, elsewhere.
        theirs["text"] = (
            theirs["text"] if client in REFUSING else theirs["text"] + theirs["refusal"]
        )
        for side in (mine, theirs):
            side.pop("reasoning")
            side.pop("refusal")
    if client in ("anthropic-messages", "gemini"):
        # Arguments that a model did not finish are no object, and these wires take nothing else.
        theirs["calls"] = [
            (call, name, {"unparsed_arguments": given} if isinstance(given, str) else given)
            if not streamed or client == "gemini"
            else (call, name, given)
            for call, name, given in theirs["calls"]
        ]
    if client in ("openai-responses", "gemini") and theirs["calls"] and theirs["finish"] == "stop":
        theirs["finish"] = "tool_calls"  # said by the calls alone
    if client == "gemini" and theirs["finish"] == "tool_calls" and not theirs["calls"]:
        theirs["finish"] = "stop"
    if theirs["finish"] in UNSAYABLE_FINISH[client]:
        assert mine["finish"] in ("stop", "tool_calls", "other", theirs["finish"])
        mine["finish"] = theirs["finish"]
    same(mine, theirs)
    counted, said = usage(got.usage), usage(original.usage)
    if client == "anthropic-messages":
        # Azure's Grok claims more cached tokens than prompt tokens; Anthropic's sum cannot.
        cached = (said["cached_tokens"] or 0) + (said["cache_write_tokens"] or 0)
        said["input_tokens"] = max(said["input_tokens"] or 0, cached)
    for name in ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens"):
        # Anthropic's two counts are required: what was not said is 0 there.
        same((counted[name] or 0), (said[name] or 0), name)


@pytest.mark.parametrize("client", CLIENTS)
def test_whole_answers_reach_any_client(answers, client):
    def check(one):
        response = read.decode_whole(one.dialect, one.body)
        again = read.decode_whole(client, read.to_client(client, response))
        assert_same(again, response, client, one.dialect, streamed=False)

    check_all(f"law 6, whole, to {client}", answers, check, at_least=600)


@pytest.mark.parametrize("client", CLIENTS)
def test_streams_reach_any_client(streams, client):
    def check(one):
        events, error = read.decode_stream(one.dialect, [one.body])
        assert error is None
        response = read.folded(one.dialect, [one.body])
        sent = read.stream_to_client(client, [[event] for event in events])
        same(sent, read.stream_to_client(client, [events]), "batches change the stream")
        again = read.folded(client, [sent])
        assert_same(again, response, client, one.dialect, streamed=True)

    check_all(f"law 6, streamed, to {client}", streams, check, at_least=350)
