"""Laws 2, 3 and 4 over recorded streams, decoded and relayed."""

from __future__ import annotations

import json
import random
import re

import pytest

from modelway.errors import LLMError
from modelway.framing.sse import parse
from support import corpus, read
from support.checks import Skipped, check_all, same
from support.essence import answer, usage


@pytest.mark.parametrize("chunking", corpus.CHUNKINGS)
def test_any_split_gives_the_same_events(streams, chunking):
    def check(one):
        pieces = corpus.pieces(one.body, chunking, one.id)
        same(b"".join(pieces), one.body)
        whole = read.decode_stream(one.dialect, [one.body])
        cut = read.decode_stream(one.dialect, pieces)
        same(cut[0], whole[0])
        assert cut[1] is None
        assert whole[1] is None

    check_all(f"law 3, decoded, {chunking}", streams, check, at_least=350)


@pytest.mark.parametrize("chunking", corpus.CHUNKINGS)
def test_a_relay_changes_no_byte_and_learns_what_the_decoder_does(streams, chunking):
    def check(one):
        out, relay = read.relayed(one.dialect, corpus.pieces(one.body, chunking, one.id))
        same(out, one.body)
        assert relay.error is None
        response = read.folded(one.dialect, [one.body])
        same(relay.finish, response.choices[0].finish_reason)
        same(relay.usage is None, not response.usage.raw, "usage seen by relay and decoder")
        if relay.usage is not None:
            same(usage(relay.usage), usage(response.usage))
        if answer(response)[0]["text"]:
            assert relay.received_chars > 0

    check_all(f"law 3, relayed, {chunking}", streams, check, at_least=350)


def test_a_relay_hides_the_usage_chunk_and_nothing_else(streams):
    def is_usage(event):
        return b'"usage"' in event.data and json.loads(event.data).get("choices") == []

    def check(one):
        if one.dialect != "openai-chat":
            raise Skipped
        for chunking in ("torn", "event"):
            pieces = corpus.pieces(one.body, chunking, one.id)
            out, relay = read.relayed(one.dialect, pieces, hide_usage=True)
            kept = [event for event in parse(one.body) if not is_usage(event)]
            same(parse(out), kept)
            same(relay.usage, read.relayed(one.dialect, [one.body])[1].usage)

    check_all("law 3, relayed, usage hidden", streams, check, at_least=200)


def end_of_answer(one) -> int:
    """The offset behind which the answer is known to be whole: each choice has its finish."""
    if one.dialect == "anthropic-messages":
        return one.body.rindex(b"message_stop") - len(b'event: message_stop\ndata: {"type":"')
    if one.dialect == "openai-responses":
        last = re.search(
            rb"^data: *\{.*response\.(completed|incomplete)\".*$", one.body, re.MULTILINE
        )
        return last.start() + len(last[0].rstrip())
    ends: dict[int, int] = {}
    for line in re.finditer(rb"^data: *(\{.*)$", one.body, re.MULTILINE):
        told = json.loads(line[1])
        for choice in told.get("choices") or told.get("candidates") or ():
            if choice.get("finish_reason") or choice.get("finishReason"):
                end = line.start() + len(line[0].rstrip())
                ends.setdefault(choice.get("index") or 0, end)
    return max(ends.values())


@pytest.mark.parametrize("way", ["decoded", "relayed"])
def test_a_truncated_stream_is_an_error(streams, way):
    def check(one):
        chance = random.Random(one.id)
        end = end_of_answer(one)
        points = {0, 1, end - 1, *[chance.randrange(end) for _ in range(4)]}
        for point in sorted(points):
            cut = one.body[:point]
            if way == "decoded":
                _, error = read.decode_stream(one.dialect, [cut])
            else:
                out, relay = read.relayed(one.dialect, [cut])
                error = relay.error
                told = parse(out)
                same(told, parse(one.body)[: len(told)], "half an event reached the client")
            assert isinstance(error, LLMError), f"cut at {point} of {end} passes for whole"

    check_all(f"law 4, {way}", streams, check, at_least=350)


def test_half_an_event_after_the_finish_is_an_error(streams):
    def check(one):
        at = one.body.rstrip().rfind(b"\n\n")
        rest = one.body[at:].strip()
        line = rest.split(b"data: ")[-1]
        if one.dialect != "openai-chat" or not line.startswith(b"{") or b'"usage"' not in line:
            raise Skipped
        _, error = read.decode_stream(one.dialect, [one.body[: at + 2 + len(rest) // 2]])
        assert isinstance(error, LLMError)

    check_all("law 4, cut after the finish", streams, check)


REQUIRED = {"openai-responses": ("cached_tokens", "cache_write_tokens", "reasoning_tokens")}
"""Counts that a wire must write: 0 where they were not said."""


def _written(dialect, told):
    said = usage(told)
    if told.input_tokens is None and told.output_tokens is None:
        return said
    return said | {name: said[name] or 0 for name in REQUIRED.get(dialect, ())}


def test_the_folded_stream_equals_the_whole(streams):
    """Stream → events → fold → whole answer → decoded."""

    def check(one):
        response = read.folded(one.dialect, [one.body])
        whole = read.to_client(one.dialect, response)
        json.loads(whole)
        again = read.decode_whole(one.dialect, whole)
        same(answer(again), answer(response))
        same(usage(again.usage), _written(one.dialect, response.usage))

    check_all("law 2, stream to whole", streams, check, at_least=350)


def test_a_whole_answer_streams_to_the_same(answers):
    """Whole answer → events → stream → events → fold."""

    def check(one):
        response = read.decode_whole(one.dialect, one.body)
        again = read.folded(one.dialect, [read.streamed(one.dialect, response)])
        same(answer(again), answer(response))
        same(usage(again.usage), _written(one.dialect, response.usage))

    check_all("law 2, whole to stream", answers, check, at_least=600)
