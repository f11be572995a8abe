"""One process's breakers: what counts, who may probe, and what is shown."""

import asyncio
import random

import pytest

from modelway import errors
from modelway.call import Timeouts
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    LLMError,
    OverloadedError,
    RateLimitError,
    StoreDownError,
    StreamInterruptedError,
)
from modelway.policies.breaker import Breakers, BreakerSettings, impatient
from modelway.policies.breaker.breaker import counts
from modelway.ports import Pool
from modelway.store.memory import open_memory
from support.hand_clock import HandClock, turns

BUSY = OverloadedError("busy", status=503, code="overloaded")
SETTINGS = BreakerSettings(failures=3)


class Around:
    """Breakers on a store in memory, and what they told."""

    def __init__(self, settings=SETTINGS, clock=None, store=None, node="here"):
        self.clock = clock or HandClock()
        self.store = store or open_memory(self.clock)
        self.told = []
        self.breakers = Breakers(
            settings,
            self.clock,
            leases=self.store.leases,
            records=self.store.records,
            node=node,
            tell=self.told.append,
        )

    def open(self, deployment="a/x", error=BUSY):
        breaker = self.breakers.of(deployment)
        for _ in range(self.breakers.settings.failures):
            breaker.failed(error)
        assert not breaker.closed
        return breaker

    def path(self, deployment="a/x"):
        return [one.after for one in self.told if one.deployment == deployment]


async def test_it_opens_after_failures_in_a_row_and_not_before():
    breaker = Around().breakers.of("a/x")
    for _ in range(5):
        breaker.failed(BUSY)
        breaker.failed(BUSY)
        breaker.succeeded()
    assert breaker.closed
    breaker.failed(BUSY)
    breaker.failed(BUSY)
    assert await breaker.claim() == "closed"
    breaker.failed(BUSY)
    assert not breaker.closed
    assert await breaker.claim() == "refused"
    assert breaker.retry_in_s() == 60.0


async def test_one_probe_goes_out_when_it_is_time_and_a_success_closes():
    around = Around()
    breaker = around.open()
    await around.clock.advance(59.9)
    assert await breaker.claim() == "refused"
    await around.clock.advance(0.2)
    claims = await asyncio.gather(*[breaker.claim() for _ in range(50)])
    assert sorted(claims) == ["probe", *["refused"] * 49]
    assert breaker.status().state == "half_open"
    breaker.succeeded()
    assert breaker.closed
    assert breaker.status().failures == 0
    assert around.path() == ["open", "half_open", "closed"]
    assert [one.reason for one in around.told] == ["failures", "due", "success"]


async def test_there_is_nothing_to_wait_for_when_it_is_due():
    around = Around()
    breaker = around.open()
    await around.clock.advance(100.0)
    assert breaker.retry_in_s() == 0.0


async def test_a_failed_probe_opens_for_as_long_again():
    around = Around()
    breaker = around.open()
    for _ in range(3):  # and no longer each time
        await around.clock.advance(60.0)
        assert await breaker.claim() == "probe"
        breaker.failed(BUSY)
        assert breaker.retry_in_s() == 60.0
    assert around.told[-1].reason == "probe failed"


async def test_a_probe_whose_caller_left_makes_way_for_the_next():
    around = Around()
    breaker = around.open()
    await around.clock.advance(60.0)
    for _ in range(20):
        assert await breaker.claim() == "probe"
        breaker.left()
        await turns()
    assert await breaker.claim() == "probe"
    breaker.succeeded()
    assert breaker.closed


ENDS = {
    "success": lambda breaker: breaker.succeeded(),
    "sign": lambda breaker: breaker.alive(),
    "failure": lambda breaker: breaker.failed(BUSY),
    "left": lambda breaker: breaker.left(),
    "uncounted": lambda breaker: breaker.failed(BadRequestError("bad")),
    "reset": lambda breaker: breaker.reset(),
}


@pytest.mark.parametrize("how", ENDS)
async def test_however_a_probe_ends_its_claim_is_given_back(how):
    """Here a claim would outlast the next opening."""
    around = Around(BreakerSettings(failures=3, open_s=10.0, probe_s=1000.0))
    breaker = around.open()
    await around.clock.advance(10.0)
    assert await breaker.claim() == "probe"
    ENDS[how](breaker)
    await turns()
    around.open()
    await around.clock.advance(10.0)
    assert await breaker.claim() == "probe"


