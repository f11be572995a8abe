"""Who is told of what, once for all processes; and webhooks."""

import asyncio
import hashlib
import hmac
import json
import logging

import pytest

from modelway.errors import APIConnectionError, ConfigError
from modelway.policies.budget.values import BudgetAlert, Webhook
from modelway.policies.budget.webhook import Webhooks, signed
from support.budget_world import budget, total_pool, turns, world
from support.hand_clock import HandClock


async def test_each_threshold_is_told_once_by_one_of_four_processes():
    async with world(budget(10_000, alerts=(10.0, 50.0, 99.5, 100.0))) as w:
        processes = [await w.process() for _ in range(4)]
        for _ in range(25):
            for process in processes:
                (await process.enter(100)).settle(100)
            await w.clock.advance(0.5)
        await w.clock.advance(10)
        assert sorted(alert.percent for alert in w.alerts if alert.kind == "threshold") == [
            *(10.0, 50.0, 99.5, 100.0)
        ]
        for alert in w.alerts:
            assert alert.spent_pico_usd * 100 >= alert.percent * 10_000
            assert alert.limit_pico_usd == 10_000


async def test_what_is_only_reserved_alarms_nobody():
    async with world(budget(1000)) as w:
        one, two = await w.process(), await w.process()
        holds = [await one.enter(300), await one.enter(300), await two.enter(300)]
        await w.clock.advance(60)
        assert w.alerts == []
        for hold in holds:
            hold.settle(10)
        await w.clock.advance(10)
        assert w.alerts == []


async def test_a_threshold_is_told_by_who_settles_last():
    async with world(budget(1000, alerts=(80.0,))) as w:
        one, two = await w.process(), await w.process()
        hold = await one.enter(300)
        (await two.enter(500)).settle(500)
        await w.clock.advance(20)
        assert w.alerts == []
        hold.settle(300)
        await w.clock.advance(10)
        assert [alert.spent_pico_usd for alert in one.alerts] == [800]


async def test_what_another_has_just_reserved_alarms_nobody():
    async with world(budget(1000, alerts=(50.0,))) as w:
        one, two = await w.process(), await w.process()
        hold = await one.enter(100)
        await w.clock.advance(1.9)
        reserved = await two.enter(600)
        hold.settle(100)
        await w.clock.advance(10)
        assert w.alerts == []
        reserved.release()


async def test_the_first_refusal_is_told_once():
    async with world(budget(1000, alerts=())) as w:
        one, two = await w.process(), await w.process()
        for process in (one, two, one):
            assert await process.refused(1001) == "budget"
            await w.clock.advance(3)
        (alert,) = w.alerts
        assert (alert.kind, alert.spent_pico_usd) == ("refused", 0)


async def test_each_period_tells_anew():
    async with world(budget(1000, period="day")) as w:
        one = await w.process()
        for _ in range(3):
            (await one.enter(900)).settle(900)
            await w.clock.advance(10)
            w.clock.jump_s += 86_400
        assert [alert.percent for alert in w.alerts] == [50, 80] * 3


async def test_a_rolling_period_tells_anew_when_it_is_over():
    async with world(budget(1000, period="rolling", rolling_s=600.0, alerts=(50.0,))) as w:
        one = await w.process()
        for _ in range(3):
            (await one.enter(900)).settle(900)
            await w.clock.advance(700)
        assert [alert.percent for alert in w.alerts] == [50] * 3


async def test_a_raised_limit_has_thresholds_of_its_own():
    async with world(budget(1000, alerts=(50.0,))) as w:
        one = await w.process()
        (await one.enter(900)).settle(900)
        await w.clock.advance(10)
        one.budgets.adopt([budget(2000, alerts=(50.0,))])
        (await one.enter(50)).settle(50)
        await w.clock.advance(10)
        assert len(w.alerts) == 1
        (await one.enter(100)).settle(100)
        await w.clock.advance(10)
        assert [alert.limit_pico_usd for alert in w.alerts] == [1000, 2000]


async def test_who_is_told_and_fails_stops_nothing(caplog):
    def fails(_):
        raise RuntimeError("nobody is there")

    async with world(budget(100)) as w:
        one = await w.process(tell=fails)
        (await one.enter(90)).settle(90)
        await w.clock.advance(10)
        assert caplog.text.count("nobody could be told of a budget") == 2
        assert await w.total(total_pool()) == 90


async def test_how_it_stands_tells_spent_and_held_apart_for_all_processes():
    async with world(budget(10_000, about={"team": "*"}), budget(500, name="all")) as w:
        one, two = await w.process(), await w.process()
        a = await one.enter(200, team="red")
        b = await two.enter(100, team="red")
        (await two.enter(50, team="red")).settle(40)
        await w.clock.advance(10)
        for process in (one, two):
            red, everything = sorted(
                await process.budgets.statuses(), key=lambda status: -len(status.about)
            )
            assert (red.name, red.about, red.period) == ("b", {"team": "red"}, "total")
            assert (red.begins, red.ends, red.hard, red.closed) == (None, None, True, False)
            for status in (red, everything):
                assert (status.spent_pico_usd, status.reserved_pico_usd) == (40, 300)
                assert status.remaining_pico_usd == status.limit_pico_usd - 340
        a.settle(200)
        b.release()


