"""Options and the final report of the whole test suite."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, Phase, settings

from support.counts import COUNTS, report

# Else every process compiles whatever it imports again, of hundreds that the tests start.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

settings.register_profile(
    "default",
    deadline=None,
    max_examples=40,
    suppress_health_check=list(HealthCheck),
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
settings.register_profile("exhaustive", parent=settings.get_profile("default"), max_examples=1000)


def pytest_addoption(parser):
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="run the slow variants too, and many more examples of each property",
    )


def pytest_configure(config):
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as of a shell's background jobs
        signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started inherits it
    chosen = "exhaustive" if config.getoption("--exhaustive") else "default"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", chosen))


def pytest_collection_modifyitems(config, items):
    if config.getoption("--exhaustive"):
        return
    skip = pytest.mark.skip(reason="slow; run with --exhaustive")
    for item in items:
        if "exhaustive" in item.keywords:
            item.add_marker(skip)


def pytest_sessionfinish(session):
    output = getattr(session.config, "workeroutput", None)
    if output is not None:  # one of several processes: the first one reports
        output["counts"] = {law: dict(of) for law, of in COUNTS.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    for law, of in getattr(node, "workeroutput", {}).get("counts", {}).items():
        COUNTS[law].update(of)


def pytest_terminal_summary(terminalreporter):
    if COUNTS:
        terminalreporter.section("recordings each law was checked on")
        for line in report():
            terminalreporter.write_line(line)
