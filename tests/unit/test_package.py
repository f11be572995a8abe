"""The package's own names: honest, typed, and free until used."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import modelway

SOURCE = Path(modelway.__file__)


def seen_by_type_checkers() -> dict[str, str]:
    """Name → where it is imported from, as written below ``TYPE_CHECKING``."""
    (block,) = [node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    found = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in imports
        for alias in node.names
    }
    return {**found, "__version__": "modelway.__version__"}


def test_all_is_what_type_checkers_see():
    assert len(set(modelway.__all__)) == len(modelway.__all__)
    assert set(modelway.__all__) == seen_by_type_checkers().keys()


@pytest.mark.parametrize("name", modelway.__all__)
def test_each_name_is_what_its_home_has(name):
    module, _, attribute = seen_by_type_checkers()[name].rpartition(".")
    assert getattr(modelway, name) is getattr(importlib.import_module(module), attribute)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        modelway.nothing  # noqa: B018
    assert "Client" in dir(modelway)


def test_importing_neither_opens_a_socket_nor_starts_a_thread():
    code = (
        "import socket, threading\n"
        "def refuse(*_, **__): raise SystemExit('a socket was opened')\n"
        "socket.socket.__init__ = refuse\n"
        "import modelway\n"
        "for name in modelway.__all__: getattr(modelway, name)\n"
        "assert threading.active_count() == 1\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
