"""The one loop of retry and fallback, with a scripted provider and a clock that does not wait."""

import asyncio

import pytest

from modelway.errors import (
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    LLMError,
    OverloadedError,
    RateLimitError,
    StreamInterruptedError,
    UnknownModelError,
)
from modelway.fold import fold
from support.scripted import (
    BAD,
    BUSY,
    DENIED,
    KEY,
    LIMITED,
    LONG,
    OK,
    Answer,
    Clock,
    Scripted,
    call,
    engine,
)


async def test_a_call_is_sent_and_read():
    transport = Scripted(a=[OK])
    running = engine(transport, m="a/x")
    reply = await running.handle(call())
    assert reply.value.text == "hi"
    assert (reply.value.provider, reply.usage.input_tokens, reply.failed) == ("a", 3, ())
    assert transport.sent[0].target == "/v1/chat/completions"
    assert (b"authorization", f"Bearer {KEY}".encode()) in transport.sent[0].headers
    assert running.stats().output_tokens == 2


async def test_a_sick_provider_is_tried_again_with_growing_delays():
    clock, transport = Clock(), Scripted(a=[BUSY, BUSY, OK])
    running = engine(transport, clock, m="a/x")
    reply = await running.handle(call())
    assert [attempt.error for attempt in reply.failed] == ["OverloadedError"] * 2
    assert len(clock.slept) == 2
    assert 0 <= clock.slept[0] <= 1
    assert 0 <= clock.slept[1] <= 2
    assert running.stats().retries_by_deployment == {"a/x": 2}


async def test_attempts_end_and_the_last_error_knows_the_others():
    transport = Scripted(a=[BUSY])
    with pytest.raises(OverloadedError) as caught:
        await engine(transport, m="a/x").handle(call())
    assert len(transport.sent) == 3
    assert len(caught.value.earlier) == 2
    assert (caught.value.provider, caught.value.model) == ("a", "x")


async def test_retry_after_is_waited_for():
    clock = Clock()
    await engine(Scripted(a=[LIMITED, OK]), clock, m="a/x").handle(call())
    assert clock.slept[0] >= 7


async def test_what_cannot_succeed_is_not_tried_again():
    transport = Scripted(a=[BAD], b=[OK])
    with pytest.raises(BadRequestError):
        await engine(transport, m={"deployments": ["a/x"], "fallback": ["b/y"]}).handle(call())
    assert transport.hosts == ["a"]


@pytest.mark.parametrize("refusal", [LONG, DENIED])
async def test_what_another_can_answer_goes_on_at_once(refusal):
    clock, transport = Clock(), Scripted(a=[refusal], b=[OK])
    running = engine(transport, clock, m={"deployments": ["a/x"], "fallback": ["b/y"]})
    reply = await running.handle(call())
    assert transport.hosts == ["a", "b"]
    assert clock.slept == []
    assert running.stats().fallbacks == 1
    assert reply.value.provider == "b"


async def test_peers_come_before_waiting_and_fallbacks_after_it():
    clock, transport = Clock(), Scripted(a=[BUSY], b=[BUSY], c=[OK])
    running = engine(transport, clock, m={"deployments": ["a/x", "b/x"], "fallback": ["c/y"]})
    await running.handle(call(retries=1))
    assert transport.hosts[:2] == ["a", "b"]
    assert sorted(transport.hosts[2:4]) == ["a", "b"]
    assert transport.hosts[4:] == ["c"]
    assert running.stats().retries == 2


async def test_retry_after_binds_each_deployment_by_itself():
    clock, asked = Clock(), []

    class Noting(Scripted):
        async def send(self, request):
            asked.append((request.origin.host, clock.now))
            return await super().send(request)

    transport = Noting(a=[LIMITED, OK], b=[BUSY, BUSY, BUSY])
    await engine(transport, clock, m={"deployments": ["a/x", "b/x"]}).handle(call())
    assert [at for host, at in asked if host == "a"][1] >= 7


