"""What went wrong once where money is: the smallest case of each."""

import asyncio
import json
import sys

import msgspec
import pytest
from msgspec.structs import replace
from test_accounting import COST, FINISH, STREAMED, Pieces, booked, capped, spent

from modelway.call import Body, Call, Payer
from modelway.errors import (
    BudgetExceededError,
    ConfigError,
    LLMError,
    NotFoundError,
    StoreDownError,
)
from modelway.framing.fields import split
from modelway.ledger.values import Intent
from modelway.observe.metrics import Metrics
from modelway.observe.sharing import Shared, fold
from modelway.opening import open_engine
from modelway.policies.budget.values import BudgetAlert
from modelway.retrieval import EmbedRequest
from support.budget_world import budget, total_pool, turns, world
from support.hand_clock import HandClock
from support.scripted import BAD, BUSY, KEY, OK, Clock, Scripted, call, engine

ONE_AT_A_TIME = {"providers": {"a": {"limits": {"concurrent": 1}}}}


# ------------------------------------------------------------ before an attempt


async def test_what_goes_wrong_before_an_attempt_leaves_the_place_to_the_next():
    made, ledger = booked(Scripted(a=[OK]), [capped()], **ONE_AT_A_TIME)
    budgets = made.state.budgets
    purse, budgets.purse = budgets.purse, broken
    with pytest.raises(RuntimeError):
        await made.handle(call())
    budgets.purse = purse
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


# ------------------------------------------------------------ grants


async def dying(world, step):
    """A process that dies in this step of its first grant, which the store does all the same."""
    process = await world.process()
    done = getattr(world.store, step)

    async def last(*args, **kwargs):
        await done(*args, **kwargs)
        await asyncio.Event().wait()

    setattr(world.store, step, last)
    waiting = asyncio.ensure_future(process.purse().enter(400))
    await turns()
    assert not waiting.done()
    assert await total(world) == 400
    process.die()
    setattr(world.store, step, done)
    waiting.cancel()
    return process


async def total(world):
    return await world.total(total_pool())


async def test_a_grant_lapses_by_itself_whose_process_died_before_it_was_noted():
    async with world(budget(1000)) as w:
        dead = await dying(w, "take")
        assert not dead.notes.out, "no journal knows of it"
        other = await w.process()
        assert await other.refused(700) == "budget"
        await w.clock.advance(61)
        assert await total(w) == 0
        (await other.enter(1000)).release()


async def test_a_grant_that_was_noted_and_not_yet_kept_is_given_back_by_who_replays_it():
    async with world(budget(1000)) as w:
        dead = await dying(w, "renew")
        other = await w.process()
        await dead.replayed_by(other, [])
        assert await total(w) == 0


async def test_a_grant_that_could_not_be_kept_is_not_spent_and_goes_back():
    async with world(budget(1000)) as w:
        process = await w.process()
        renew = w.store.renew

        async def away(*_):
            raise StoreDownError("the store is away")

        w.store.renew = away
        assert await process.refused(400) == "store_down"
        w.store.renew = renew
        await w.clock.advance(2)
        assert (await total(w), process.notes.out) == (0, {})
        (await process.enter(1000)).release()


async def test_a_grant_that_is_kept_counts_for_as_long_as_its_period():
    async with world(budget(1000)) as w:
        process = await w.process()
        hold = await process.enter(400)
        await w.clock.advance(3600)
        assert await total(w) == 400
        hold.settle(300)
        await w.clock.advance(3600)
        assert await total(w) == 300


# ------------------------------------------------------------ budgets of many


async def test_budgets_of_more_callers_than_are_looked_after_give_back_what_they_hold(monkeypatch):
    monkeypatch.setattr("modelway.policies.budget.budgets._MOST_ACTIVE", 3)
    async with world(budget(100_000, name="each", about={"user": "*"})) as w:
        process = await w.process()
        for number in range(6):
            (await process.enter(100, user=f"u{number}")).settle(50)
        pools = {name for name, _ in process.notes.out}
        await w.clock.advance(30)
        assert (len(pools), process.notes.out) == (6, {})
        assert [await w.total(name) for name in sorted(pools)] == [50] * 6


async def test_budgets_of_many_callers_are_looked_after_side_by_side():
    async with world(budget(100_000, name="each", about={"user": "*"}), latency_s=0.1) as w:
        process = await w.process()
        entering = [process.purse(user=f"u{number}").enter(100) for number in range(64)]
        for hold in await w.soon(asyncio.gather(*entering), seconds=1):
            hold.settle(50)
        await w.clock.advance(15)
        assert not process.notes.out


