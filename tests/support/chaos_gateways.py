"""Gateways in processes of their own, and what it takes to ask one without a client of ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from support.command_line import Running, started


class Process(NamedTuple):
    """A ``modelway serve`` that asks for no key."""

    running: Running
    port: int
    file: Path
    """Its configuration's."""

    def kill(self) -> None:
        """At once, so that it tells nobody anything."""
        self.running.process.kill()
        self.running.process.wait(20)


class Said(NamedTuple):
    """An answer; ``status`` 0: the connection broke before one."""

    status: int
    body: bytes = b""

    @property
    def text(self) -> str:
        """Of a whole answer."""
        text: str = json.loads(self.body)["choices"][0]["message"]["content"]
        return text

    @property
    def streamed(self) -> str:
        """The text of all events."""
        pieces = []
        for line in self.body.split(b"\n"):
            data = line.removeprefix(b"data: ")
            if line.startswith(b"data: ") and data.startswith(b'{"') and b'"delta"' in data:
                pieces += [one["delta"].get("content") or "" for one in json.loads(data)["choices"]]
        return "".join(pieces)


@contextlib.contextmanager
def gateways(number: int, config: Mapping[str, Any], folder: Path) -> Iterator[list[Process]]:
    """So many processes with the same configuration, each in a home and with a file of its own."""
    with contextlib.ExitStack() as ends:
        begun = []
        for one in range(number):
            home = folder / f"home-{one}"
            home.mkdir()
            file = home / "modelway.yaml"
            file.write_text(json.dumps(config))
            options = ("--config", str(file), "--port", "0", "--no-auth")
            begun.append((ends.enter_context(started("serve", *options, home=home)), file))
        yield [
            Process(running, int(running.line("modelway serves on ").rpartition(":")[2]), file)
            for running, file in begun
        ]


async def post(
    port: int,
    question: str,
    *,
    path: str = "/v1/chat/completions",
    key: str = "",
    stream: bool = False,
    **fields: Any,
) -> Said:
    """Ask once, by a connection of its own; what came of it, whatever that is."""
    message = {"role": "user", "content": question}
    body = json.dumps({"model": "m", "messages": [message], "stream": stream, **fields}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        f"authorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return Said(0)
    try:
        writer.write(head.encode() + body)
        answer = await reader.read()
    except OSError:
        return Said(0)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    first, _, rest = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in first.lower():
        rest, whole = _unchunked(rest)
        if not whole:
            return Said(0, rest)
    return Said(int(first[9:12] or 0), rest)


def _unchunked(data: bytes) -> tuple[bytes, bool]:
    """The pieces, and whether they came to their end."""
    pieces = []
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return b"".join(pieces), True
        pieces.append(data[:length])
        data = data[length + 2 :]
    return b"".join(pieces), False
