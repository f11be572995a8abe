"""Threads, loops, forks and deaths: one client where several things go on."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

import modelway
from modelway.simulator.script import Fault, Match, Pace, Reply, Rule, Script
from modelway.simulator.serve import SimulatorThread
from support.sdk import config, until

SCRIPT = Script(
    rules=(
        Rule(match=Match(model="hang"), reply=Reply(fault=Fault(hang=True))),
        Rule(match=Match(model="echo"), reply=Reply(text="You said {question}")),
        Rule(match=Match(model="late"), reply=Reply(text="Here.", pace=Pace(latency_s=0.2))),
    )
)


@pytest.fixture(scope="module")
def server():
    with SimulatorThread(SCRIPT) as running:
        yield running


# ---------------------------------------------------------------- threads


def portals():
    """Threads of clients; other tests' clients of the whole process may be among them."""
    return [thread.name for thread in threading.enumerate()].count("modelway")


def test_many_threads_share_a_sync_client(server):
    before = portals()
    with modelway.SyncClient(config(server.base_url), environment={}) as client:

        def ask(number):
            if number % 3:
                return client.chat(f"number {number}.", model="sim/echo").text
            return client.stream(f"number {number}.", model="sim/echo").collect().text

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(ask, range(160)))
        assert answers == [f"You said number {number}." for number in range(160)]
        assert client.stats().successful_requests == 160
        assert portals() == before + 1
    assert portals() == before


def test_first_use_from_many_threads_opens_once(server):
    client = modelway.SyncClient(config(server.base_url), environment={})
    barrier = threading.Barrier(8)

    def ask(_):
        barrier.wait()
        return client.chat("Hi.", model="sim/echo").text

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"You said Hi."}
    assert client.stats().total_requests == 8
    client.close()


def test_threads_wait_at_the_same_time(server):
    with (
        modelway.SyncClient(config(server.base_url), environment={}) as client,
        ThreadPoolExecutor(10) as pool,
    ):
        client.chat("Hi.", model="sim/echo")
        answers = list(pool.map(lambda _: client.chat("Hi.", model="sim/late"), range(10)))
        assert sum(answer.latency_s for answer in answers) > 10 * 0.2
        assert max(answer.latency_s for answer in answers) < 1.0


def test_a_sync_client_works_within_an_event_loop(server):
    async def main():
        with modelway.SyncClient(config(server.base_url), environment={}) as client:
            return client.chat("Hi.", model="sim/echo").text

    assert asyncio.run(main()) == "You said Hi."


def test_the_callers_context_reaches_observers(server):
    tenant = ContextVar("tenant", default="nobody")
    seen = []

    class Observer:
        def observe(self, events):
            seen.append(tenant.get())

    with modelway.SyncClient(
        config(server.base_url), environment={}, observers=[Observer()]
    ) as client:
        tenant.set("me")
        client.chat("Hi.", model="sim/echo")
    assert seen
    assert set(seen) == {"me"}


def test_calling_back_from_an_observer_is_refused_not_a_deadlock(server):
    caught = []

    class Observer:
        def observe(self, events):
            try:
                client.chat("Again?", model="sim/echo")
            except modelway.ConfigError as error:
                caught.append(str(error))

    with modelway.SyncClient(
        config(server.base_url), environment={}, observers=[Observer()]
    ) as client:
        client.chat("Hi.", model="sim/echo")
    assert caught
    assert "own thread" in caught[0]


def test_a_closed_sync_client_opens_anew(server):
    client = modelway.SyncClient(config(server.base_url), environment={})
    for _ in range(3):
        assert client.chat("Hi.", model="sim/echo").text == "You said Hi."
        client.close()
        client.close()


# ---------------------------------------------------------------- event loops


def test_an_async_client_belongs_to_one_loop(server):
    client = modelway.Client(config(server.base_url), environment={})

    async def ask():
        return (await client.chat("Hi.", model="sim/echo")).text

    async def ask_and_close():
        answer = await ask()
        await client.aclose()
        return answer

    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        assert first.run_until_complete(ask()) == "You said Hi."
        with pytest.raises(modelway.ConfigError, match="another event loop"):
            second.run_until_complete(ask())
        assert first.run_until_complete(ask_and_close()) == "You said Hi."
        assert second.run_until_complete(ask_and_close()) == "You said Hi."
    finally:
        first.close()
        second.close()


