"""The law of the cache: an answer that is given again is the one that was given first.

Whole and streamed, decoded and in the bytes of every dialect. What did not end of itself is no answer.
"""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from modelway.call import Body, Call, Deployment, Reply, Target
from modelway.catalog.load import providers
from modelway.dialects import dialect
from modelway.errors import LLMError, StreamInterruptedError
from modelway.fold import fold, unfold
from modelway.framing.fields import split
from modelway.messages import user
from modelway.policies.caching.exact import ExactCache
from modelway.policies.caching.kept import Replay
from modelway.policies.caching.values import CacheSettings
from modelway.types import ChatRequest, Refusal
from support.every_value import ANSWERS, FINISHES, NAMES
from support.examples import few
from support.hand_clock import HandClock

WHERE = Deployment(
    id="p/m",
    provider=providers()["simulator"],
    dialect="openai-chat",
    target=Target(model="m"),
    base_url="http://127.0.0.1:1/v1",
)
EVERY = pytest.mark.parametrize("name", NAMES)
ASKED = split(b'{"model":"m"}')


def cache():
    settings = CacheSettings(enabled=True)
    return ExactCache(settings, None, HandClock(), deployment={"p/m": WHERE}.get)


def asking(name, stream):
    """A client of a dialect; without one, a program with a typed request."""
    fields = {"request": ChatRequest(messages=(user("hi"),))}
    if name is not None:
        fields = {"body": Body(dialect=name, fields=ASKED)}
    return Call(id="1", model="m", stream=stream, **fields)


def twice(call, **answer):
    """What is answered first, what then, and why nothing was kept of it."""
    kept = cache()
    asked = []

    async def provider(_):
        asked.append(1)
        made = {name: make() for name, make in answer.items()}
        return Reply(deployment=WHERE, **made)

    async def ask():
        reply = await kept(call, provider)
        stream = reply.chunks or reply.events
        if stream is None:
            return reply.body if reply.body is not None else reply.value
        try:
            return [batch async for batch in stream]
        except LLMError as error:
            return error

    async def both():
        return await ask(), await ask()

    first, second = asyncio.run(both())
    return first, second, len(asked), kept.stats().refused


def why_not(response):
    """Why an answer is none that is kept, as far as its value tells: for any of these reasons."""
    reasons = set()
    for choice in response.choices:
        if choice.finish_reason not in ("stop", "tool_calls"):
            reasons.add(choice.finish_reason)
        if not choice.message.parts:
            reasons.add("empty")
        if any(isinstance(part, Refusal) for part in choice.message.parts):
            reasons.add("refusal")
    return reasons


def streamed(name, response):
    """The answer as a stream of a dialect, in pieces of whole events."""
    encoder = dialect(name).downstream["chat"].encoder(ASKED)
    pieces = [encoder.feed([event]) for event in unfold(response)]
    return [piece for piece in (*pieces, encoder.close()) if piece]


def decoded(name, batches):
    decoder = dialect(name).upstream["chat"].decoder()
    events = [event for batch in batches for event in decoder.feed(batch)] + decoder.close()
    assert decoder.error is None
    return fold(events)


def judge(seen, expected):
    first, second, asked, refused = seen
    assert first == second
    assert asked == (2 if expected else 1)
    assert refused.keys() <= expected
    assert sum(refused.values()) == (2 if expected else 0)


@EVERY
@few
@given(data=st.data())
def test_a_whole_answer_in_a_client_s_bytes(name, data):
    body = dialect(name).downstream["chat"].encode(data.draw(ANSWERS[name]))
    read = dialect(name).upstream["chat"].decode(body)
    judge(twice(asking(name, False), body=lambda: body), why_not(read))


@EVERY
@few
@given(data=st.data())
def test_a_stream_in_a_client_s_bytes(name, data):
    batches = streamed(name, data.draw(ANSWERS[name]))
    seen = twice(asking(name, True), chunks=lambda: Replay(batches, None))
    assert seen[0] == batches
    judge(seen, why_not(decoded(name, batches)))