async def test_who_listens_for_closed_budgets_listens_on_after_a_fault(caplog):
    async with world(budget(1000)) as w:
        watch = w.records.watch

        def faulty(*args, **kwargs):
            w.records.watch = watch
            raise RuntimeError("a fault of the store's driver")

        w.records.watch = faulty
        one, two = await w.process(), await w.process()
        assert "could not be heard" in caplog.text
        (await two.enter(100)).release()
        (await one.enter(100)).settle(5_000)
        await w.clock.advance(3)
        assert await two.refused(1) == "closed"


# ------------------------------------------------------------ beginning, reloading, ending


def configured(**more):
    return {
        "providers": {"a": {"like": "openai", "base_url": "http://a/v1", "api_key": KEY}},
        "models": {"m": "a/x"},
        **more,
    }


async def opened(directory, observers=(), **more):
    environment = {"MODELWAY_STATE": str(directory)}
    return await open_engine(
        configured(**more),
        environment=environment,
        transport=Scripted(a=[OK]),
        observers=observers,
    )


class Observing:
    def observe(self, events):
        pass


async def test_a_reload_that_fails_leaves_nothing_of_itself_behind(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "modelway.policies.caching.semantic.memory", None)
    made = await opened(tmp_path, [Observing()])
    state = made.engine.state
    told = len(state.on_change), len(state.on_health), len(state.on_alert)
    with pytest.raises(ConfigError, match="numpy"):
        await made.reload(configured(cache={"semantic": {"model": "a/vectors", "threshold": 0.9}}))
    assert (len(state.on_change), len(state.on_health), len(state.on_alert)) == told
    assert (state.newest, state.kept) == (made.engine, None)
    await made.aclose()


async def test_vectors_are_kept_where_they_were_at_the_start(tmp_path):
    made = await opened(tmp_path)
    meaning = {"model": "a/vectors", "threshold": 0.9, "url": "postgresql://127.0.0.1/vectors"}
    with pytest.raises(ConfigError, match=r"cache\.semantic\.url"):
        await made.reload(configured(cache={"semantic": meaning}))
    await made.aclose()


async def test_what_a_journal_of_the_dead_tells_of_budgets_is_heard(tmp_path, monkeypatch):
    alert = BudgetAlert(
        name="all",
        about={},
        percent=200.0,
        spent_pico_usd=2,
        limit_pico_usd=1,
        time=0.0,
        kind="excess",
    )

    async def start(ledger):
        (state,) = ledger._orphans._give_back.args
        for told in state.on_alert:
            told(alert)

    monkeypatch.setattr("modelway.ledger.ledger.Ledger.start", start)
    heard = []

    class Hearing:
        def observe(self, events):
            heard.extend(events)

    made = await opened(tmp_path, [Hearing()], ledger={"enabled": True})
    await made.aclose()
    assert [event.name for event in heard] == ["llm.budget.alert"]


async def test_the_ledger_is_closed_whatever_fails_before_it(tmp_path):
    made = await opened(tmp_path, ledger={"enabled": True}, cache=True)
    await made.engine.handle(call())
    state = made.engine.state
    said = dict.fromkeys(("tenant", "key", "team", "user", "operation", "asked"), "")
    at = dict.fromkeys(("deployment", "provider", "model"), "x")
    late = Intent(id="late", time=0.0, tags=(), stream=False, **said, **at)

    async def failing():
        raise RuntimeError("a fault of the store's driver")

    state.kept.aclose = failing
    with pytest.raises(RuntimeError):
        await made.aclose()
    with pytest.raises(StoreDownError):
        state.ledger.intend(late)
    assert not list((tmp_path / "journal").iterdir()), "all of it is in the store"


# ------------------------------------------------------------ shared answers


async def at_once(made, release, *calls):
    asking = [asyncio.ensure_future(made.handle(one)) for one in calls]
    await turns()
    release.set()
    return await asyncio.gather(*asking, return_exceptions=True)


class Held(Scripted):
    """Answers when it is let."""

    def __init__(self):
        super().__init__(a=[OK])
        self.release = asyncio.Event()

    async def send(self, request):
        answer = await super().send(request)
        await self.release.wait()
        return answer


async def test_whose_budget_is_empty_refuses_nobody_else_who_asks_the_same():
    upstream = Held()
    poor = {"name": "poor", "limit_usd": 0.000001, "per": "total", "key": "poor"}
    made, ledger = booked(upstream, [poor], single_flight=True)
    rich = replace(call(), key="rich")
    refused, answered = await at_once(made, upstream.release, replace(call(), key="poor"), rich)
    assert isinstance(refused, BudgetExceededError)
    assert answered.value.text == "hi"
    assert [intent.key for intent in ledger.intents] == ["rich"]


