"""modelway serve --workers: several processes that serve as one."""

import concurrent.futures
import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from modelway.gateway.workers import listen_together
from modelway.simulator.app import Simulator
from modelway.simulator.script import Match, Pace, Reply, Rule, Script, ScriptedError
from modelway.simulator.serve import SimulatorThread
from support.command_line import modelway, started
from support.prometheus import series

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="workers are found by Linux' /proc"
)
KEY = "mw-admin-key-0123456789abcdef"
TEXT = "one two three four five six seven eight nine ten"
LIMIT = 40
TOKENS = 10
"""Of that text, as the simulator counts."""


@pytest.fixture
def provider():
    """One that answers at once, and slowly to who asks for slow."""
    rules = (
        Rule(match=Match(model="slow"), reply=Reply(text=TEXT, pace=Pace(tokens_per_s=5))),
        Rule(match=Match(model="sick"), reply=Reply(error=ScriptedError(status=500))),
        Rule(reply=Reply(text=TEXT)),
    )
    with SimulatorThread(Simulator(Script(rules=rules))) as thread:
        yield thread.base_url


@pytest.fixture
def home(tmp_path, provider):
    write(tmp_path, provider)
    return tmp_path


def write(home, provider, **more):
    config = {
        "providers": {"house": {"like": "simulator", "base_url": f"{provider}/v1"}},
        "models": {"fast": "house/fast", "slow": "house/slow"},
        "gateway": {"keys": [{"key": KEY, "name": "admin", "admin": True}]},
        "health": {"active": False},
        "defaults": {"retries": 0},
        **more,
    }
    (home / "modelway.yaml").write_text(json.dumps(config))


def serving(home, workers=3, *more):
    return started("serve", "--port", "0", "--workers", str(workers), *more, home=home)


def ready(running):
    url = running.line("modelway serves on ").split()[0]
    running.wait_for("  models ")
    return url


def ask(url, model="fast", **fields):
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    return urllib.request.urlopen(request, timeout=20)


def status(url, model="fast"):
    """On a connection of its own, so that any worker may have it."""
    try:
        with ask(url, model) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as refusal:
        with contextlib.closing(refusal):
            return refusal.code


