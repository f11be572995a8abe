"""The mock upstream and the load generator in Python, for machines without a C compiler.

Same arguments, same answers, same report as ``mock_upstream.c`` and ``load.c``; several times slower,
so throughput read with it is its own, while the CPU figures of the process under test still hold.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import sys
import time
from pathlib import Path

ANSWER_BYTES = 766
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\nx-request-id: req_5f2b8c1d9e3a47608b1c\r\n\r\n"
)


def packed(value: dict) -> str:
    return json.dumps(value, separators=(",", ":"))


def chunk(text: str) -> bytes:
    return f"{len(text):x}\r\n{text}\r\n".encode()


def padded(answer: dict, texts: list[dict], key: str) -> bytes:
    texts[0][key] = "x" * (ANSWER_BYTES - len(packed(answer)))
    body = packed(answer)
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


class OpenAI:
    """What the OpenAI wire says."""

    def __init__(self) -> None:
        message = {"role": "assistant", "content": ""}
        usage = {"prompt_tokens": 219, "completion_tokens": 61, "total_tokens": 280}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        answer = self.envelope("chat.completion", [choice], usage=usage)
        self.answer = padded(answer, [message], "content")
        self.opening = self.event({"role": "assistant", "content": ""}, None)
        self.text = self.event({"content": " jumps"}, None)
        self.ending = self.event({}, "stop")
        self.usage = self.data(self.envelope("chat.completion.chunk", [], usage=usage))
        self.done = chunk("data: [DONE]\n\n")

    def envelope(self, kind: str, choices: list[dict], **more: object) -> dict:
        model = "gpt-4o-mini-2024-07-18"
        start = {"id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": kind}
        return {**start, "created": 1741569952, "model": model, "choices": choices, **more}

    def data(self, value: dict) -> bytes:
        return chunk(f"data: {packed(value)}\n\n")

    def event(self, delta: dict, finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        fingerprint = "fp_44709d6fcb"
        kind = "chat.completion.chunk"
        return self.data(self.envelope(kind, [choice], system_fingerprint=fingerprint))


class Anthropic:
    """What the Anthropic wire says."""

    def __init__(self) -> None:
        text = {"type": "text", "text": ""}
        message = {"id": "msg_01XFDUDYJgAACzvnptvVoYEL", "type": "message", "role": "assistant"}
        message |= {"model": "claude-sonnet-4-5-20250929", "content": [text]}
        message |= {"stop_reason": "end_turn", "stop_sequence": None}
        message["usage"] = {"input_tokens": 219, "output_tokens": 61}
        self.answer = padded(message, [text], "text")
        begun = {**message, "content": [], "stop_reason": None}
        self.opening = self.event("message_start", message=begun)
        empty = {"type": "text", "text": ""}
        self.opening += self.event("content_block_start", index=0, content_block=empty)
        delta = {"type": "text_delta", "text": " jumps"}
        self.text = self.event("content_block_delta", index=0, delta=delta)
        self.ending = self.event("content_block_stop", index=0)
        stop = {"stop_reason": "end_turn", "stop_sequence": None}
        self.ending += self.event("message_delta", delta=stop, usage={"output_tokens": 61})
        self.usage = b""
        self.done = self.event("message_stop")

    def event(self, kind: str, **fields: object) -> bytes:
        return chunk(f"event: {kind}\ndata: {packed({'type': kind, **fields})}\n\n")


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: *(\d+)", head)
    return head, await reader.readexactly(int(found[1])) if found else b""


async def write_stream(writer: asyncio.StreamWriter, wire: OpenAI | Anthropic, body: dict) -> None:
    found = re.search(r"(burst|paced)-(\d+)(?:-(\d+))?", body.get("model", ""))
    count = int(found[2]) if found else 8
    interval_s = int(found[3] or 10) / 1000 if found and found[1] == "paced" else 0.0
    writer.write(STREAM_HEAD + wire.opening)
    due_s = time.monotonic()
    for _ in range(count):
        if interval_s:
            due_s += interval_s
            await asyncio.sleep(due_s - time.monotonic())
        writer.write(wire.text)
        await writer.drain()
    usage = wire.usage if body.get("stream_options", {}).get("include_usage") else b""
    writer.write(wire.ending + usage + wire.done + b"0\r\n\r\n")


async def upstream(port: int) -> None:
    openai, anthropic = OpenAI(), Anthropic()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head, raw = await read_request(reader)
                path = head.split(b" ", 2)[1]
                wire = anthropic if path.endswith(b"/messages") else openai
                body = json.loads(raw or b"{}")
                if body.get("stream"):
                    await write_stream(writer, wire, body)
                else:
                    writer.write(wire.answer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Load:
    """A closed loop: as many workers as connections, sharing one count of requests."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.request = Path(options.request).read_bytes()
        self.left = options.requests
        self.errors: list[str] = []
        self.whole_us: list[int] = []
        self.first_us: list[int] = []
        self.events = self.body_bytes = 0

    async def answer(self, reader: asyncio.StreamReader) -> int:
        """Reads one answer to its end; returns when its head had come, in nanoseconds."""
        head = await reader.readuntil(b"\r\n\r\n")
        first_ns = time.monotonic_ns()
        if head[9:12] != b"200":
            raise ValueError(f"not a 200 (status {head[9:12].decode()})")
        found = re.search(rb"(?i)content-length: *(\d+)", head)
        if found:
            if self.options.bytes and int(found[1]) != self.options.bytes:
                raise ValueError("unexpected content-length")
            self.body_bytes += len(await reader.readexactly(int(found[1])))
            return first_ns
        while size := int(await reader.readuntil(b"\r\n"), 16):
            data = (await reader.readexactly(size + 2))[:-2]
            self.events += data.count(b"\n\n")
            self.body_bytes += size
        await reader.readuntil(b"\r\n")
        return first_ns

    async def work(self) -> None:
        while self.left > 0:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.options.port, limit=2**20
            )
            try:
                while self.left > 0:
                    self.left -= 1
                    began_ns = time.monotonic_ns()
                    writer.write(self.request)
                    first_ns = await self.answer(reader)
                    self.whole_us.append((time.monotonic_ns() - began_ns) // 1000)
                    self.first_us.append((first_ns - began_ns) // 1000)
            except (ValueError, OSError, EOFError) as error:
                self.errors.append(str(error))
            finally:
                writer.close()

    async def run(self) -> dict:
        began = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.options.seconds):
                count = min(self.options.connections, self.options.requests)
                await asyncio.gather(*(self.work() for _ in range(count)))
        seconds = time.monotonic() - began
        good = len(self.whole_us)
        started = self.options.requests - self.left
        return {
            "requests": good,
            "errors": len(self.errors),
            "unfinished": started - good - len(self.errors),
            "seconds": round(seconds, 4),
            "rps": round(good / seconds, 1),
            "p50_us": quantile(self.whole_us, 0.5),
            "p99_us": quantile(self.whole_us, 0.99),
            "first_p50_us": quantile(self.first_us, 0.5),
            "first_p99_us": quantile(self.first_us, 0.99),
            "events": self.events,
            "body_bytes": self.body_bytes,
            "first_error": self.errors[0] if self.errors else "",
        }


def quantile(values: list[int], fraction: float) -> int:
    return sorted(values)[int((len(values) - 1) * fraction)] if values else 0


def main() -> None:
    if sys.argv[1:2] == ["upstream"]:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(upstream(int(sys.argv[2]) if len(sys.argv) > 2 else 0))
        return
    parser = argparse.ArgumentParser(prog="fallback.py load")
    parser.add_argument("load", choices=["load"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--request", required=True)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--bytes", type=int, default=0)
    print(json.dumps(asyncio.run(Load(parser.parse_args()).run())))


if __name__ == "__main__":
    main()
