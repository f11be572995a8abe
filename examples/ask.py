"""Ask a model, and read what came back. Put your own model where the simulator's name stands."""

import asyncio

import modelway

MODEL = "simulator/sim-demo"


async def main() -> None:
    async with modelway.Client() as client:
        answer = await client.chat("What is the capital of France?", model=MODEL, temperature=0.2)
        print(answer.text)
        print(answer.deployment, answer.finish_reason, answer.usage.output_tokens)


asyncio.run(main())