def workers_of(running):
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def until(condition, timeout=15):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def gone(pid):
    return (
        not Path(f"/proc/{pid}").exists() or "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    )


def test_several_start_and_end_as_one(tmp_path):
    with started("serve", "--port", "0", "--workers", "3", home=tmp_path) as running:
        url = ready(running)
        assert running.stdout.count("modelway serves on") == 1
        assert running.stdout.count("key: mw-") == 1
        assert " by 3 processes\n" in running.stdout
        assert running.stderr.count("its words mean nothing") == 1
        assert running.stderr.count("the processes share limits, budgets and breakers in") == 1
        key = running.line("key: ").split()[0]
        workers = workers_of(running)
        assert len(workers) == 3
        for _ in range(12):
            request = urllib.request.Request(
                f"{url}/v1/models", headers={"authorization": f"Bearer {key}"}
            )
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert answer.status == 200
        running.signal(signal.SIGTERM)
        assert running.end() == 0
        assert all(gone(pid) for pid in workers)
    assert "Traceback" not in running.stderr
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", urlsplit(url).port), 1)


def test_a_limit_holds_for_all_of_them_together(tmp_path, provider):
    write(
        tmp_path,
        provider,
        models={
            "fast": {
                "deployments": [{"model": "house/fast", "limits": {"requests_per_minute": LIMIT}}]
            }
        },
        queue={"on_limit": "refuse"},
    )
    with serving(tmp_path, 4) as running, concurrent.futures.ThreadPoolExecutor(8) as pool:
        url = ready(running)
        assert "set `store` to have them elsewhere" in running.stderr
        seen = Counter()
        end = time.monotonic() + 20
        while seen[200] < LIMIT and time.monotonic() < end:
            seen.update(pool.map(lambda _: status(url), range(16)))
        for _ in range(3):  # slices that are given back meanwhile are none too many
            seen.update(pool.map(lambda _: status(url), range(16)))
            time.sleep(0.5)
    assert seen[200] == LIMIT
    assert seen.keys() == {200, 429}


def test_a_budget_holds_for_all_of_them_together(tmp_path, provider):
    limit_usd = 0.2
    write(
        tmp_path,
        provider,
        store=f"sqlite://{tmp_path}/store.sqlite",
        catalogue={"house/fast": {"max_output_tokens": 20, "price": {"input": 0, "output": 1000}}},
        budgets=[{"name": "all", "limit_usd": limit_usd, "per": "total"}],
    )
    with serving(tmp_path, 4) as running, concurrent.futures.ThreadPoolExecutor(8) as pool:
        url = ready(running)
        seen = Counter()
        end = time.monotonic() + 20
        while not seen[429] and time.monotonic() < end:
            seen.update(pool.map(lambda _: status(url), range(8)))
        for _ in range(4):  # what is given back meanwhile is not too much
            seen.update(pool.map(lambda _: status(url), range(16)))
            time.sleep(0.5)
        until(lambda: counted(url) == seen[200])
        spent = sum(
            value for (name, _), value in figures(url).items() if name == "modelway_cost_usd_total"
        )
    assert seen.keys() == {200, 429}
    assert limit_usd / 2 < spent <= limit_usd
    assert spent == pytest.approx(seen[200] * 0.001 * TOKENS)


def test_a_circuit_opens_for_all_of_them_together(tmp_path, provider):
    write(
        tmp_path,
        provider,
        store=f"sqlite://{tmp_path}/store.sqlite",
        models={"sick": "house/sick"},
        breaker={"failures": 3, "open_s": 60},
    )

    def circuits():
        request = urllib.request.Request(
            f"{url}/v1/health", headers={"authorization": f"Bearer {KEY}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return [one["state"] for one in json.load(answer)["breakers"]]

    with serving(tmp_path, 4) as running:
        url = ready(running)
        until(lambda: status(url, "sick") == 503 and "open" in circuits())
        until(lambda: all(circuits() == ["open"] for _ in range(24)))
        time.sleep(1.2)  # figures of the others are as old as a second
        refused = counted(url, "CircuitOpenError")
        assert {status(url, "sick") for _ in range(24)} == {503}
        until(lambda: counted(url, "CircuitOpenError") == refused + 24)


def figures(url):
    request = urllib.request.Request(f"{url}/metrics", headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return series(answer.read())


def counted(url, outcome="ok"):
    return sum(
        value
        for (name, labels), value in figures(url).items()
        if name == "modelway_requests_total" and dict(labels)["outcome"] == outcome
    )


def test_each_tells_the_figures_of_all_also_of_those_that_died(home):
    with serving(home, 4) as running:
        url = ready(running)
        assert [status(url) for _ in range(40)] == [200] * 40
        until(lambda: counted(url) == 40)
        assert {counted(url) for _ in range(12)} == {40}
        before = workers_of(running)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len({*workers_of(running)} - {*before}) == 4)
        assert [counted(url) for _ in range(8)] == [40] * 8
        assert [status(url) for _ in range(10)] == [200] * 10
        until(lambda: counted(url) == 50)
        with ask(url, "slow", stream=True) as answer:
            answer.readline()
            until(lambda: figures(url)["modelway_open_requests", ()] == 1)
        until(lambda: figures(url)["modelway_open_requests", ()] == 0)


def test_no_counter_goes_back_while_workers_die_under_load(home):
    with serving(home, 3) as running, concurrent.futures.ThreadPoolExecutor(4) as pool:
        url = ready(running)
        ended = threading.Event()

        def load():
            answered = 0
            while not ended.is_set():
                with contextlib.suppress(OSError, http.client.HTTPException):
                    answered += status(url) == 200
            return answered

        loads = [pool.submit(load) for _ in range(3)]
        told = []
        for number in range(30):
            with contextlib.suppress(OSError, http.client.HTTPException):
                told.append(figures(url))
            if number % 8 == 4:
                os.kill(workers_of(running)[number % 3], signal.SIGKILL)
        ended.set()
        answered = sum(one.result() for one in loads)
        until(lambda: len(workers_of(running)) == 3)
        last = figures(url)
    assert running.stderr.count("started anew") >= 3
    assert len(told) > 10
    for before, after in itertools.pairwise([*told, last]):
        for key, value in before.items():
            if key[0].endswith(("_total", "_count", "_bucket")):
                assert after[key] >= value, key
    counted_ = sum(value for (name, _), value in last.items() if name == "modelway_requests_total")
    assert counted_ <= answered + 3 * 4  # who was asked by then and could not answer
    assert counted_ > answered / 2


def test_one_that_dies_is_replaced_and_nobody_is_refused(home):
    with serving(home) as running:
        url = ready(running)
        for _ in range(2):
            before = workers_of(running)
            os.kill(before[0], signal.SIGKILL)
            until(lambda dead=before[0]: len({*workers_of(running)} - {dead}) == 3)
            assert [status(url) for _ in range(24)] == [200] * 24
        assert "ended by signal 9: started anew" in running.stderr
        running.signal(signal.SIGTERM)
        assert running.end() == 0


def test_open_streams_end_first_and_new_ones_are_not_let_in(home):
    with serving(home) as running:
        url = ready(running)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = [ask(url, "slow", stream=True) for _ in range(4)]
            running.signal(signal.SIGTERM)
            whole = list(pool.map(lambda answer: answer.read(), answers))
            for answer in answers:
                answer.close()
        assert running.end() == 0
    for one in whole:
        assert one.endswith(b"data: [DONE]\n\n")


def test_a_second_signal_does_not_wait(home):
    with serving(home) as running:
        url = ready(running)
        with ask(url, "slow", stream=True) as answer:
            answer.readline()
            running.signal(signal.SIGINT)
            time.sleep(0.3)
            began = time.monotonic()
            running.signal(signal.SIGINT)
            running.end()
            assert time.monotonic() - began < 5
            with contextlib.suppress(http.client.IncompleteRead):
                assert not answer.read().endswith(b"[DONE]\n\n")


def test_workers_end_with_who_started_them(home):
    with serving(home) as running:
        ready(running)
        workers = workers_of(running)
        running.signal(signal.SIGKILL)
        running.process.wait(10)
        until(lambda: all(gone(pid) for pid in workers))


def test_all_reload_at_a_hangup(home, provider):
    write(home, provider, gateway={"watch": False, "keys": [KEY]})
    with serving(home) as running:
        url = ready(running)
        assert status(url, "new") == 404
        write(
            home,
            provider,
            gateway={"watch": False, "keys": [KEY]},
            models={"fast": "house/fast", "new": "house/fast"},
        )
        running.signal(signal.SIGHUP)
        until(lambda: running.stderr.count("the changed configuration is in force") == 3)
        assert [status(url, "new") for _ in range(12)] == [200] * 12
        before = workers_of(running)
        os.kill(before[0], signal.SIGKILL)
        while len({*workers_of(running)} - {before[0]}) < 3 or status(url, "new") != 200:
            running.signal(signal.SIGHUP)  # one that starts is not ended by it
        assert status(url, "new") == 200
        assert "by signal 1:" not in running.stderr


def test_one_that_cannot_start_is_an_error_of_the_command(home, provider):
    write(home, provider, store=f"sqlite://{home}/modelway.yaml")
    failed = modelway("serve", "--port", "0", "--workers", "2", home=home)
    assert failed.returncode == 2
    assert failed.stderr.count("error:") == 1
    assert "is not a SQLite database" in failed.stderr
    assert "serves on" not in failed.stdout


def test_a_port_that_others_have_is_refused(home):
    with serving(home, 2) as running:
        port = str(urlsplit(ready(running)).port)
        for workers in ("1", "2"):
            taken = modelway("serve", "--port", port, "--workers", workers, home=home)
            assert taken.returncode == 2
            assert f"cannot listen on 127.0.0.1:{port}" in taken.stderr


def test_a_cassette_is_for_one_process(home):
    refused = modelway(
        "serve", "--port", "0", "--workers", "2", home=home, MODELWAY_CASSETTE="tape.json"
    )
    assert refused.returncode == 2
    assert "leave out --workers" in refused.stderr


SUPERVISED = """
import os, signal, sys
from modelway.gateway.worker import Started
from modelway.gateway.workers import Hooks, listen_together, supervise

go, ready = os.pipe()

def work(seat):
    if sys.argv[1] == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    seat.started(Started())
    if sys.argv[1] == "dying" and seat.number == 1:
        os.read(go, 1)
        os._exit(3)
    signal.pause()

def tell(*of):
    print(*of, flush=True)

def told_ready(started):
    os.write(ready, b"x" * 100)
    tell("ready")

hooks = Hooks(told_ready, tell, lambda pid: tell("ended", pid))
sys.exit(supervise(listen_together("127.0.0.1", 0, 2), work, hooks, drain_s=30))
"""


@contextlib.contextmanager
def supervised(kind):
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, kind], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


def test_one_that_keeps_dying_is_replaced_more_and_more_slowly():
    with supervised("dying") as process:
        told = []
        while len(told) < 4:
            line = process.stdout.readline()
            assert line, "it ended"
            if "started anew" in line:
                told.append(line.strip().rpartition("started anew ")[2])
                assert "worker 1 " in line
                assert "with code 3" in line
        assert told == ["at once", "in 0.25 s", "in 0.5 s", "in 1 s"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_one_that_does_not_end_is_ended():
    with supervised("stubborn") as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert not process.stdout.read(0)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 1
        assert process.stdout.read().count("ended") == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux deals them out")
def test_connections_are_dealt_out_evenly():
    with contextlib.ExitStack() as open_:
        sockets = [open_.enter_context(one) for one in listen_together("127.0.0.1", 0, 3)]
        address = sockets[0].getsockname()
        assert [one.getsockname() for one in sockets] == [address] * 3
        for _ in range(120):
            open_.enter_context(socket.create_connection(address, 5))
        taken = []
        for one in sockets:
            count = 0
            with contextlib.suppress(BlockingIOError):
                while True:
                    open_.enter_context(one.accept()[0])
                    count += 1
            taken.append(count)
    assert sum(taken) == 120
    assert min(taken) > 15


def test_windows_is_refused_in_words(monkeypatch, tmp_path):
    from modelway.cli.serve import serve
    from modelway.errors import ConfigError

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("MODELWAY_STATE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="--workers needs Linux or macOS"):
        serve(workers=2, port=0)
    assert not list(tmp_path.iterdir())