async def test_a_caller_may_name_its_own_fallbacks_or_none():
    transport = Scripted(a=[BUSY], b=[OK])
    running = engine(transport, m={"deployments": ["a/x"], "fallback": ["b/y"]})
    with pytest.raises(OverloadedError):
        await running.handle(call(retries=0, fallbacks=()))
    reply = await running.handle(call("a/z", retries=0, fallbacks=("b/y",)))
    assert reply.value.provider == "b"


async def test_the_time_limit_spans_the_whole_plan():
    clock, transport = Clock(), Scripted(a=[LIMITED], b=[OK])
    running = engine(transport, clock, m={"deployments": ["a/x"], "fallback": ["b/y"]})
    await running.handle(call(timeout_s=5))
    assert clock.slept == []  # seven seconds are not there
    assert transport.sent[0].timeouts.total_s == 5


async def test_time_that_is_over_stops_everything():
    clock = Clock()

    class Slow(Scripted):
        async def send(self, request):
            clock.now += 10
            return await super().send(request)

    transport = Slow(a=[APITimeoutError("late", code="total")], b=[OK])
    running = engine(transport, clock, m={"deployments": ["a/x"], "fallback": ["b/y"]})
    with pytest.raises(APITimeoutError):
        await running.handle(call(timeout_s=5))
    assert transport.hosts == ["a"]


async def test_the_retry_budget_bounds_a_storm():
    transport = Scripted(a=[BUSY])
    running = engine(transport, m="a/x")
    for _ in range(200):
        with pytest.raises(LLMError):
            await running.handle(call())
    assert len(transport.sent) <= 200 * 1.2 + 11


async def test_round_robin_goes_around():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(transport, m={"strategy": "round_robin", "deployments": ["a/x", "b/x"]})
    for _ in range(4):
        await running.handle(call())
    assert sorted(transport.hosts) == ["a", "a", "b", "b"]
    assert transport.hosts[0] != transport.hosts[1]


async def test_a_key_is_in_no_error():
    with pytest.raises(AuthenticationError) as caught:
        await engine(Scripted(a=[DENIED]), m="a/x").handle(call())
    error = caught.value
    for shown in (str(error), repr(error), error.message, str(error.args), str(vars(error))):
        assert KEY not in shown


async def test_an_unknown_model_names_the_nearest():
    with pytest.raises(UnknownModelError, match="other"):
        await engine(Scripted(a=[OK]), other="a/x").handle(call("otherr"))