async def test_a_late_failure_in_half_open_gives_the_claim_back_but_a_probe_may_still_close():
    around = Around(BreakerSettings(failures=3, open_s=10.0, probe_s=1000.0))
    breaker = around.open()
    await around.clock.advance(10.0)
    assert await breaker.claim() == "probe"
    breaker.failed(BUSY)  # of a call from long ago
    assert await breaker.claim() == "refused"
    breaker.succeeded()  # the probe itself
    assert breaker.closed


async def test_a_probe_that_is_lost_is_given_up():
    around = Around()
    breaker = around.open()
    await around.clock.advance(60.0)
    assert await breaker.claim() == "probe"
    await around.clock.advance(29.9)
    assert await breaker.claim() == "refused"
    await around.clock.advance(0.2)
    assert await breaker.claim() == "probe"


async def test_an_error_that_does_not_count_ends_a_probe_without_a_verdict():
    around = Around()
    breaker = around.open()
    await around.clock.advance(60.0)
    assert await breaker.claim() == "probe"
    breaker.failed(RateLimitError("slow down", status=429))
    assert breaker.status().state == "open"
    await turns()
    assert await breaker.claim() == "probe"


async def test_late_failures_do_not_prolong_the_opening():
    around = Around()
    breaker = around.open()
    for _ in range(59):
        await around.clock.advance(1.0)
        breaker.failed(BUSY)
    await around.clock.advance(1.0)
    assert await breaker.claim() == "probe"
    assert breaker.status().failures == 3 + 59


async def test_a_late_success_closes():
    around = Around()
    breaker = around.open()
    breaker.succeeded()
    assert breaker.closed


async def test_a_sign_of_life_closes_until_the_next_failure():
    around = Around()
    breaker = around.open()
    breaker.alive()
    assert breaker.closed
    breaker.failed(BUSY)
    assert not breaker.closed
    breaker.alive()
    breaker.succeeded()
    breaker.failed(BUSY)
    assert breaker.closed


async def test_streams_that_begin_and_break_open_it():
    """The beginning does not count as a success, or none of them would ever be the third in a row."""
    breaker = Around().breakers.of("a/x")
    for _ in range(3):
        breaker.alive()
        breaker.failed(StreamInterruptedError("it broke off"))
    assert not breaker.closed


# ---------------------------------------------------------------- what counts


TREE = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, LLMError)]
COUNTED = {
    "OverloadedError",
    "APITimeoutError",
    "APIConnectionError",
    "StreamInterruptedError",
    "ResponseError",
    "CredentialError",
    "AuthenticationError",
    "PermissionDeniedError",
}


@pytest.mark.parametrize("kind", TREE)
def test_which_errors_count(kind):
    assert counts(kind("no"), BreakerSettings().counted) == (kind.__name__ in COUNTED)


def test_what_the_settings_name_counts_but_never_the_requests_own_faults():
    every = tuple([kind.__name__ for kind in TREE])
    assert counts(RateLimitError("no"), every)
    assert counts(errors.NotFoundError("no"), every)
    for kind in (BadRequestError, errors.ContextLengthError, errors.BudgetExceededError):
        assert not counts(kind("no"), every)
    assert not counts(OverloadedError("no"), ())
    assert counts(OverloadedError("no"), ("UnavailableError",))


def test_a_reader_who_left_is_no_failure():
    assert not counts(StreamInterruptedError("gone", code="left"), BreakerSettings().counted)


@pytest.mark.parametrize(
    ("given_s", "code", "expected"),
    [
        (0.001, "total", True),
        (59.9, "total", True),
        (60.0, "total", False),  # it waited as long as the operator would
        (None, "total", False),
        (0.001, "first_byte", False),
        (0.001, "connect", False),
    ],
)
def test_a_caller_in_a_hurry_is_no_witness(given_s, code, expected):
    assert impatient(APITimeoutError("over", code=code), given_s, Timeouts()) == expected
    assert not impatient(OverloadedError("busy", code=code), given_s, Timeouts())


# ---------------------------------------------------------------- the store


class Down:
    """A store that cannot be reached."""

    async def refuse(self, *arguments, **named):
        raise StoreDownError("the store is down")

    take = settle = append = query = refuse

    async def watch(self, stream, *, after=None):
        raise StoreDownError("the store is down")
        yield


