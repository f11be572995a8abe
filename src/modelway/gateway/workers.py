"""Several processes that serve as one: who starts them, looks after them and ends them.

The supervisor serves nothing and keeps nothing but the sockets, which outlive each worker: a connection
that comes while one is being replaced waits, and is not refused.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, NoReturn

import msgspec

from modelway.clock import SystemClock
from modelway.errors import ConfigError, LLMError
from modelway.gateway.serve import listen
from modelway.gateway.worker import Seat, Started, serve
from modelway.ports import Clock

_SOUND_S = 10.0
"""A worker that lived for so long is replaced at once."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 5.0
"""What waits for a worker's socket waits meanwhile, so that it is never long."""
_BEYOND_DRAIN_S = 10.0
_HURRIED_S = 3.0
_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGCHLD")
    if hasattr(signal, name)
)


class _Worker:
    """One place, and who has it."""

    def __init__(self, number: int, listening: socket.socket) -> None:
        self.number = number
        self.listening = listening
        self.pid = 0
        self.told: Started | None = None
        self.begun_at = 0.0
        self.due_at: float | None = 0.0
        """When it is to be started; ``None``: it is there."""
        self.waits = 0
        self.hears = -1
        self.heard = b""


class Hooks(NamedTuple):
    """Who is told of what. ``ready`` once, when all serve."""

    ready: Callable[[Started], None]
    say: Callable[[str], None]
    ended: Callable[[int], None]
    """A process of this id has ended, and none has its id again before this returns."""


def listen_together(host: str, port: int, count: int) -> list[socket.socket]:
    """A socket for each worker, on one port: the kernel deals connections out evenly.

    Only Linux does; elsewhere all have the same socket. ConfigError where the address cannot be had.
    Source: https://lwn.net/Articles/542629/, 2026-11-21.
    """
    if not sys.platform.startswith("linux"):
        return [listen(host, port)] * count
    if port:
        listen(host, port).close()  # else another that does the same on this port goes unnoticed
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            sockets.append(listen(host, port, shared=True))
            port = sockets[0].getsockname()[1]
    except BaseException:
        for one in sockets:
            one.close()
        raise
    return sockets


def supervise(
    sockets: Sequence[socket.socket],
    work: Callable[[Seat], None],
    hooks: Hooks,
    *,
    drain_s: float,
    clock: Clock | None = None,
) -> int:
    """Run ``work`` in a process for each socket until a signal says to end; the exit code.

    Raises what a worker could not start for, where it is one of the first. Must be called by the only
    thread of a process, and without an event loop.
    """
    return _Supervisor(sockets, work, hooks, drain_s, clock or SystemClock()).run()


