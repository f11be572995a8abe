"""Law 6: any client dialect, any provider dialect, and back."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.errors import BadRequestError, LLMError, UnsupportedError
from modelway.framing.fields import split
from support import read
from support.essence import answer, question, tools, usage
from support.every_value import ANSWERS, FINISHES, NAMES, QUESTIONS
from support.examples import fewest
from support.strategies import splits

PAIRS = pytest.mark.parametrize(("client", "provider"), list(itertools.product(NAMES, NAMES)))
HOST = Quirks(cache_control=True, developer_role=True)

REFUSING = ("openai-chat", "openai-responses")
"""Dialects that keep refusals apart from texts."""


def said(response, client):
    """What must reach a client: text (refusals are text where a dialect has no word), calls, finish."""
    [choice] = answer(response)
    text = choice["text"] if client in REFUSING else choice["text"] + choice["refusal"]
    nearest = "other" if client == "gemini" else "stop"
    finish = choice["finish"] if choice["finish"] in FINISHES[client] else nearest
    if client in ("openai-responses", "gemini", "ollama") and finish in ("stop", "tool_calls"):
        finish = "tool_calls" if choice["calls"] else "stop"  # said by the calls alone
    counts = usage(response.usage)
    if client == "openai-responses" and response.usage.input_tokens is not None:
        for name in ("cached_tokens", "cache_write_tokens", "reasoning_tokens"):
            counts[name] = counts[name] or 0  # its clients require them
    if client == "bedrock-converse":
        del counts["reasoning_tokens"]  # its wire has no place for them
    return {"text": text, "calls": choice["calls"], "finish": finish, "usage": counts}


@PAIRS
@fewest
@given(data=st.data())
def test_a_whole_answer_reaches_any_client(client, provider, data):
    theirs = read.to_client(provider, data.draw(ANSWERS[provider]))
    response = read.decode_whole(provider, theirs)
    if client == "openai-responses" and response.finish_reason == "error":
        with pytest.raises(LLMError):  # a response that failed
            read.decode_whole(client, read.to_client(client, response))
        return
    got = read.decode_whole(client, read.to_client(client, response))
    assert said(got, client) == said(response, client)


@PAIRS
@fewest
@given(data=st.data())
def test_a_stream_reaches_any_client(client, provider, data):
    theirs = read.streamed(provider, data.draw(ANSWERS[provider]))
    make = dialect(provider).upstream["chat"].decoder
    decoder = make()
    batches = [decoder.feed(piece) for piece in data.draw(splits(theirs))]
    batches.append(decoder.close())
    assert decoder.error is None
    response = read.folded(provider, [theirs])
    if client == "openai-responses" and response.finish_reason == "error":
        with pytest.raises(LLMError):  # a response that failed
            read.folded(client, [read.stream_to_client(client, batches)])
        return
    got = read.folded(client, [read.stream_to_client(client, batches)])
    assert said(got, client) == said(response, client)


@PAIRS
@fewest
@given(data=st.data())
def test_a_question_reaches_any_provider(client, provider, data):
    asked = data.draw(QUESTIONS[client])
    written = (
        dialect(client)
        .upstream["chat"]
        .encode(asked, Target(model=asked.model, quirks=HOST), False)
    )
    request = dialect(client).downstream["chat"].decode(split(written.body))
    target = Target(model="m", quirks=HOST, max_output_tokens=1000)
    try:
        encoded = dialect(provider).upstream["chat"].encode(request, target, False)
    except UnsupportedError:
        return  # refused aloud: a part that this provider has no word for
    except BadRequestError as error:
        # Nothing visible to answer, or a value out of its range; anything else is a fault of ours.
        if error.param not in ("messages", "temperature", "thinking.budget_tokens"):
            raise
        return
    got = dialect(provider).downstream["chat"].decode(split(encoded.body))
    told = [warning.setting for warning in encoded.warnings]
    if not any(setting.startswith("tools") for setting in told):
        assert tools(got) == tools(request)
    if not any(
        word in warning.message for warning in encoded.warnings for word in ("moved", "joined")
    ):
        assert question(got) == question(request)
    assert got.model == ("m" if b'"model":' in encoded.body else "")  # else the path names it
    for name in ("temperature", "top_p", "stop", "tool_choice", "max_tokens"):
        if not any(setting.startswith(name) for setting in told):
            wanted = getattr(request, name)
            if name == "tool_choice" and wanted is None and request.parallel_tool_calls is not None:
                wanted = getattr(got, name) and "auto"  # the place where Anthropic says `parallel`
            if name == "tool_choice" and wanted == "auto":
                wanted = getattr(got, name) and "auto"  # Ollama's models always choose freely
            assert getattr(got, name) == wanted, name
