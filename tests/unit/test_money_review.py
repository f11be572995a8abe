"""What went wrong once where money is: the smallest case of each."""

import pytest
from test_accounting import COST, FINISH, STREAMED, Pieces, booked, capped

from modelway.errors import NotFoundError
from support.scripted import OK, Clock, Scripted, call

ONE_AT_A_TIME = {"providers": {"a": {"limits": {"concurrent": 1}}}}


# ------------------------------------------------------------ before an attempt


async def test_what_goes_wrong_before_an_attempt_leaves_the_place_to_the_next():
    made, ledger = booked(Scripted(a=[OK]), [capped()], **ONE_AT_A_TIME)
    bound = made.facts.bound

    def broken(*_):
        raise RuntimeError("a fault of ours")

    made.facts.bound = broken
    with pytest.raises(RuntimeError):
        await made.handle(call())
    made.facts.bound = bound
    await made.handle(call(max_wait_s=0.0))
    assert len(ledger.settlements) == 1


async def test_waiting_for_a_budget_takes_of_the_time_that_a_call_has():
    clock = Clock()
    made, _ = booked(Scripted(a=[OK]), [capped()], clock=clock)
    leases = made.state.store.leases
    take = leases.take

    async def slowly(*args, **kwargs):
        clock.now += 4.0
        return await take(*args, **kwargs)

    leases.take = slowly
    await made.handle(call(timeout_s=10.0))
    (request,) = made._transport.sent
    assert request.timeouts.total_s <= 6.0


# ------------------------------------------------------------ after an attempt


class Watching:
    """Spans that fail where they end."""

    def attempt(self, *_):
        async def watched(call, inner):
            reply = await inner(call)
            reply.events.on_settled.append(broken)
            return reply

        return watched


def broken(*_):
    raise RuntimeError("a fault of who looks on")


async def test_a_stream_is_booked_whoever_fails_that_only_looks_on():
    made, ledger = booked(Pieces(a=[(200, [STREAMED, FINISH])]), [capped()])
    made.state.telemetry = Watching()
    reply = await made.handle(call(stream=True))
    with pytest.raises(RuntimeError):
        _ = [batch async for batch in reply.events]
    assert [one.cost_pico_usd for one in ledger.settlements] == [COST]


async def test_an_answer_is_booked_whoever_fails_that_only_looks_on():
    made, ledger = booked(Scripted(a=[OK]), [capped()])

    class Monitor:
        seen = broken

    made.state.monitor = Monitor()
    with pytest.raises(RuntimeError):
        await made.handle(call())
    assert [one.cost_pico_usd for one in ledger.settlements] == [COST]


# ------------------------------------------------------------ answers that are kept


async def read(reply):
    if reply.events is not None:
        _ = [batch async for batch in reply.events]
    return reply


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_kept_answer_is_not_counted_as_if_it_had_been_paid(stream):
    upstream = Pieces(a=[(200, [STREAMED, FINISH])]) if stream else Scripted(a=[OK])
    made, _ = booked(
        upstream,
        cache=True,
        tenants={"local": {"limits": {"tokens_per_minute": 600}}},
        experiments={
            "e": {
                "unit": "request",
                "arms": [{"name": "one", "model": "m"}, {"name": "two", "model": "a/x"}],
            }
        },
    )
    outcomes = []
    made.state.outcomes.record = outcomes.append
    asked = call("e", stream=stream)
    await read(await made.handle(asked))
    before = made.stats()
    for _ in range(3):  # 257 tokens are reckoned of each before it is known
        reply = await read(await made.handle(asked))
    after = made.stats()
    assert reply.cached == "exact"
    assert (after.input_tokens, after.output_tokens) == (before.input_tokens, before.output_tokens)
    assert after.successful_requests == 4
    assert [one.cost_pico_usd for one in outcomes] == [COST, 0, 0, 0]


@pytest.mark.parametrize("config", [{}, {"cache": True}], ids=["off", "on"])
async def test_who_wants_a_kept_answer_alone_asks_no_provider(config):
    made, ledger = booked(Scripted(a=[OK]), **config)
    with pytest.raises(NotFoundError) as refused:
        await made.handle(call(cache="only"))
    assert refused.value.code == "only_if_cached"
    assert (made._transport.sent, ledger.intents) == ([], [])
