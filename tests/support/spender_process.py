"""A process that spends: ``python spender_process.py CONFIG SEED CALLS AT_ONCE``.

Questions of random sizes, whole and streamed; some streams are left in the middle. It says nothing: what
it spent is in the ledger.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

from modelway import Client
from modelway.errors import LLMError, RefusedError


async def spend(config: dict, seed: int, calls: int, at_once: int) -> None:
    chance = random.Random(seed)
    places = asyncio.Semaphore(at_once)

    async def one(client: Client, number: int) -> None:
        async with places:
            nonce = f"n{seed}-{number}"
            text = f"{nonce} " + "word " * chance.randint(1, 200)
            most = chance.randint(1, 60)
            stream, leaves = chance.random() < 0.5, chance.random() < 0.2
            leaves_at = chance.randint(0, most)
            cut_s = chance.random() * 0.03 if chance.random() < 0.1 else None
            try:
                asking = _ask(client, text, nonce, most, stream, leaves_at if leaves else None)
                await asyncio.wait_for(asking, cut_s)
            except TimeoutError:
                pass
            except RefusedError:
                await asyncio.sleep(0.02)
            except LLMError:
                pass

    async with Client(config) as client:
        await asyncio.gather(*[one(client, number) for number in range(calls)])


async def _ask(client, text, nonce, most, stream, leaves_at) -> None:
    if not stream:
        await client.chat(text, max_tokens=most, tags=(nonce,))
        return
    seen = 0
    async with client.stream(text, max_tokens=most, tags=(nonce,)) as answer:
        async for _ in answer:
            seen += 1
            if leaves_at is not None and seen > leaves_at:
                return


if __name__ == "__main__":
    config = json.loads(sys.argv[1])
    asyncio.run(spend(config, int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
