"""Programs that are clients, installed by ``scripts/clients`` in a directory of their own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

DIRECTORY = os.environ.get("MODELWAY_CLIENTS", "")
NOWHERE = "http://127.0.0.1:9"


def installed(path: str) -> str:
    """The program at this path below the directory; skips where it did not install."""
    program = Path(DIRECTORY) / path
    if not program.exists():
        pytest.skip(f"{path} did not install")
    return str(program)


def run(*command: str, work: Path, timeout: float = 180, **environment: str) -> str:
    """What it prints. It has an empty home, and a network that ends at loopback."""
    home = work.parent / "home"
    home.mkdir(exist_ok=True)
    inherited = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        command,
        cwd=work,
        env={
            **inherited,
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "HTTP_PROXY": NOWHERE,
            "HTTPS_PROXY": NOWHERE,
            "NO_PROXY": "127.0.0.1,localhost",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
