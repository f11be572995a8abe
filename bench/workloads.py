"""What is asked of a gateway: the rows of the benchmark, their requests and their targets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

Dialect = Literal["openai", "anthropic"]

PATHS: dict[Dialect, str] = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
KEY = "sk-bench-0123456789abcdef0123456789abcdef"

_TURN = (
    'The quick brown fox said "jump", and the lazy dog did.\nThen the crew of the night train '
    "counted lamps along the line: eleven, twelve, thirteen. Which of them was out? "
)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is measured in one round."""

    requests: int
    large_requests: int
    bursts: int
    burst_events: int
    paced_events: int
    seconds: float
    """Bound of one measurement, for slow peers."""


FULL = Size(
    requests=20_000,
    large_requests=4_000,
    bursts=100,
    burst_events=1_000,
    paced_events=500,
    seconds=20,
)
QUICK = Size(
    requests=3_000, large_requests=600, bursts=24, burst_events=1_000, paced_events=200, seconds=8
)
TINY = Size(requests=40, large_requests=10, bursts=2, burst_events=20, paced_events=3, seconds=5)


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One row. ``unit`` is what CPU time is divided by."""

    name: str
    says: str
    unit: Literal["request", "event"] = "request"
    client: Dialect = "openai"
    provider: Dialect = "openai"
    body_bytes: int = 1024
    connections: int = 32
    stream: Literal["", "burst", "paced"] = ""
    target_us: float | None = None
    nginx_us: float | None = None
    """What nginx took on the machine that the target was set on: tells a slow machine from slow code."""

    @property
    def crosses(self) -> bool:
        return self.client != self.provider

    def requests(self, size: Size) -> int:
        if self.stream == "paced":
            return self.connections
        if self.stream == "burst":
            return size.bursts
        return size.large_requests if self.body_bytes > 10_000 else size.requests


def _cross(client: Dialect, provider: Dialect, stream: Literal["", "burst", "paced"]) -> Workload:
    what = {"": "whole", "burst": "burst stream", "paced": "paced stream"}[stream]
    return Workload(
        name=f"cross-{client}-{provider}{'-' if stream else ''}{stream}",
        says=f"{client} client, {provider} provider, {what}",
        client=client,
        provider=provider,
        stream=stream,
        unit="event" if stream else "request",
        connections={"": 32, "burst": 8, "paced": 60}[stream],
        target_us=None if stream else 200,
    )


WORKLOADS = (
    *(
        Workload(
            name=f"whole-1k-c{connections}",
            says=f"same dialect, 1 KB, {connections} connection{'s' * (connections > 1)}",
            connections=connections,
            target_us=55,
            nginx_us=16 if connections > 1 else None,
        )
        for connections in (1, 32, 256)
    ),
    *(
        Workload(
            name=f"whole-100k-c{connections}",
            says=f"same dialect, 100 KB, {connections} connection{'s' * (connections > 1)}",
            body_bytes=102_400,
            connections=connections,
            target_us=250,
        )
        for connections in (1, 32)
    ),
    Workload(
        name="whole-anthropic",
        says="same dialect (Anthropic), 1 KB, 32 connections",
        client="anthropic",
        provider="anthropic",
        target_us=55,
        nginx_us=16,
    ),
    Workload(
        name="paced",
        says="same dialect, 60 streams of 100 events/s",
        unit="event",
        connections=60,
        stream="paced",
        target_us=30,
        nginx_us=12,
    ),
    Workload(
        name="burst",
        says="same dialect, 8 streams, events as fast as they come",
        unit="event",
        connections=8,
        stream="burst",
        target_us=6,
        nginx_us=1.1,
    ),
    _cross("anthropic", "openai", ""),
    _cross("openai", "anthropic", ""),
    _cross("anthropic", "openai", "paced"),
    _cross("anthropic", "openai", "burst"),
    _cross("openai", "anthropic", "paced"),
    _cross("openai", "anthropic", "burst"),
)


def models(size: Size) -> dict[str, str]:
    """Name that clients use → ``provider/model`` that it stands for; the mock reads the latter."""
    named = {
        "whole": "gpt-4o-mini",
        "burst": f"burst-{size.burst_events}",
        "paced": f"paced-{size.paced_events}-10",
        "open": "paced-10-1000",
    }
    aliases = {}
    for kind, model in named.items():
        aliases[alias(kind, "openai", model)] = f"mock-openai/{model}"
        aliases[alias(kind, "anthropic", model)] = f"mock-anthropic/{model}"
    return aliases


def alias(kind: str, provider: Dialect, model: str) -> str:
    """Holds the model's own name, so that a mock behind a proxy that changes nothing finds it too."""
    return f"{kind}.{provider}.{model}"


def model_name(workload: Workload, size: Size) -> str:
    kind = workload.stream or "whole"
    wanted = f"{kind}.{workload.provider}."
    return next(name for name in models(size) if name.startswith(wanted))


def body(model: str, *, dialect: Dialect, size_bytes: int, stream: bool) -> bytes:
    """A request of ``size_bytes``: a system text and turns of about 1 KB."""
    request = {"model": model, "temperature": 0.7, "max_tokens": 256}
    if stream:
        request["stream"] = True
    messages = [{"role": "user", "content": ""}]
    if dialect == "openai":
        messages.insert(0, {"role": "system", "content": "You answer briefly, and in plain words."})
    else:
        request["system"] = "You answer briefly, and in plain words."
    request["messages"] = messages
    while (missing := size_bytes - len(packed(request))) > 2_048:
        text = (_TURN * 8)[: min(1_024, missing)]
        messages[-1]["content"] = text
        role = "assistant" if messages[-1]["role"] == "user" else "user"
        messages.append({"role": role, "content": ""})
    while (missing := size_bytes - len(packed(request))) > 0:
        messages[-1]["content"] += _TURN[: missing - missing // 16]
    return packed(request)


def packed(value: dict) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def http_request(
    payload: bytes, *, dialect: Dialect, path: str, headers: tuple[tuple[str, str], ...]
) -> bytes:
    """The raw request, with the headers that an SDK would send."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: 127.0.0.1",
        "accept: application/json",
        "content-type: application/json",
        "user-agent: bench/1",
        *(f"{name}: {value}" for name, value in headers),
        *(["anthropic-version: 2023-06-01"] if dialect == "anthropic" else []),
        f"content-length: {len(payload)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


def key_header(dialect: Dialect) -> tuple[str, str]:
    return ("x-api-key", KEY) if dialect == "anthropic" else ("authorization", f"Bearer {KEY}")
