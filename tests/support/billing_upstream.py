"""A provider that writes down itself what it bills: one call in ten above what was estimated or capped.

``python billing_upstream.py FILE SEED`` listens on a free port, prints it, and adds a line of JSON to
FILE for every answer that it made, whole or cut off by its client. A question says by its first word
who it is (``nonce``); nothing that is refused is billed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys

INPUT_USD = 2.0
OUTPUT_USD = 8.0
"""Per million tokens: 2 and 8 million pico-dollars for one."""
PICO_INPUT = 2_000_000
PICO_OUTPUT = 8_000_000


def price(read: int, made: int) -> int:
    return read * PICO_INPUT + made * PICO_OUTPUT


class Biller:
    """One account."""

    def __init__(self, path: str, seed: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._chance = random.Random(seed)
        self.open = 0

    def bill(self, nonce: str, read: int, made: int, *, too_much: bool) -> None:
        line = {"nonce": nonce, "read": read, "made": made, "too_much": too_much}
        os.write(self._file, json.dumps(line).encode() + b"\n")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = json.loads(await reader.readexactly(length))
                await self._answer(body, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, body, reader, writer) -> None:
        chance = self._chance
        text = body["messages"][-1]["content"]
        nonce = text.split()[0]
        if chance.random() < 0.05:
            await _say(writer, b"500 Internal Server Error", {"error": {"message": "down"}})
            return
        read = max(1, len(text) // 5)
        cap = body.get("max_completion_tokens") or body.get("max_tokens") or 50
        made = chance.randint(1, cap)
        too_much = chance.random() < 0.1
        if too_much:
            if chance.random() < 0.5:
                made = cap + chance.randint(1, 2 * cap)
            else:
                read = len(text) * 2 + 200
        await asyncio.sleep(chance.random() * 0.02)
        if body.get("stream"):
            await self._stream(writer, nonce, read, made, too_much=too_much)
            return
        self.bill(nonce, read, made, too_much=too_much)
        said = {
            "id": nonce,
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "word " * made},
                    "finish_reason": "stop",
                }
            ],
            "usage": _usage(read, made),
        }
        await _say(writer, b"200 OK", said)

    async def _stream(self, writer, nonce: str, read: int, made: int, *, too_much: bool) -> None:
        """Bills what it has made when its client goes, as far as it notices that before the end."""
        done = 0
        try:
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
            for number in range(made):
                done = number + 1
                await _event(writer, _chunk(nonce, {"content": "word "}))
                await asyncio.sleep(0.001)
            last = _chunk(nonce, {}, "stop")
            await _event(writer, last)
            await _event(writer, {**_chunk(nonce, {}), "choices": [], "usage": _usage(read, made)})
            writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
            await writer.drain()
        finally:
            self.bill(nonce, read, done, too_much=too_much)


def _usage(read: int, made: int) -> dict[str, int]:
    return {"prompt_tokens": read, "completion_tokens": made, "total_tokens": read + made}


def _chunk(nonce: str, delta: dict[str, str], finish: str | None = None) -> dict[str, object]:
    return {
        "id": nonce,
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


async def _event(writer, value) -> None:
    data = b"data: " + json.dumps(value).encode() + b"\n\n"
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))
    await writer.drain()
    if writer.is_closing():
        raise ConnectionResetError


async def _say(writer, status: bytes, value) -> None:
    data = json.dumps(value).encode()
    head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % (status, len(data)) + data)
    await writer.drain()


async def main() -> None:
    biller = Biller(sys.argv[1], int(sys.argv[2]))
    server = await asyncio.start_server(biller.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
