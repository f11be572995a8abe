"""Child processes: started on a chosen CPU, and what the kernel says they used."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

MIB = 1024 * 1024


def cpus() -> tuple[int | None, int | None]:
    """(for the process under test, for load and upstream); None where pinning is impossible."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def spawn(
    command: Sequence[str],
    *,
    cpu: int | None = None,
    environment: dict[str, str] | None = None,
    log: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Standard output is a pipe, or goes to ``log`` with standard error."""
    output = log.open("ab") if log else subprocess.PIPE

    def pin() -> None:
        os.sched_setaffinity(0, {cpu or 0})

    return subprocess.Popen(
        list(command),
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if log else subprocess.DEVNULL,
        preexec_fn=pin if cpu is not None else None,  # noqa: PLW1509 - there is one thread
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the process, and after 5 s SIGKILL to its whole session."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)
    if process.stdout:
        process.stdout.close()


@contextlib.contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        end(process)


def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for parent in found:
        for task in _listed(Path(f"/proc/{parent}/task")):
            with contextlib.suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def cpu_ns(pid: int) -> int:
    """CPU time of a process with its threads and children, in user and kernel mode."""
    total = 0
    for member in tree(pid):
        for task in _listed(Path(f"/proc/{member}/task")):
            with contextlib.suppress(OSError):
                total += _task_ns(task)
    return total


def _task_ns(task: Path) -> int:
    try:
        return int((task / "schedstat").read_text().split()[0])
    except FileNotFoundError:  # a kernel without scheduler statistics: ticks of 10 ms
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> tuple[int, int]:
    """(resident, proportional) bytes of a process with its children."""
    resident = proportional = 0
    for member in tree(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Rss:"):
                    resident += int(line.split()[1]) * 1024
                elif line.startswith("Pss:"):
                    proportional += int(line.split()[1]) * 1024
    return resident, proportional


def _listed(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError:
        return []


def answers(port: int, path: str) -> bool:
    """Whether a GET gets a 200 now."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as peer:
        peer.sendall(
            f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode()
        )
        return peer.recv(64).startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
    return False


def wait_ready(process: subprocess.Popen[bytes], port: int, path: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not answers(port, path):
        if process.poll() is not None:
            raise RuntimeError(f"it ended with status {process.returncode} before it was ready")
        if time.monotonic() > deadline:
            raise RuntimeError(f"GET {path} did not answer 200 within {seconds:g} s")
        time.sleep(0.002)
