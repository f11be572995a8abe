"""The real ``modelway`` as a process of its own, in a home where nothing is set."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

COMMAND = (sys.executable, "-c", "from modelway.cli import main; main()")


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing but a path, a home and what is given."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        **more,
    }


def modelway(*arguments: str, home: Path, input: str = "", timeout: float = 30, **more: str):
    """Run it to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input=input,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=home,
        env=environment(home, **more),
        check=False,
    )


class Running:
    """A command at work, what it has printed so far, and how it ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(process.stdout, self.out)),
            threading.Thread(target=self._read, args=(process.stderr, self.err)),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, into: list[str]) -> None:
        while piece := stream.read(1):
            into.append(piece)

    @property
    def stdout(self) -> str:
        return "".join(self.out)

    @property
    def stderr(self) -> str:
        return "".join(self.err)

    def wait_for(self, text: str, timeout: float = 20) -> str:
        """Wait until it has printed this."""
        end = time.monotonic() + timeout
        while text not in self.stdout:
            assert time.monotonic() < end, (text, self.stdout, self.stderr)
            assert self.process.poll() is None or text in self.stdout, (self.stdout, self.stderr)
            time.sleep(0.01)
        return self.stdout

    def line(self, start: str) -> str:
        """The rest of the line that begins so."""
        end = time.monotonic() + 20
        while True:
            for line in self.stdout.splitlines(keepends=True):
                if line.startswith(start) and line.endswith("\n"):
                    return line.removeprefix(start).strip()
            assert time.monotonic() < end, (start, self.stdout, self.stderr)
            time.sleep(0.01)

    def signal(self, which: signal.Signals) -> None:
        self.process.send_signal(which)

    def end(self, timeout: float = 20) -> int:
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(5)
        return code


@contextmanager
def started(*arguments: str, home: Path, **more: str):
    """Run it for the length of the block."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home,
        env=environment(home, **more),
    )
    running = Running(process)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        running.end()
        process.stdout.close()
        process.stderr.close()