async def test_without_the_store_each_process_probes_for_itself():
    clock = HandClock()
    around = Around(clock=clock, store=open_memory(clock)._replace(leases=Down(), records=Down()))
    await around.breakers.start()
    breaker = around.open()
    await clock.advance(60.0)
    assert sorted(await asyncio.gather(breaker.claim(), breaker.claim())) == ["probe", "refused"]
    breaker.succeeded()
    assert breaker.closed
    await around.breakers.reset()
    await clock.advance(200.0)
    await around.breakers.aclose()


class Stalled:
    """Leases that are granted when a test says so."""

    def __init__(self, leases):
        self.leases = leases
        self.go = asyncio.Event()

    async def take(self, *arguments, **named):
        await self.go.wait()
        return await self.leases.take(*arguments, **named)

    async def settle(self, *arguments):
        await self.leases.settle(*arguments)


async def test_a_caller_who_leaves_while_claiming_leaves_no_claim_behind():
    around = Around()
    stalled = Stalled(around.store.leases)
    around = Around(clock=around.clock, store=around.store._replace(leases=stalled))
    breaker = around.open()
    await around.clock.advance(60.0)
    claiming = asyncio.create_task(breaker.claim())
    await turns()
    assert await breaker.claim() == "refused"  # at once, while the first one asks
    claiming.cancel()
    await turns()
    assert breaker.status().state == "open"
    stalled.go.set()
    await turns()
    assert await breaker.claim() == "probe"


async def test_what_is_decided_while_claiming_holds():
    around = Around()
    stalled = Stalled(around.store.leases)
    around = Around(clock=around.clock, store=around.store._replace(leases=stalled))
    breaker = around.open()
    await around.clock.advance(60.0)
    claiming = asyncio.create_task(breaker.claim())
    await turns()
    breaker.succeeded()
    stalled.go.set()
    assert await claiming == "closed"
    await turns()
    pool = Pool("probe:a/x", 1, 0.0, 30.0)
    assert (
        await around.store.leases.leases.take(pool, 0)
    ).left == 1  # and its claim was given back


# ---------------------------------------------------------------- what is shown


async def test_a_status_says_what_happened():
    around = Around()
    breaker = around.breakers.of("a/x")
    assert breaker.status().last_failure is None
    around.open(error=AuthenticationError("no such key: sk-abcdef0123456789", status=401))
    await around.clock.advance(12.0)
    (status,) = around.breakers.statuses()
    assert (status.deployment, status.state, status.failures) == ("a/x", "open", 3)
    assert (status.opened_s, status.failed_s, status.retry_in_s) == (12.0, 12.0, 48.0)
    assert status.opened == around.clock.time() - 12.0
    assert status.node == "here"
    failure = status.last_failure
    assert (failure.error, failure.status) == ("AuthenticationError", 401)
    assert "abcdef" not in failure.message
    assert "no such key" in failure.message


async def test_the_last_failure_is_remembered_after_it_closed():
    around = Around()
    breaker = around.open()
    breaker.succeeded()
    assert breaker.retry_in_s() == 0.0
    await around.clock.advance(5.0)
    (status,) = around.breakers.statuses()
    assert (status.state, status.opened, status.retry_in_s) == ("closed", None, None)
    assert (status.last_failure.error, status.failed_s) == ("OverloadedError", 5.0)


async def test_a_reset_closes_one_or_all():
    around = Around()
    for name in ("a/x", "a/y", "a/z"):
        around.open(name)
    assert await around.breakers.reset("a/y") == ("a/y",)
    assert [one.state for one in around.breakers.statuses()] == ["open", "closed", "open"]
    assert await around.breakers.reset() == ("a/x", "a/z")
    assert {one.state for one in around.breakers.statuses()} == {"closed"}
    assert around.told[-1].reason == "reset"
    assert await around.breakers.reset("a/x") == ()


async def test_a_reset_in_half_open_gives_the_claim_back():
    around = Around()
    breaker = around.open()
    await around.clock.advance(60.0)
    assert await breaker.claim() == "probe"
    await around.breakers.reset()
    around.open()
    await around.clock.advance(60.0)
    assert await breaker.claim() == "probe"