@EVERY
@few
@given(data=st.data())
def test_a_decoded_answer_whole_and_streamed(name, data):
    response = data.draw(ANSWERS[name])
    judge(twice(asking(None, False), value=lambda: response), why_not(response))
    events = [[event] for event in unfold(response)]
    seen = twice(asking(name, True), events=lambda: Replay([list(e) for e in events], None))
    assert seen[0] == events
    judge(seen, why_not(fold([event for batch in events for event in batch])))


@EVERY
@few
@given(data=st.data())
def test_what_did_not_end_of_itself_is_no_answer(name, data):
    response = data.draw(ANSWERS[name])
    reason = data.draw(st.sampled_from(sorted({*FINISHES[name]} - {"stop", "tool_calls"})))
    choices = tuple([replace(one, finish_reason=reason) for one in response.choices])
    response = replace(response, choices=choices)
    body = dialect(name).downstream["chat"].encode(response)
    batches = streamed(name, response)
    for seen in (
        twice(asking(None, False), value=lambda: response),
        twice(asking(name, False), body=lambda: body),
        twice(asking(name, True), chunks=lambda: Replay(batches, None)),
        twice(asking(name, True), events=lambda: Replay([unfold(response)], None)),
    ):
        assert seen[2] == 2
        assert seen[3]


class Cut(Replay):
    """A stream that breaks off at its end."""

    async def __anext__(self):
        try:
            return await super().__anext__()
        except StopAsyncIteration:
            raise StreamInterruptedError("it broke off") from None

    async def aclose(self):
        if not self._settled:
            self._settled = True
            for told in self.on_settled:
                told(None, StreamInterruptedError("it broke off"))


@EVERY
@few
@given(data=st.data())
def test_a_stream_that_breaks_off_is_no_answer(name, data):
    batches = streamed(name, data.draw(ANSWERS[name]))
    cut = data.draw(st.integers(0, len(batches)))
    seen = twice(asking(name, True), chunks=lambda: Cut(batches[:cut], None))
    assert isinstance(seen[0], StreamInterruptedError)
    assert (seen[2], seen[3]) == (2, {"partial": 2})


@EVERY
@few
@given(data=st.data())
def test_a_stream_that_only_seems_to_end_is_no_answer(name, data):
    """A reader that misses the break, and settles without an error: the events tell."""
    batches = streamed(name, data.draw(ANSWERS[name]))
    seen = twice(asking(name, True), chunks=lambda: Replay(batches[:-2], None))
    assert seen[2] == 2


@EVERY
@few
@given(data=st.data())
def test_one_that_is_kept_in_one_form_serves_in_the_other_where_nothing_is_lost(name, data):
    """Decoded: it is asked for whole, then as a stream, or the other way round."""
    response = structs.replace(
        data.draw(ANSWERS[name]), provider="simulator", deployment="p/m", request_id="r1"
    )
    if why_not(response):
        return
    begins_streamed = data.draw(st.booleans())

    async def provider(call):
        if call.stream:
            events = [[event] for event in unfold(response)]
            return Reply(deployment=WHERE, events=Replay(events, None), request_id="r1")
        return Reply(deployment=WHERE, value=response, request_id="r1")

    async def ask(kept, stream):
        reply = await kept(asking(None, stream), provider)
        if not stream:
            return reply.value, reply.cached
        return fold([e async for batch in reply.events for e in batch]), reply.cached

    async def both():
        kept = cache()
        return await ask(kept, begins_streamed), await ask(kept, not begins_streamed)

    (first, _), (second, cached) = asyncio.run(both())
    if cached:
        assert (first.choices, first.usage) == (second.choices, second.usage)
    if begins_streamed:
        assert cached == "exact"
        assert (second.provider, second.deployment, second.request_id) == (
            "simulator",
            "p/m",
            "r1",
        )