async def test_first_use_by_many_tasks_opens_once(server):
    async with modelway.Client(config(server.base_url), environment={}) as client:
        questions = [client.chat(f"{n}.", model="sim/echo") for n in range(50)]
        answers = await asyncio.gather(*questions)
        assert [answer.text for answer in answers] == [f"You said {n}." for n in range(50)]
        assert client.stats().total_requests == 50


async def test_an_opening_that_is_cancelled_leaves_the_client_usable(server):
    client = modelway.Client(config(server.base_url), environment={})
    first = asyncio.create_task(client.chat("Hi.", model="sim/hang"))
    second = asyncio.create_task(client.chat("Hi.", model="sim/echo"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).text == "You said Hi."
    await client.aclose()


# ---------------------------------------------------------------- processes

FORKED = """
import json, os, sys, modelway
config = {"providers": {"sim": {"like": "simulator", "base_url": sys.argv[1] + "/v1"}}}
client = modelway.SyncClient(config, environment={})
stream = client.stream("Hi.", model="sim/echo")
stream.__enter__()
iterator = iter(stream)
next(iterator)
before = client.chat("parent.", model="sim/echo").text
read, write = os.pipe()
pid = os.fork()
if pid == 0:
    said = {"fresh": client.stats().total_requests}
    said["text"] = client.chat("child.", model="sim/echo").text
    said["stats"] = client.stats().total_requests
    try:
        list(iterator)
    except modelway.ConfigError as error:
        said["stream"] = str(error)
    os.write(write, json.dumps(said).encode())
    sys.exit(0)
_, status = os.waitpid(pid, 0)
child = json.loads(os.read(read, 65536))
rest = len(list(iterator))
after = client.chat("parent again.", model="sim/echo").text
print(json.dumps([status, child, before, after, client.stats().total_requests, rest > 0]))
stream.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("uvloop", [True, False], ids=["uvloop", "asyncio"])
def test_a_fork_gets_its_own_connections(server, uvloop):
    without = "" if uvloop else "import sys; sys.modules['uvloop'] = None\n"
    done = subprocess.run(
        # Python 3.12 and later warn of any fork where there are threads
        [
            sys.executable,
            *("-W", "error::ResourceWarning", "-W", "ignore::DeprecationWarning"),
            *("-c", without + FORKED, server.base_url),
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    status, child, before, after, total, more = json.loads(done.stdout)
    assert status == 0
    assert child["text"] == "You said child."
    assert (child["fresh"], child["stats"]) == (0, 1)
    assert "process that began it" in child["stream"]
    assert (before, after, total) == ("You said parent.", "You said parent again.", 3)
    assert more


KILLED = """
import asyncio, sys, modelway
config = {"providers": {"sim": {"like": "simulator", "base_url": sys.argv[1] + "/v1"}}}
async def main():
    conversation = modelway.Conversations(sys.argv[2]).start(id="tea", model="sim/echo")
    async with modelway.Client(config, environment={}) as client:
        await conversation.say(client, "first.")
        request = conversation.asking("second.")
        print("asked", flush=True)
        await client.chat(request, model="sim/hang")
asyncio.run(main())
"""


async def test_a_conversation_survives_the_death_of_its_process(server, tmp_path):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        KILLED,
        server.base_url,
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
    )
    before = len(server.simulator.requests)
    assert await process.stdout.readline() == b"asked\n"
    await until(lambda: len(server.simulator.requests) > before)
    process.kill()
    await process.communicate()
    conversation = modelway.Conversations(tmp_path).resume("tea")
    assert conversation.pending
    assert [message.role for message in conversation.messages] == ["user", "assistant", "user"]
    async with modelway.Client(config(server.base_url), environment={}) as client:
        answer = await conversation.say(client)
    assert answer.text == "You said second."
    again = modelway.Conversations(tmp_path).resume("tea")
    assert again.messages == conversation.messages
    assert not again.pending


UNCLOSED = """
import sys, modelway
config = {"providers": {"sim": {"like": "simulator", "base_url": sys.argv[1] + "/v1"}}}
client = modelway.SyncClient(config, environment={})
print(client.chat("Hi.", model="sim/echo").text)
"""


def test_a_program_that_forgets_to_close_ends_quietly(server):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", UNCLOSED, server.base_url],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "You said Hi.\n")
    assert done.stderr == ""
