"""One measurement each: CPU of a server under load, its memory, its start."""

from __future__ import annotations

import contextlib
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from processes import cpu_ns, end, memory_bytes, running
from systems import System
from tools import Tools, report
from workloads import Size, Workload, alias, body, http_request, model_name


class Bench:
    """The servers under test, the tools, and how much is measured."""

    def __init__(self, *, tools: Tools, size: Size, directory: Path, cpu: int | None) -> None:
        self.tools = tools
        self.size = size
        self.directory = directory
        self.cpu = cpu
        self.pids: dict[str, int] = {}

    @contextlib.contextmanager
    def started(self, systems: list[System]) -> Iterator[dict[str, str]]:
        """Runs them all; yields why some do not run."""
        failed = {}
        with contextlib.ExitStack() as stack:
            for system in systems:
                if not system.command:
                    continue
                try:
                    process, _ = system.start(self.cpu)
                except RuntimeError as error:
                    failed[system.name] = str(error)
                    continue
                stack.enter_context(running(process))
                self.pids[system.name] = process.pid
            yield failed

    # ------------------------------------------------------------ requests

    def request_file(self, workload: Workload, system: System, *, model: str = "") -> Path:
        model = system.model_prefix + (model or model_name(workload, self.size))
        dialect = workload.client
        stream = bool(workload.stream)
        payload = body(model, dialect=dialect, size_bytes=workload.body_bytes, stream=stream)
        raw = http_request(
            payload,
            dialect=dialect,
            path=system.paths[dialect],
            headers=system.request_headers(dialect),
        )
        path = self.directory / f"{workload.name}.{system.name}.http"
        path.write_bytes(raw)
        return path

    def probe(self, workload: Workload, system: System) -> int:
        """Asks once; the length of a whole answer, 0 for a stream. Raises if the answer is not one."""
        head, _, payload = self.request_file(workload, system).read_bytes().partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
        headers = {name: value for name, _, value in lines if name != "content-length"}
        url = f"http://127.0.0.1:{system.port}{system.paths[workload.client]}"
        request = urllib.request.Request(url, data=payload, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                answer = response.read()
        except urllib.error.HTTPError as error:
            said = error.read(300).decode(errors="replace")
            raise RuntimeError(f"it answered {error.code}: {said}") from error
        except OSError as error:
            raise RuntimeError(f"it did not answer: {error}") from error
        if workload.stream:
            wanted = {"burst": self.size.burst_events, "paced": self.size.paced_events}
            events = answer.count(b"\n\n")
            if events < wanted[workload.stream]:
                raise RuntimeError(f"the stream had {events} events only")
            return 0
        return len(answer)

    # ------------------------------------------------------------ CPU

    def cpu_us(self, workload: Workload, system: System, length: int) -> dict:
        """CPU microseconds of the server's processes per unit, and what the client saw."""
        request = self.request_file(workload, system)
        count = workload.requests(self.size)
        common = {
            "port": system.port,
            "request": request,
            "connections": workload.connections,
            "size": length,
        }
        if workload.stream != "paced":
            warm = max(count // 20, workload.connections)
            self.tools.load(**common, requests=warm, seconds=self.size.seconds / 4)
        pid = self.pids.get(system.name)
        before = cpu_ns(pid) if pid else 0
        seen = self.tools.load(**common, requests=count, seconds=self.size.seconds)
        used_ns = cpu_ns(pid) - before if pid else 0
        units = seen["events"] if workload.unit == "event" else seen["requests"]
        if seen["errors"]:
            raise RuntimeError(f"{seen['errors']} errors, the first: {seen['first_error']}")
        if not units:
            raise RuntimeError(f"nothing was answered within {self.size.seconds:g} s")
        return {"cpu_us": used_ns / 1000 / units if pid else None, **seen}

    # ------------------------------------------------------------ start and memory

    def footprint(self, system: System, *, starts: int, requests: int, streams: int) -> dict:
        """Start to ready, idle memory, memory of open streams and after many requests."""
        seconds = []
        for _ in range(starts - 1):
            process, took = system.start(self.cpu)
            seconds.append(took)
            end(process)
        process, took = system.start(self.cpu)
        seconds.append(took)
        with running(process):
            time.sleep(0.5)
            idle, proportional = memory_bytes(process.pid)
            found = {
                "start_s": round(statistics.median(seconds), 3),
                "idle_rss_mib": mib(idle),
                "idle_pss_mib": mib(proportional),
            }
            found |= self._open_streams(system, process.pid, streams)
            found |= self._many_requests(system, process.pid, requests)
        return found

    def _open_streams(self, system: System, pid: int, streams: int) -> dict:
        """``streams`` connections with 10 events, one a second: memory when all are well under way."""
        workload = Workload(name="open", says="", stream="paced", connections=streams)
        model = alias("open", "openai", "paced-10-1000")
        request = self.request_file(workload, system, model=model)
        before, _ = memory_bytes(pid)
        load = self.tools.start_load(
            port=system.port,
            request=request,
            connections=streams,
            requests=streams,
            seconds=30.0,
            size=0,
        )
        time.sleep(7.0)
        during, _ = memory_bytes(pid)
        seen = report(load)
        return {
            "streams": seen["requests"],
            "stream_errors": seen["errors"] + seen["unfinished"],
            "streams_first_byte_p99_ms": seen["first_p99_us"] / 1000,
            "streams_more_rss_mib": mib(during - before),
        }

    def _many_requests(self, system: System, pid: int, requests: int) -> dict:
        workload = Workload(name="many", says="")
        request = self.request_file(workload, system)
        common = {"port": system.port, "request": request, "connections": 32, "size": 0}
        self.tools.load(**common, requests=max(requests // 20, 1), seconds=60.0)
        first, _ = memory_bytes(pid)
        seen = self.tools.load(**common, requests=requests, seconds=120.0)
        last, _ = memory_bytes(pid)
        return {
            "requests": seen["requests"],
            "request_errors": seen["errors"],
            "rss_after_warm_up_mib": mib(first),
            "rss_after_requests_mib": mib(last),
        }


def mib(count: int) -> float:
    return round(count / 1024 / 1024, 1)