async def test_a_wall_clock_that_is_set_changes_nothing():
    around = Around()
    around.clock.jump_s = -1e9
    breaker = around.open()
    around.clock.jump_s = 1e9
    assert await breaker.claim() == "refused"
    assert breaker.retry_in_s() == 60.0
    await around.clock.advance(60.0)
    around.clock.jump_s = -1e9
    assert await breaker.claim() == "probe"
    assert around.breakers.statuses()[0].opened_s == 60.0


async def test_a_deployment_has_one_breaker_and_there_are_not_endlessly_many():
    around = Around()
    kept = around.open("kept/open")
    for number in range(10_050):
        around.breakers.of(f"a/{number}")
    assert len(around.breakers.statuses()) == 10_000
    assert around.breakers.of("kept/open") is kept
    assert around.breakers.of("a/10049") is around.breakers.of("a/10049")


async def test_new_settings_hold_for_the_next_opening():
    around = Around()
    breaker = around.open()
    around.breakers.settings = BreakerSettings(failures=1, open_s=5.0)
    assert breaker.retry_in_s() == 60.0
    breaker.reset()
    breaker.failed(APIConnectionError("refused"))
    assert breaker.retry_in_s() == 5.0


@pytest.mark.parametrize("error", [APITimeoutError("late", code="connect"), BUSY])
async def test_change_says_the_failure(error):
    around = Around()
    around.open(error=error)
    (change,) = around.told
    assert (change.before, change.after, change.failures) == ("closed", "open", 3)
    assert change.failure.error == type(error).__name__
    assert change.time == around.clock.time()


# ---------------------------------------------------------------- what callers do


async def attempt(breaker, how):
    """An attempt as the engine makes it; whether it was sent. A hanging one is cancelled by its caller."""
    claimed = "closed" if breaker.closed else await breaker.claim()
    if claimed == "refused":
        return False
    try:
        if how == "hangs":
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        if claimed == "probe":
            breaker.left()
        raise
    match how:
        case "answers":
            breaker.succeeded()
        case "fails":
            breaker.failed(BUSY)
        case "is bad":
            breaker.failed(BadRequestError("bad"))
        case "breaks off":
            breaker.alive()
            await asyncio.sleep(0)
            breaker.failed(StreamInterruptedError("broke off"))
        case "is left":
            breaker.alive()
            await asyncio.sleep(0)
            breaker.failed(StreamInterruptedError("the reader left", code="left"))
    return True


@pytest.mark.parametrize("seed", range(8))
async def test_a_sick_deployment_is_asked_little_and_is_back_when_it_is_well(seed):
    around = Around()
    breaker = around.breakers.of("a/x")
    chance = random.Random(seed)
    sent, hanging = 0, set()
    for _ in range(600):  # ten minutes, a few callers a second
        for _ in range(chance.randrange(5)):
            task = asyncio.create_task(attempt(breaker, chance.choice(["fails", "breaks off"])))
            if not breaker.closed and chance.random() < 0.3:
                task.cancel()
            await around.clock.advance(0.0)
            sent += not task.cancelled() and task.result()
        if not breaker.closed and chance.random() < 0.1:
            task = asyncio.create_task(attempt(breaker, "hangs"))
            await around.clock.advance(0.0)
            hanging.add(task)
        if hanging and chance.random() < 0.05:
            hanging.pop().cancel()
        await around.clock.advance(1.0)
    # at each opening the probe, a stream that it may have been, and two for a breaking one's beginning
    assert sent <= SETTINGS.failures + 4 * 600 // 60
    for task in hanging:
        task.cancel()
    await around.clock.advance(60.0)
    assert await attempt(breaker, "answers")
    assert breaker.closed


@pytest.mark.parametrize("how", ["is bad", "is left"])
async def test_what_says_nothing_of_the_deployment_never_opens_it(how):
    breaker = Around().breakers.of("a/x")
    for _ in range(50):
        await attempt(breaker, how)
    assert breaker.closed


async def test_a_thousand_callers_who_leave_do_not_wedge_the_probe():
    around = Around()
    breaker = around.open()
    await around.clock.advance(60.0)
    leaving = [asyncio.create_task(attempt(breaker, "hangs")) for _ in range(1000)]
    await turns()
    for task in leaving:
        task.cancel()
    await asyncio.wait([task for task in leaving if not task.done()])
    await turns()
    assert await attempt(breaker, "answers")
    assert breaker.closed
