"""X-P1, X-P2: what importing any module does, what the wheel holds, and entry points that do harm."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORTS = """
import importlib, pkgutil, sys, threading
FORBIDDEN = ("socket.", "subprocess.", "os.fork", "os.exec", "os.posix_spawn", "os.system",
             "os.putenv", "_thread.start", "urllib.", "http.client", "ftplib.", "smtplib.")
import numpy  # an extra, which sets a variable of its own when it is imported
written = []
def hook(event, args):
    if event.startswith(FORBIDDEN):
        raise RuntimeError(event)
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        if "__pycache__" not in str(args[0]):
            written.append(args[0])
sys.dont_write_bytecode = True
sys.addaudithook(hook)
import modelway
before = threading.active_count()
for found in pkgutil.walk_packages(modelway.__path__, "modelway."):
    importlib.import_module(found.name)
    assert threading.active_count() == before, found.name
assert not written, written
"""


def test_no_module_opens_starts_or_writes_anything_when_it_is_imported():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORTS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling", reason="builds the wheel")
    place = tmp_path_factory.mktemp("wheel")
    program = "import sys, hatchling.build as backend; print(backend.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(place)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(place / done.stdout.split()[-1]) as packed:
        yield packed


def test_the_wheel_is_the_tree(wheel):
    tree = {
        str(path.relative_to(ROOT / "src")): path.read_bytes()
        for path in (ROOT / "src/modelway").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = [name for name in wheel.namelist() if ".dist-info/" not in name]
    assert sorted(names) == sorted(tree)
    for name in names:
        assert wheel.read(name) == tree[name], name


def test_the_wheel_brings_its_licences_and_nothing_that_runs_by_itself(wheel):
    names = wheel.namelist()
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.endswith((".pth", ".so", ".pyd", ".exe"))]
    assert not [name for name in names if ".data/" in name or "sitecustomize" in name]
    assert any(Path(name).name.startswith("NOTICE") for name in names)
    (said,) = [name for name in names if name.endswith("entry_points.txt")]
    sections = [line for line in wheel.read(said).decode().splitlines() if line.startswith("[")]
    assert set(sections) <= {"[console_scripts]", "[pytest11]"}
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"modelway"}