async def test_how_it_stands_is_not_asked_while_it_is_being_told():
    for later_s in (0.0, 0.01, 0.03):
        async with world(budget(1000), latency_s=0.02) as w:
            one = await w.process()
            holds = [await one.enter(300) for _ in range(2)]
            for hold in holds:
                hold.settle(40)
            await w.clock.advance(later_s)
            (status,) = await w.soon(one.budgets.statuses())
            assert (status.spent_pico_usd, status.reserved_pico_usd) == (80, 0)


async def test_a_budget_of_whom_it_names_is_shown_before_anybody_calls():
    async with world(budget(period="month"), budget(name="each", about={"key": "*"})) as w:
        one = await w.process()
        (status,) = await one.budgets.statuses()
        assert (status.name, status.spent_pico_usd, status.limit_pico_usd) == ("b", 0, 1000)
        assert status.begins < w.clock.time() < status.ends


async def test_a_reload_takes_budgets_away_and_brings_others():
    async with world(budget()) as w:
        one = await w.process()
        (await one.enter(300)).settle(300)
        one.budgets.adopt([])
        assert one.purse().empty
        assert await one.budgets.statuses() == ()
        one.budgets.adopt([budget(900, alerts=())])
        assert await one.refused(601) == "budget"
        one.budgets.adopt([budget(250)])
        assert await one.refused(1) == "budget"
        assert await w.total(total_pool()) == 300


async def test_a_lower_limit_holds_for_what_is_held_too():
    async with world(budget(1_000_000)) as w:
        one = await w.process()
        for _ in range(10):
            (await one.enter(1000)).settle(1000)
        purse = one.purse()
        purse.reserve(1000).release()
        one.budgets.adopt([budget(10_500)])
        assert purse.reserve(1000) is None
        assert await one.refused(1000) == "budget"
        (await one.enter(500)).settle(500)


# ---------------------------------------------------------------- webhooks

ALERT = BudgetAlert(
    name="b",
    about={"team": "red"},
    percent=80.0,
    spent_pico_usd=81,
    limit_pico_usd=100,
    time=1_790_000_000.0,
)
HOOK = Webhook(url="https://hooks.example/alerts", secret="open sesame")


class Receiver:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.seen = []

    async def __call__(self, url, headers, body):
        self.seen.append((url, headers, body))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, BaseException):
            raise answer
        return answer


async def test_what_is_sent_can_be_verified():
    receiver = Receiver()
    hooks = Webhooks(receiver, HandClock())
    hooks.tell(ALERT, HOOK)
    await turns()
    ((url, headers, body),) = receiver.seen
    assert url == HOOK.url
    said = json.loads(body)
    assert said["type"] == "budget.alert"
    assert (said["name"], said["percent"], said["about"]) == ("b", 80.0, {"team": "red"})
    text = headers["x-modelway-timestamp"].encode() + b"." + body
    expected = hmac.new(b"open sesame", text, hashlib.sha256).hexdigest()
    assert headers["x-modelway-signature"] == f"sha256={expected}"
    await hooks.aclose()


async def test_it_is_tried_again_a_few_times(caplog):
    clock = HandClock()
    receiver = Receiver(
        500, OSError("no route"), APIConnectionError("refused"), 429, TimeoutError()
    )
    hooks = Webhooks(receiver, clock)
    with caplog.at_level(logging.WARNING):
        hooks.tell(ALERT, HOOK)
        await clock.advance(1000)
    assert len(receiver.seen) == 5
    assert "could not be told: TimeoutError" in caplog.text
    assert not hooks._open
    stamps = [headers["x-modelway-timestamp"] for _, headers, _ in receiver.seen]
    assert len(set(stamps)) == 5


async def test_it_is_not_tried_again_where_that_is_refused_or_has_arrived():
    clock = HandClock()
    for answer in (200, 404):
        receiver = Receiver(answer)
        hooks = Webhooks(receiver, clock)
        hooks.tell(ALERT, HOOK)
        await clock.advance(1000)
        assert len(receiver.seen) == 1


async def test_too_many_are_only_logged_and_none_is_waited_for(caplog):
    async def never(url, headers, body):
        await asyncio.Event().wait()

    hooks = Webhooks(never, HandClock())
    for _ in range(150):
        hooks.tell(ALERT, HOOK)
    await turns()
    assert len(hooks._open) == 100
    assert caplog.text.count("too many are open") == 50
    await hooks.aclose()
    assert not hooks._open


@pytest.mark.parametrize("secret", ["", "  "])
def test_nothing_is_signed_with_an_empty_secret(secret):
    with pytest.raises(ConfigError, match="secret that is not empty"):
        signed(b"{}", secret, 0.0)


def test_neither_url_nor_secret_is_shown():
    one = budget(webhook=HOOK)
    assert "sesame" not in repr(one) + repr(HOOK)
    assert "hooks.example" not in repr(one) + repr(HOOK)
