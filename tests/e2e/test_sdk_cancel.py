"""Leaving, cancelling, forgetting: the upstream's socket is closed, and soon."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import pytest

import modelway
from modelway.simulator.script import Fault, Match, Pace, Reply, Rule, Script
from modelway.simulator.serve import SimulatorThread
from support.sdk import config, until

SCRIPT = Script(
    rules=(
        Rule(match=Match(model="endless"), reply=Reply(fault=Fault(stall_after_chunks=3))),
        Rule(
            match=Match(model="paced"), reply=Reply(text="word " * 500, pace=Pace(tokens_per_s=50))
        ),
        Rule(match=Match(model="hang"), reply=Reply(fault=Fault(hang=True))),
        Rule(match=Match(model="burst"), reply=Reply(text="word " * 100_000)),
    )
)
SOON_S = 0.05


@pytest.fixture
def server():
    with SimulatorThread(SCRIPT) as running:
        yield running


@pytest.fixture
async def client(server):
    async with modelway.Client(config(server.base_url), environment={}) as opened:
        yield opened


def left(server):
    return lambda: server.simulator.disconnects > 0


# ---------------------------------------------------------------- async


@pytest.mark.parametrize("model", ["sim/endless", "sim/paced", "sima/endless"])
async def test_cancelling_the_task_that_reads(client, server, model):
    began = asyncio.Event()

    async def read():
        async with client.stream("Hello", model=model, max_tokens=9) as stream:
            async for _ in stream:
                began.set()

    task = asyncio.create_task(read())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await until(left(server)) < SOON_S
    assert client.stats().open_requests == 0


async def test_cancelling_a_call(client, server):
    task = asyncio.create_task(client.chat("Hello", model="sim/hang"))
    await until(lambda: server.simulator.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await until(left(server)) < SOON_S


async def test_a_bare_loop_that_is_left_closes(client, server):
    async for _ in client.stream("Hello", model="sim/endless"):
        break
    assert await until(left(server)) < SOON_S


async def test_a_body_that_raises_closes(client, server):
    async def read():
        async with client.stream("Hello", model="sim/endless") as stream:
            async for _ in stream:
                raise KeyError("of the program itself")

    with pytest.raises(KeyError):
        await read()
    assert await until(left(server)) < SOON_S


async def test_a_forgotten_stream_warns_and_closes(client, server):
    stream = client.stream("Hello", model="sim/endless")
    await stream.__aenter__()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del stream
        gc.collect()
    assert [warning.category for warning in caught] == [ResourceWarning]
    assert "async with" in str(caught[0].message)
    assert await until(left(server)) < SOON_S


async def test_a_stream_that_was_never_begun_costs_nothing(client, server):
    client.stream("Hello", model="sim/endless")
    gc.collect()
    await asyncio.sleep(0.01)
    assert not server.simulator.requests


async def test_a_closed_stream_says_so(client):
    async with client.stream("Hello", model="sim/endless") as stream:
        async for _ in stream:
            break
    with pytest.raises(modelway.StreamInterruptedError, match="closed before its end"):
        await stream.collect()


async def test_aclose_lets_go_of_an_open_stream(server):
    client = modelway.Client(config(server.base_url), environment={})
    stream = client.stream("Hello", model="sim/endless")
    await anext(aiter(stream))
    await client.aclose()
    assert await until(left(server)) < SOON_S
    await stream.aclose()


async def test_a_slow_reader_holds_the_upstream_back(client):
    """What is not read stays with the sender: little of a megabyte arrives."""
    async with client.stream("Hello", model="sim/burst") as stream:
        async for _ in stream:
            break
        await asyncio.sleep(0.3)
        kept = sum(len(batch) for batch in stream._kept)
        assert kept < 20_000
        assert len((await stream.collect()).text) == len("word " * 100_000)


# ---------------------------------------------------------------- sync


@pytest.fixture
def blocking(server):
    with modelway.SyncClient(config(server.base_url), environment={}) as opened:
        yield opened


async def soon(server):
    assert await until(left(server)) < SOON_S


def test_a_sync_loop_that_is_left_closes(blocking, server):
    for _ in blocking.stream("Hello", model="sim/endless"):
        break
    asyncio.run(soon(server))


def test_a_forgotten_sync_stream_warns_and_closes(blocking, server):
    stream = blocking.stream("Hello", model="sim/endless").__enter__()
    iterator = iter(stream)
    next(iterator)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del iterator, stream
        gc.collect()
    assert [warning.category for warning in caught] == [ResourceWarning]
    asyncio.run(soon(server))


def test_closing_the_client_wakes_a_thread_that_waits(server):
    client = modelway.SyncClient(config(server.base_url), environment={})
    client.settings()
    failures = []

    def ask():
        try:
            client.chat("Hello", model="sim/hang")
        except modelway.LLMError as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not server.simulator.requests:
        time.sleep(0.001)
    client.close()
    thread.join(2)
    assert not thread.is_alive()
    assert len(failures) == 1
    asyncio.run(soon(server))


def test_a_slow_sync_reader_holds_the_upstream_back(blocking):
    with blocking.stream("Hello", model="sim/burst") as stream:
        next(iter(stream))
        time.sleep(0.3)
        assert stream._handover._queue.qsize() <= 33
        assert len(stream.collect().text) == len("word " * 100_000)


INTERRUPTED = """
import sys, modelway
config = {"providers": {"sim": {"like": "simulator", "base_url": sys.argv[1] + "/v1"}}}
client = modelway.SyncClient(config, environment={})
try:
    if sys.argv[2] == "stream":
        for event in client.stream("Hello", model="sim/endless"):
            print("began", flush=True)
    else:
        print("began", flush=True)
        client.chat("Hello", model="sim/hang")
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
@pytest.mark.parametrize("what", ["stream", "chat"])
def test_ctrl_c_cancels_upstream(server, what):
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", INTERRUPTED, server.base_url, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "began\n"
        while not server.simulator.requests:
            time.sleep(0.001)
        time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        while process.stdout.readline() not in {"interrupted\n", ""}:
            pass
        asyncio.run(soon(server))
        _, errors = process.communicate("\n", timeout=10)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors
    assert "Warning" not in errors
    assert "Traceback" not in errors