async def test_cancelled_calls_are_counted_apart():
    async def forever():
        await asyncio.sleep(60)

    running = engine(Scripted(a=[forever]), m="a/x")
    task = asyncio.create_task(running.handle(call()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (running.stats().cancelled_requests, running.stats().open_requests) == (1, 0)


class Streamed(Answer):
    """A stream in pieces; an exception among them is raised where it stands."""

    def __init__(self, *pieces):
        super().__init__(200, b"")
        self.headers = ((b"content-type", b"text/event-stream"),)
        self.closed = 0
        self._pieces = list(pieces)

    async def __aiter__(self):
        for piece in self._pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    async def aclose(self):
        self.closed += 1


def chunk(text=None, finish=None):
    delta = b"{}" if text is None else b'{"content":"%b"}' % text.encode()
    end = b"null" if finish is None else b'"%b"' % finish.encode()
    return (
        b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
        b'[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n' % (delta, end)
    )


class Streams(Scripted):
    async def send(self, request):
        self.sent.append(request)
        given = self.answers[request.origin.host]
        answer = given.pop(0) if len(given) > 1 else given[0]
        return answer if isinstance(answer, Answer) else Answer(*answer)


async def test_a_stream_settles_once_with_its_usage():
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
    answer = Streamed(chunk("he"), chunk("y"), chunk(finish="stop"), usage, b"data: [DONE]\n\n")
    running = engine(Streams(a=[answer]), m="a/x")
    reply = await running.handle(call(stream=True))
    events = [event async for batch in reply.events for event in batch]
    assert fold(events).text == "hey"
    assert reply.events.usage.output_tokens == 2
    assert reply.events.finished
    await reply.events.aclose()
    assert (running.stats().successful_requests, running.stats().output_tokens) == (1, 2)


async def test_before_the_first_event_failing_over_is_free():
    empty, broken = Streamed(), Streamed(OverloadedError("gone"))
    good = Streamed(chunk("hi"), chunk(finish="stop"), b"data: [DONE]\n\n")
    transport = Streams(a=[empty], b=[broken], c=[good])
    running = engine(transport, m={"deployments": ["a/x", "b/x"], "fallback": ["c/y"]})
    reply = await running.handle(call(stream=True, retries=0))
    assert [attempt.deployment for attempt in reply.failed] == ["a/x", "b/x"]
    assert empty.closed
    assert broken.closed
    await reply.events.aclose()


async def test_after_it_the_partial_answer_is_kept_and_nothing_is_spliced():
    cut = Streamed(chunk("half"), OverloadedError("gone"))
    transport = Streams(a=[cut], b=[OK])
    running = engine(transport, m={"deployments": ["a/x"], "fallback": ["b/y"]})
    reply = await running.handle(call(stream=True))
    with pytest.raises(StreamInterruptedError) as caught:
        async for _ in reply.events:
            pass
    assert caught.value.partial.text == "half"
    assert (caught.value.provider, caught.value.model) == ("a", "x")
    assert transport.hosts == ["a"]
    assert cut.closed
    assert running.stats().failed_requests == 1


async def test_a_key_is_in_no_error_of_a_stream_either():
    quoted = f'data: {{"error":{{"message":"bad key {KEY}","type":"server_error"}}}}\n\n'.encode()
    running = engine(Streams(a=[Streamed(chunk("half"), quoted)]), m="a/x")
    reply = await running.handle(call(stream=True))
    with pytest.raises(LLMError) as caught:
        async for _ in reply.events:
            pass
    assert (caught.value.provider, caught.value.model) == ("a", "x")
    assert KEY not in str(caught.value) + repr(caught.value) + str(caught.value.args)


async def test_a_reader_that_leaves_closes_and_is_counted_apart():
    answer = Streamed(chunk("a"), chunk("b"))
    running = engine(Streams(a=[answer]), m="a/x")
    reply = await running.handle(call(stream=True))
    async for _ in reply.events:
        break
    await reply.events.aclose()
    await reply.events.aclose()
    assert answer.closed
    assert running.stats().cancelled_requests == 1


async def test_observers_are_told_in_order_and_without_words_or_keys():
    class Seen:
        def __init__(self):
            self.events = []

        def observe(self, events):
            self.events += events

    class Broken:
        def observe(self, events):
            raise RuntimeError("an observer's own fault")

    seen = Seen()
    running = engine(Scripted(a=[BUSY, OK]), observers=(Broken(), seen), m="a/x")
    await running.handle(call())
    await running.aclose()
    names = [event.name for event in seen.events]
    assert names == ["llm.request.start", "llm.retry", "llm.request.complete"]
    last = seen.events[-1]
    assert (last.provider, last.input_tokens, last.output_tokens) == ("a", 3, 2)
    assert last.duration_s >= 0
    assert KEY not in str(seen.events)
    assert "hello" not in str(seen.events)


async def test_observers_are_told_of_a_stream_and_its_length():
    class Seen(list):
        def observe(self, events):
            self += events

    seen = Seen()
    answer = Streamed(chunk("he"), chunk("y"), chunk(finish="stop"), b"data: [DONE]\n\n")
    running = engine(Streams(a=[answer]), observers=(seen,), m="a/x")
    reply = await running.handle(call(stream=True))
    async for _ in reply.events:
        pass
    await running.aclose()
    names = [event.name for event in seen]
    assert names[:2] == ["llm.request.start", "llm.stream.start"]
    assert set(names[2:-2]) == {"llm.stream.chunk"}
    assert names[-2:] == ["llm.stream.complete", "llm.request.complete"]
    assert seen[-1].response_chars == 3
    assert seen[0].prompt_chars == 5
    assert seen[-1].time_to_first_token_s is not None


def test_context_errors_are_their_own_class():
    assert ContextLengthError.may_fall_back
    assert RateLimitError.may_retry