@pytest.mark.parametrize(
    ("shared_by", "sent"), [("tenant", 1), ("key", 2), ("user", 3)], ids=["tenant", "key", "user"]
)
async def test_answers_are_shared_with_no_more_than_those_for_whom_they_are_kept(shared_by, sent):
    upstream = Held()
    cache = {"enabled": True, "shared_by": shared_by}
    made, _ = booked(upstream, cache=cache, single_flight=True)
    asking = [
        replace(call(), key="one", payer=Payer(user="ann")),
        replace(call(), key="two", payer=Payer(user="ann")),
        replace(call(), key="two"),
        replace(call(), key="two"),
    ]
    replies = await at_once(made, upstream.release, *asking)
    assert all(reply.value.text == "hi" for reply in replies)
    assert len(upstream.sent) == sent


async def test_no_model_is_asked_what_a_call_is_that_no_provider_has_to_answer():
    upstream = Scripted(a=[OK], c=[OK])
    config = {"cache": True, "single_flight": True, "task_model": "c/small"}
    made = engine(upstream, config=config, m={"deployments": ["a/x"]})
    with pytest.raises(NotFoundError):
        await made.handle(call(cache="only"))
    assert upstream.hosts == []
    asking = [made.handle(call(cache="off")) for _ in range(3)]
    await asyncio.gather(*asking)
    assert upstream.hosts == ["c", "a"]


# ------------------------------------------------------------ figures


async def test_workers_that_keep_dying_do_not_make_the_figures_grow(tmp_path, monkeypatch):
    monkeypatch.setattr("modelway.observe.sharing._MOST_NAMES", 5)
    for process in range(20):
        metrics = Metrics()
        metrics.retried("a", "x")
        (tmp_path / f"{process}-one.metrics").write_bytes(metrics.snapshot())
        fold(tmp_path, process)
    (ended,) = tmp_path.iterdir()
    assert len(msgspec.msgpack.decode(ended.read_bytes())["names"]) == 5
    told = await Shared(Metrics(), tmp_path, Clock()).text()
    assert b'modelway_retries_total{provider="a",model="x"} 20' in told


async def test_figures_are_shared_on_after_a_fault(tmp_path, caplog):
    metrics, clock = Metrics(), HandClock()
    shared = Shared(metrics, tmp_path, clock)
    await shared.start()
    snapshot, metrics.snapshot = metrics.snapshot, broken
    await clock.advance(1)
    assert "a fault" in caplog.text
    metrics.snapshot = snapshot
    metrics.retried("a", "x")
    await clock.advance(1)
    (file,) = tmp_path.glob("*.metrics")
    for _ in range(500):
        if file.read_bytes() == snapshot():
            break
        await asyncio.sleep(0.01)
    assert file.read_bytes() == snapshot()
    await shared.aclose()


# ------------------------------------------------------------ for whoever keeps accounts and bounds


@pytest.mark.parametrize("field", ["max_tokens", "n"])
async def test_a_number_without_end_is_no_fault_of_ours(field):
    said = b'{"model":"m","messages":[],"%s":1e999}' % field.encode()
    body = Body(dialect="openai-chat", fields=split(said), size_bytes=len(said))
    made, _ = booked(Scripted(a=[BAD]), [capped()])
    with pytest.raises(LLMError):
        await made.handle(Call(id="1", model="m", body=body))


def vectors(count):
    one = {"object": "embedding", "embedding": [0.1]}
    said = {"object": "list", "model": "m", "data": [{**one, "index": at} for at in range(count)]}
    return 200, json.dumps({**said, "usage": {"prompt_tokens": 3, "total_tokens": 3}}).encode()


@pytest.mark.parametrize("refusal", [BUSY, BAD], ids=["busy", "bad"])
async def test_what_was_billed_of_an_attempt_in_parts_counts_when_a_later_part_is_refused(refusal):
    made, ledger = booked(Scripted(a=[vectors(2048), refusal]), [capped()])
    texts = EmbedRequest(model="m", inputs=("x",) * 2049)
    with pytest.raises(LLMError):
        await made.handle(Call(id="1", operation="embed", model="m", request=texts))
    assert len(made._transport.sent) == 2
    (settlement,) = ledger.settlements
    assert settlement.cost_pico_usd > 0


async def test_counting_tokens_costs_nothing_and_is_in_no_figure_of_unknown_costs(caplog):
    made, _ = booked(Scripted(a=[(200, b'{"input_tokens":3}')]))
    await made.handle(replace(call(), operation="count_tokens"))
    assert (made.stats().unpriced_attempts, caplog.text) == (0, "")


async def test_what_goes_wrong_while_an_intent_is_written_leaves_nothing_reserved():
    made, ledger = booked(Scripted(a=[OK]), [capped()])
    await made.handle(call())
    ledger.intend = broken
    with pytest.raises(RuntimeError):
        await made.handle(call())
    await made.state.budgets.aclose()
    assert await spent(made) == (COST, 0)