class _Supervisor:
    def __init__(
        self,
        sockets: Sequence[socket.socket],
        work: Callable[[Seat], None],
        hooks: Hooks,
        drain_s: float,
        clock: Clock,
    ) -> None:
        self._workers = [_Worker(number, one) for number, one in enumerate(sockets, 1)]
        self._work = work
        self._hooks = hooks
        self._drain_s = drain_s
        self._now = clock.monotonic
        self._heard: list[int] = []
        self._selector = selectors.DefaultSelector()
        self._alive, self._life = os.pipe()
        self._ready = False
        self._ending = False
        self._kill_at: float | None = None
        self._code = 0
        self._fault: LLMError | None = None

    def run(self) -> int:
        gc.collect()
        gc.freeze()  # what is loaded by now is shared by all
        with self._hearing():
            while True:
                self._start_due()
                if not self._present() and self._ending:
                    break
                self._wait()
                self._act_on_signals()
                self._reap()
        for descriptor in (self._alive, self._life):
            os.close(descriptor)
        if self._fault is not None:
            raise self._fault
        return self._code

    def _present(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.pid]

    # ------------------------------------------------------------ to start

    def _start_due(self) -> None:
        for worker in self._workers:
            if worker.due_at is not None and not self._ending and worker.due_at <= self._now():
                self._start(worker)

    def _start(self, worker: _Worker) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        hears, tells = os.pipe()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            worker.pid = os.fork()
            if worker.pid == 0:
                os.close(hears)
                self._become(worker, tells, before)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(tells)
        worker.begun_at, worker.due_at, worker.told = self._now(), None, None
        worker.hears, worker.heard = hears, b""
        self._selector.register(hears, selectors.EVENT_READ, worker)

    def _become(self, worker: _Worker, tells: int, mask: set[int | signal.Signals]) -> NoReturn:
        """Be this worker, in the new process, to its end."""
        code = 1
        try:
            os.setpgid(0, 0)  # Ctrl-C is for the supervisor, which passes it on
            signal.set_wakeup_fd(-1)
            for one in _SIGNALS:
                signal.signal(one, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._selector.close()
            os.close(self._life)
            for other in self._workers:
                if other.hears >= 0:
                    os.close(other.hears)
                if other.listening is not worker.listening:
                    other.listening.close()
            code = serve(self._work, worker.number, worker.listening, self._alive, tells)
        except BaseException:  # noqa: BLE001  # nothing may go back into the supervisor's code
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    # ------------------------------------------------------------ to look after

    def _wait(self) -> None:
        """Until a signal, word from a worker, or the next thing to do."""
        moments = [one.due_at for one in self._workers if one.due_at is not None]
        if self._ending:
            moments = []
        if self._kill_at is not None:
            moments.append(self._kill_at)
        timeout = max(0.0, min(moments) - self._now()) if moments else None
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                os.read(key.fd, 4096)
            else:
                self._hear(key.data)
        if self._kill_at is not None and self._now() >= self._kill_at:
            self._kill_at = None
            self._code = 1
            self._send(signal.SIGKILL)

    def _hear(self, worker: _Worker) -> None:
        piece = os.read(worker.hears, 65536)
        worker.heard += piece
        if piece:
            return
        self._unhear(worker)
        if not worker.heard:
            return  # it has died
        told = worker.told = msgspec.msgpack.decode(worker.heard, type=Started)
        if told.failed and not self._ready and not self._ending:
            self._give_up(told)
        elif not self._ready and all(one.told for one in self._workers):
            self._ready = True
            self._hooks.ready(told)

    def _unhear(self, worker: _Worker) -> None:
        if worker.hears >= 0:
            self._selector.unregister(worker.hears)
            os.close(worker.hears)
            worker.hears = -1

    def _reap(self) -> None:
        for worker in self._present():
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid == 0:
                continue
            worker.pid = 0
            while worker.hears >= 0:
                self._hear(worker)
            self._hooks.ended(pid)
            self._after(worker, pid, os.waitstatus_to_exitcode(status))

    def _after(self, worker: _Worker, pid: int, code: int) -> None:
        if self._ending:
            if code not in {0, -signal.SIGTERM}:
                self._code = 1
            return
        how = f"by signal {-code}" if code < 0 else f"with code {code}"
        if not self._ready:
            self._give_up(Started(failed=f"worker {worker.number} ended {how} before it served"))
            return
        if worker.told is not None and worker.told.failed:
            how = f"because {worker.told.failed}"
        if self._now() - worker.begun_at >= _SOUND_S:
            worker.waits = 0
        wait_s = (
            min(_FIRST_WAIT_S * 2 ** (worker.waits - 1), _LONGEST_WAIT_S) if worker.waits else 0
        )
        worker.waits += 1
        worker.due_at = self._now() + wait_s
        when = f"in {wait_s:g} s" if wait_s else "at once"
        self._hooks.say(f"worker {worker.number} (process {pid}) ended {how}: started anew {when}")

    # ------------------------------------------------------------ to end

    def _act_on_signals(self) -> None:
        heard, self._heard = self._heard, []
        for one in heard:
            if one in {signal.SIGTERM, signal.SIGINT}:
                self._end(_HURRIED_S if self._ending else self._drain_s + _BEYOND_DRAIN_S)
            elif one == getattr(signal, "SIGHUP", None):
                serving = [worker for worker in self._present() if worker.told is not None]
                self._send(signal.SIGHUP, serving)  # the others load what there is by now

    def _end(self, within_s: float) -> None:
        self._ending = True
        for worker in self._workers:
            worker.listening.close()  # so that it is closed as soon as the worker closes it
        self._kill_at = self._now() + within_s
        self._send(signal.SIGTERM)

    def _give_up(self, told: Started) -> None:
        if self._fault is None:
            kind = ConfigError if told.misconfigured else LLMError
            self._fault = kind(told.failed)
        self._end(_HURRIED_S)

    def _send(self, which: signal.Signals, workers: Sequence[_Worker] | None = None) -> None:
        for worker in self._present() if workers is None else workers:
            os.kill(worker.pid, which)

    @contextlib.contextmanager
    def _hearing(self) -> Iterator[None]:
        wakes, wakened = os.pipe()
        os.set_blocking(wakened, False)
        os.set_blocking(wakes, False)
        self._selector.register(wakes, selectors.EVENT_READ)
        woken = signal.set_wakeup_fd(wakened, warn_on_full_buffer=False)
        before = {one: signal.signal(one, self._note) for one in _SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
            signal.set_wakeup_fd(woken)
            self._selector.close()
            os.close(wakes)
            os.close(wakened)

    def _note(self, which: int, frame: object) -> None:
        self._heard.append(which)
        del frame
