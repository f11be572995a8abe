"""Every attempt is booked once: before it is sent, and however it ends."""

import asyncio

import pytest
from msgspec.structs import replace

from modelway.call import Body, Payer
from modelway.clock import SystemClock
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    BudgetExceededError,
    LLMError,
    OverloadedError,
    StoreDownError,
)
from modelway.framing.fields import split
from support.scripted import BAD, BUSY, OK, Clock, Scripted, call, engine

PRICE = {"max_output_tokens": 100, "price": {"input": 1.0, "output": 10.0}}
COST = 3 * 1_000_000 + 2 * 10_000_000
"""Of ``OK``: three tokens read and two made, in pico-dollars."""
STREAMED = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":"hello there"},"finish_reason":null}]}\n\n'
)
FINISH = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\ndata: [DONE]\n\n'
)


class Noted:
    """A ledger that only remembers."""

    def __init__(self):
        self.intents = []
        self.settlements = []
        self.full = False

    def intend(self, intent):
        if self.full:
            raise StoreDownError("the disk is full", code="journal")
        self.intents.append(intent)

    def settle(self, settlement):
        self.settlements.append(settlement)

    def granted(self, pool, grant, amount):
        pass

    def returned(self, pool, grant):
        pass

    async def aclose(self):
        pass


class Pieces(Scripted):
    """Answers that come in pieces; after an error among them nothing comes."""

    async def send(self, request):
        answer = await super().send(request)
        answer.headers = ((b"content-type", b"text/event-stream"),)
        pieces = answer._body

        async def each():
            for piece in pieces:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece

        answer.__class__ = type("Stream", (answer.__class__,), {"__aiter__": lambda _: each()})
        return answer


def booked(transport, budgets=(), catalogue=PRICE, clock=None, **config):
    prices = {f"{name}/x": catalogue for name in transport.answers} if catalogue else {}
    said = {"budgets": list(budgets), "catalogue": prices, "defaults": {"retries": 0}}
    made = engine(
        transport,
        clock or Clock(),
        config={**said, **config},
        m={"deployments": [f"{name}/x" for name in transport.answers]},
    )
    made.state.ledger = Noted()
    if made.state.budgets is not None:
        made.state.budgets.notes = made.state.ledger
    return made, made.state.ledger


def capped(**more):
    return {"name": "all", "limit_usd": 1.0, "per": "total", **more}


async def spent(made):
    (status,) = await made.state.budgets.statuses()
    return status.spent_pico_usd, status.reserved_pico_usd


async def test_an_answer_costs_what_its_usage_costs():
    made, ledger = booked(Scripted(a=[OK]), [capped()])
    await made.handle(replace(call(), payer=Payer(team="t", user="u", tags=("x", "y"))))
    (intent,), (settlement,) = ledger.intents, ledger.settlements
    assert (intent.id, settlement.id) == ("1.1", "1.1")
    assert (intent.team, intent.user, intent.tags) == ("t", "u", ("x", "y"))
    assert intent.reserved_pico_usd >= settlement.cost_pico_usd == COST
    assert sum(draw.pico_usd for draw in intent.draws) == intent.reserved_pico_usd
    assert (settlement.basis, settlement.error) == ("catalogue", "")
    assert (settlement.input_tokens, settlement.output_tokens) == (3, 2)
    assert made.stats().cost_pico_usd == COST
    await made.state.budgets.aclose()
    assert await spent(made) == (COST, 0)


async def test_each_attempt_is_booked_and_a_refusal_costs_nothing():
    made, ledger = booked(Scripted(a=[BUSY], b=[OK]), [capped()])
    await made.handle(call())
    assert [one.id for one in ledger.intents] == ["1.1", "1.2"]
    assert [one.deployment for one in ledger.intents] == ["a/x", "b/x"]
    assert [(one.cost_pico_usd, one.basis) for one in ledger.settlements] == [
        (0, "free"),
        (COST, "catalogue"),
    ]
    assert [one.error for one in ledger.settlements] == ["OverloadedError", ""]


@pytest.mark.parametrize(
    ("error", "basis"),
    [
        (APIConnectionError("no", code="refused"), "free"),
        (APITimeoutError("no", code="connect"), "free"),
        (APITimeoutError("late", code="first_byte"), "reserved"),
        (APIConnectionError("gone", code="closed"), "reserved"),
    ],
    ids=["refused", "no connection", "no byte in time", "closed before an answer"],
)
async def test_what_may_have_been_billed_costs_its_reservation(error, basis):
    made, ledger = booked(Scripted(a=[error]), [capped()])
    with pytest.raises(LLMError):
        await made.handle(call())
    (intent,), (settlement,) = ledger.intents, ledger.settlements
    assert settlement.basis == basis
    assert settlement.cost_pico_usd == (intent.reserved_pico_usd if basis == "reserved" else 0)
    assert settlement.error == type(error).__name__


async def test_a_caller_who_leaves_before_an_answer_pays_for_it():
    waits = asyncio.Event()

    async def wait():
        waits.set()
        await asyncio.sleep(60)

    made, ledger = booked(Scripted(a=[wait]), [capped()])
    task = asyncio.create_task(made.handle(call()))
    await waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(one.basis, one.error) for one in ledger.settlements] == [("reserved", "Cancelled")]


