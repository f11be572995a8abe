"""The mock upstream and the load generator: compiled on first use, in Python where there is no compiler."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from processes import running, spawn

HERE = Path(__file__).parent
BUILD = HERE / "build"
FALLBACK = HERE / "fallback.py"


def tool(name: str, fallback: str, *, compiler: str | None) -> list[str]:
    """The command of one of the two programs."""
    if compiler is None:
        return [sys.executable, str(FALLBACK), fallback]
    source, binary = HERE / f"{name}.c", BUILD / name
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(exist_ok=True)
        fresh = binary.with_suffix(".new")
        subprocess.run([compiler, "-O2", "-Wall", "-o", str(fresh), str(source)], check=True)
        fresh.replace(binary)
    return [str(binary)]


class Tools:
    """Both programs, and on which CPU they run."""

    def __init__(self, *, cpu: int | None, python: bool = False) -> None:
        linux = sys.platform == "linux"
        compiler = shutil.which("cc") if linux and not python else None
        self.kind = "C" if compiler else "Python"
        self.cpu = cpu
        self._upstream = tool("mock_upstream", "upstream", compiler=compiler)
        self._load = tool("load", "load", compiler=compiler)

    @contextlib.contextmanager
    def upstream(self) -> Iterator[int]:
        """Its port, while it runs."""
        with running(spawn([*self._upstream, "0"], cpu=self.cpu)) as process:
            assert process.stdout is not None
            yield int(process.stdout.readline())

    def start_load(
        self,
        *,
        port: int,
        request: Path,
        connections: int,
        requests: int,
        seconds: float,
        size: int,
    ) -> subprocess.Popen[bytes]:
        options = {"port": port, "connections": connections, "requests": requests}
        options |= {"seconds": seconds, "bytes": size, "request": request}
        arguments = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        return spawn([*self._load, *arguments], cpu=self.cpu)

    def load(self, **options) -> dict:
        return report(self.start_load(**options))


def report(process: subprocess.Popen[bytes]) -> dict:
    """What a load generator says at its end."""
    with running(process):
        output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"the load generator ended with status {process.returncode}")
        return json.loads(output)
