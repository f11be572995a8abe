"""Breakers of eight real processes over each store: what one finds out spreads, and one probes."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

from support import breaker_process
from support.servers_postgres import postgres_server
from support.servers_valkey import ValkeyServer

PROCESSES = 8
LONGEST_S = 2.0
"""Within 1 s, on a machine that has nothing else to do."""


@contextmanager
def sqlite(folder):
    yield f"sqlite:{folder / 'store.sqlite'}"


@contextmanager
def valkey(_):
    with ValkeyServer() as server:
        yield server.url


@contextmanager
def postgres(_):
    with postgres_server() as server:
        yield server.url()


class Processes:
    """All of them are told the same at once, and answered by."""

    def __init__(self, url):
        self.running = [
            subprocess.Popen(
                [sys.executable, breaker_process.__file__, url, "one-node"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(PROCESSES)
        ]

    def tell(self, words, *numbers):
        for number in numbers or range(PROCESSES):
            self.running[number].stdin.write(words + "\n")
            self.running[number].stdin.flush()

    def answers(self, *numbers):
        """(time, value) of each."""
        lines = [self.running[number].stdout.readline() for number in numbers or range(PROCESSES)]
        return [json.loads(line) for line in lines]

    def end(self):
        for process in self.running:
            process.stdin.close()
        return [process.wait(20) for process in self.running]

    def kill(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdin.close()
            process.stdout.close()


@pytest.fixture(scope="module", params=[sqlite, valkey, postgres], ids=lambda one: one.__name__)
def processes(request, tmp_path_factory):
    with ExitStack() as stack:
        url = stack.enter_context(request.param(tmp_path_factory.mktemp("breakers")))
        running = Processes(url)
        stack.callback(running.kill)
        assert [value for _, value in running.answers()] == ["ready"] * PROCESSES
        yield running
        assert running.end() == [0] * PROCESSES


def opened(processes, name):
    """Opened by the first; how long it took until the last one knew."""
    processes.tell(f"fail {name}", 0)
    ((failed, _),) = processes.answers(0)
    processes.tell(f"hear {name} open")
    return max(at for at, _ in processes.answers()) - failed


def test_an_opening_is_heard_by_all(processes):
    assert opened(processes, "a/opening") < LONGEST_S


def probes(processes, name, how):
    seconds = breaker_process.SETTINGS.open_s + 0.5
    processes.tell(f"claim {name} {seconds} {how}")
    return [value.count("probe") for _, value in processes.answers()]


@pytest.mark.parametrize("how", ["hangs", "fails"])
def test_one_of_all_probes(processes, how):
    """However fast the probe fails: who comes next has heard of it."""
    opened(processes, f"a/{how}")
    assert sorted(probes(processes, f"a/{how}", how)) == [0] * 7 + [1]


def test_a_probe_that_goes_well_closes_it_for_all(processes):
    opened(processes, "a/answers")
    assert sorted(probes(processes, "a/answers", "answers")) == [0] * 7 + [1]
    processes.tell("hear a/answers closed")
    assert {value for _, value in processes.answers()} == {"closed"}
