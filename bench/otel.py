"""What telemetry costs a call, in CPU µs of the process that makes it: its export threads included.

    .venv/bin/python bench/otel.py [calls]

A handler that answers at once goes through the middlewares of a call and of one attempt, as a
gateway's client would send it; a collector in a process of its own takes what is exported. The
variants are taken in rotation, and the least of each is shown.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from modelway.call import Body, Call, Credential, Deployment, Reply, Target
from modelway.catalog.load import providers
from modelway.engine import onion
from modelway.framing.fields import split
from modelway.observe.otel.opening import open_telemetry
from modelway.observe.settings import TelemetrySettings
from modelway.types import Usage

ASKED = (
    b'{"model":"fast","messages":[{"role":"user","content":"' + b"x" * 900 + b'"}],'
    b'"temperature":0.5,"max_tokens":100}'
)
ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"' + b"y" * 500 + b'"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":200,"completion_tokens":100,"total_tokens":300}}'
)
VARIANTS = {
    "off": None,
    "measures alone (sample: 0)": {"sample": 0.0},
    "a tenth of the traces": {"sample": 0.1},
    "all traces, no measures": {"metrics": False},
    "all traces": {},
    "all traces, content": {"content": "events"},
}
ROUNDS = 3


def collect(port):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *said):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.put(server.server_address[1])
    server.serve_forever()


def deployment():
    row = providers()["openai"]
    return Deployment(
        id="openai/m",
        provider=row,
        dialect="openai-chat",
        target=Target(model="m"),
        credential=Credential(name="key", secret="not a key"),
        base_url=row.base_url,
    )


async def cost_us(settings, endpoint, calls):
    asked = deployment()
    fields = split(ASKED)
    usage = Usage(input_tokens=200, output_tokens=100)

    async def handler(_call):
        return Reply(deployment=asked, body=ANSWER, usage=usage)

    telemetry = None
    if settings is not None:
        said = TelemetrySettings(enabled=True, endpoint=endpoint, **settings)
        telemetry = open_telemetry(said, environment={}, version="bench")
        handler = onion(handler, telemetry.request, telemetry.attempt(asked, "chat"))
    body = Body(dialect="openai-chat", fields=fields, size_bytes=len(ASKED))
    began = time.process_time()
    for number in range(calls):
        call = Call(id=f"mw-{number}", model="fast", body=body, key="k", tenant="t")
        await handler(call)
        if number % 200 == 199:
            await asyncio.sleep(0.02)  # as traffic would, it leaves the exporter its time
    if telemetry is not None:
        await telemetry.aclose()
    return (time.process_time() - began) / calls * 1e6


async def main(calls):
    port = multiprocessing.get_context("spawn").Queue()
    server = multiprocessing.get_context("spawn").Process(target=collect, args=(port,))
    server.start()
    try:
        endpoint = f"http://127.0.0.1:{port.get()}"
        least = dict.fromkeys(VARIANTS, float("inf"))
        for _ in range(ROUNDS):
            for name, settings in VARIANTS.items():
                least[name] = min(least[name], await cost_us(settings, endpoint, calls))
    finally:
        server.terminate()
        server.join()
    for name, us in least.items():
        print(f"{name:30} {us - least['off']:8.1f} CPU µs a call")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
