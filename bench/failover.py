"""What a failover costs a client beyond the failed attempt's own time: ``python bench/failover.py``.

Each round asks the second provider alone, then the first one, which fails, so that the second answers.
What that takes longer, less the time of the attempt that failed, is the failover's own cost: it may be
5 ms. The providers are another process; the engine is this one's, as the SDK has it. ``whole`` is until
the answer is there, ``stream`` until its first event is.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import time
from pathlib import Path

from fallback import STREAM_HEAD, OpenAI, read_request
from processes import cpus, free_port, running, spawn

from modelway.call import Call, Options
from modelway.messages import user
from modelway.opening import open_engine
from modelway.types import ChatRequest

BUDGET_MS = 5.0
WARM_UP = 20
MOST_ROUNDS = 900
"""Failures in a row that a breaker can be told not to open at: 1,000."""
HTTP_503 = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n"
    b'content-length: 38\r\n\r\n{"error":{"message":"no room for it"}}'
)
WAYS = {"refuses": None, "hangs up": None, "503": 0, "503 after 10 ms": 10, "503 after 50 ms": 50}
"""How the first provider fails, and after how many ms it says 503."""


# ---------------------------------------------------------------- the providers


async def upstream():
    """Fails as the first part of a request's path says, or answers."""
    wire = OpenAI()
    events = wire.opening + wire.text * 8 + wire.ending + wire.usage + wire.done + b"0\r\n\r\n"

    async def serve(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head, body = await read_request(reader)
                way = head.split(b" ", 2)[1].split(b"/", 2)[1].decode()
                if way == "hangs-up":
                    break
                if way.startswith("503-"):
                    await asyncio.sleep(int(way.removeprefix("503-")) / 1000)
                    writer.write(HTTP_503)
                elif json.loads(body).get("stream"):
                    writer.write(STREAM_HEAD + events)
                else:
                    writer.write(wire.answer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def base_url(way, port):
    """Of a provider that fails in this way; ``None``: of one that answers."""
    if way == "refuses":
        return f"http://127.0.0.1:{free_port()}/v1"
    path = "answers" if way is None else "hangs-up" if WAYS[way] is None else f"503-{WAYS[way]}"
    return f"http://127.0.0.1:{port}/{path}/v1"


# ---------------------------------------------------------------- the measurement


def config(way, port):
    def provider(how):
        return {"like": "openai", "base_url": base_url(how, port), "api_key": "none-is-asked"}

    return {
        "providers": {"first": provider(way), "second": provider(None)},
        "models": {
            "both": {"deployments": ["first/x", "second/x"]},
            "alone": {"deployments": ["second/x"]},
        },
        "breaker": {"failures": 1000},
    }


async def ask(engine, model, *, stream):
    """How long it took, and how much of that the attempts that failed did, in ms."""
    id_ = engine.new_id()
    # each a conversation of its own: one that goes on stays where it was answered
    request = ChatRequest(messages=(user(f"What is the weather like at {id_}?"),))
    call = Call(id=id_, model=model, request=request, stream=stream, options=Options(trace=True))
    began = time.perf_counter()
    reply = await engine.handle(call)
    took_s = time.perf_counter() - began
    if reply.events is not None:
        async for _ in reply.events:
            pass
    assert len(reply.failed) == (model == "both"), "the first one fails, and nobody else"
    return took_s * 1000, sum(one.took_s for one in reply.failed) * 1000


async def costs_ms(way, port, *, stream, rounds):
    """Of each round: the failed attempt's own time, and what the failover cost beyond it."""
    opened = await open_engine(config(way, port), environment={})
    try:
        found = []
        for _ in range(WARM_UP + rounds):
            alone_ms, _ = await ask(opened.engine, "alone", stream=stream)
            both_ms, failed_ms = await ask(opened.engine, "both", stream=stream)
            found.append((failed_ms, both_ms - failed_ms - alone_ms))
        return found[WARM_UP:]
    finally:
        await opened.aclose()


async def measure(port, rounds):
    print(
        f"{'the first provider':<20}{'':<8}{'it took':>9}{'beyond that, ms: p50':>23}{'p90':>7}{'p99':>7}"
    )
    worst = 0.0
    for way in WAYS:
        for stream in (False, True):
            found = await costs_ms(way, port, stream=stream, rounds=rounds)
            own = sorted([cost for _, cost in found])
            at = [own[int(share * (len(own) - 1))] for share in (0.5, 0.9, 0.99)]
            worst = max(worst, at[2])
            failed_ms = statistics.median([failed for failed, _ in found])
            kind = "stream" if stream else "whole"
            print(
                f"{way:<20}{kind:<8}{failed_ms:>9.2f}{at[0]:>23.3f}{at[1]:>7.3f}{at[2]:>7.3f}",
                flush=True,
            )
    print(f"\nthe worst p99: {worst:.3f} ms of {BUDGET_MS:g}")
    return worst <= BUDGET_MS


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("what", nargs="?", choices=["measure", "upstream"], default="measure")
    parser.add_argument("--rounds", type=int, default=300, help=f"{MOST_ROUNDS} at most")
    options = parser.parse_args()
    if options.what == "upstream":
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(upstream())
        return 0
    command = (sys.executable, str(Path(__file__)), "upstream")
    with running(spawn(command, cpu=cpus()[1])) as process:
        port = int(process.stdout.readline())
        return 0 if asyncio.run(measure(port, min(options.rounds, MOST_ROUNDS))) else 1


if __name__ == "__main__":
    sys.exit(main())