async def test_a_whole_stream_costs_what_its_usage_costs():
    made, ledger = booked(Pieces(a=[(200, [STREAMED, FINISH])]), [capped()])
    reply = await made.handle(call(stream=True))
    assert ledger.settlements == []
    async for _ in reply.events:
        pass
    assert [(one.cost_pico_usd, one.basis) for one in ledger.settlements] == [(COST, "catalogue")]
    assert ledger.settlements[0].first_s is not None


@pytest.mark.parametrize("dialect", ["typed", "bytes"])
async def test_a_stream_that_is_left_costs_what_came(dialect):
    made, ledger = booked(Pieces(a=[(200, [STREAMED] * 3 + [FINISH])]), [capped()])
    asked = call(stream=True)
    if dialect == "bytes":
        said = b'{"model":"m","stream":true,"max_tokens":90,"messages":[{"role":"user","content":"hi"}]}'
        body = Body(dialect="openai-chat", fields=split(said), size_bytes=len(said))
        asked = replace(asked, request=None, body=body)
    reply = await made.handle(asked)
    stream = reply.chunks or reply.events
    await anext(aiter(stream))
    await stream.aclose()
    await stream.aclose()
    (intent,), (settlement,) = ledger.intents, ledger.settlements
    assert (settlement.basis, settlement.error) == ("received", "left")
    assert 0 < settlement.cost_pico_usd <= intent.reserved_pico_usd
    await made.state.budgets.aclose()
    assert await spent(made) == (settlement.cost_pico_usd, 0)


async def test_a_stream_that_is_left_after_its_usage_costs_that():
    made, ledger = booked(Pieces(a=[(200, [STREAMED + FINISH])]), [capped()])
    reply = await made.handle(call(stream=True))
    await anext(aiter(reply.events))
    await reply.events.aclose()
    assert [(one.cost_pico_usd, one.basis) for one in ledger.settlements] == [(COST, "catalogue")]


async def test_an_unknown_price_is_refused_under_a_budget_and_said_without_one():
    made, ledger = booked(Scripted(a=[OK]), [capped()], catalogue=None)
    with pytest.raises(BudgetExceededError) as refused:
        await made.handle(call())
    assert refused.value.code == "unpriced"
    assert "catalogue" in refused.value.message
    assert ledger.intents == []

    made, ledger = booked(Scripted(a=[OK]), [capped(unpriced="allow")], catalogue=None)
    await made.handle(call())
    assert [(one.cost_pico_usd, one.basis) for one in ledger.settlements] == [(None, "unknown")]
    assert made.stats().unpriced_attempts == 1
    assert made.stats().cost_pico_usd == 0


async def test_what_does_not_fit_goes_to_one_that_does():
    dear = {"max_output_tokens": 100, "price": {"input": 1.0, "output": 1000.0}}
    made = engine(
        Scripted(a=[OK], b=[OK]),
        Clock(),
        config={
            "budgets": [capped(limit_usd=0.01)],
            "catalogue": {"a/x": dear, "b/x": PRICE},
            "defaults": {"retries": 0},
        },
        m={"deployments": ["a/x", "b/x"]},
    )
    reply = await made.handle(call())
    assert reply.deployment.id == "b/x"
    assert [(one.deployment, one.error) for one in reply.failed] == [("a/x", "BudgetExceededError")]


async def test_a_full_disk_refuses_under_a_hard_budget_and_only_complains_without(caplog):
    made, ledger = booked(Scripted(a=[OK]), [capped()])
    ledger.full = True
    with pytest.raises(StoreDownError):
        await made.handle(call())
    assert made._transport.sent == []
    await made.state.budgets.aclose()
    assert await spent(made) == (0, 0)

    made, ledger = booked(Scripted(a=[OK]))
    ledger.full = True
    await made.handle(call())
    assert "not in the ledger" in caplog.text
    assert made.stats().cost_pico_usd == COST


async def test_a_bad_request_costs_nothing_and_releases_everything():
    made, ledger = booked(Scripted(a=[BAD]), [capped()])
    with pytest.raises(LLMError):
        await made.handle(call())
    assert [(one.cost_pico_usd, one.basis) for one in ledger.settlements] == [(0, "free")]
    await made.state.budgets.aclose()
    assert await spent(made) == (0, 0)


async def test_a_race_settles_who_lost_at_its_reservation():
    async def slow():
        await asyncio.sleep(20)

    made, ledger = booked(
        Scripted(a=[slow], b=[OK]),
        [capped()],
        clock=SystemClock(),
        hedging={"enabled": True, "after_s": 0.001, "share": 1.0},
    )
    await made.handle(call())
    found = {one.id: one for one in ledger.settlements}
    reserved = {one.id: one.reserved_pico_usd for one in ledger.intents}
    assert found["1.1"].basis == "reserved"
    assert found["1.1"].cost_pico_usd == reserved["1.1"]
    assert (found["1.2"].basis, found["1.2"].cost_pico_usd) == ("catalogue", COST)


async def test_what_is_asked_of_nobody_is_not_booked():
    made, ledger = booked(Scripted(a=[OverloadedError("down", status=503)]), [capped()])
    with pytest.raises(LLMError):
        await made.handle(replace(call(), operation="count_tokens"))
    assert ledger.intents == []
