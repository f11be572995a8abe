"""The command line in this process, in a home where nothing is set."""

import os
import socket

import pytest

from modelway.cli.app import run


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, and an environment with no key in it."""
    for name in list(os.environ):
        if name not in {"PATH", "TMPDIR", "PYTEST_CURRENT_TEST"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def modelway(home, capsys):
    """Runs a command; gives its exit code and what it printed."""

    def call(*arguments):
        code = run(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


@pytest.fixture
def free_port():
    """A port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]
