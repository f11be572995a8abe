"""What the package may not do or bring: no code from data, no network at import, few dependencies."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "subprocess", "ctypes"}
ALLOWED = {
    # the demo starts its own gateway as a newcomer would
    ("cli", "subprocess"),
    # one Py_IncRef: freeing llama.cpp in a fork, which has none of its threads, would wait for ever
    ("local", "ctypes"),
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_code_is_made_from_data(path):
    place = path.relative_to(ROOT / "src/modelway").parts[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN_CALLS, node.lineno
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module.partition(".")[0]]
        for name in names:
            assert name not in FORBIDDEN_MODULES or (place, name) in ALLOWED, (name, node.lineno)
        if isinstance(node, ast.Attribute) and node.attr in {
            "unsafe_load",
            "full_load",
            "UnsafeLoader",
        }:
            pytest.fail(f"line {node.lineno}: YAML that makes objects")


def test_import_opens_nothing_and_starts_nothing():
    program = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event.startswith(('socket.', 'subprocess.', 'os.fork', 'os.exec', '_thread.start')):\n"
        "        raise RuntimeError(event)\n"
        "sys.addaudithook(hook)\n"
        "import modelway, modelway.client, modelway.engine, modelway.sync, modelway.gateway.app\n"
        "import modelway.config.load, modelway.simulator.app, modelway.transport, modelway.cli.app\n"
        "import threading; assert threading.active_count() == 1\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_core_is_a_handful_of_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    anywhere = [line for line in project["dependencies"] if "win32" not in line]
    names = [re.match(r"[\w-]+", line)[0] for line in anywhere]
    assert sorted(names) == ["httptools", "msgspec", "pyyaml"]
    # none of the three brings another
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    for package in lock["package"]:
        if package["name"] in names:
            assert not package.get("dependencies"), package["name"]


def test_nothing_of_a_machine_or_a_secret_is_in_the_tree():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    pattern = re.compile(
        r"/(?:root|home/\w+|work)/(?!\.)\w|sk-ant-api\d\d-[\w-]{60,}|sk-proj-[\w-]{60,}|AKIA[0-9A-Z]{16}"
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".lock", ".png"} or not path.is_file():
            continue
        found = pattern.search(path.read_text("utf-8", "replace"))
        assert found is None, (name, found)
