"""Read an answer while it is being made; then have all of it, with its usage."""

import asyncio

import modelway

MODEL = "simulator/sim-demo"


async def main() -> None:
    async with modelway.Client() as client:
        async with client.stream("Tell me a story.", model=MODEL) as stream:
            async for piece in stream.text():
                print(piece, end="", flush=True)
            whole = await stream.collect()
        print(f"\n{whole.usage.output_tokens} tokens, {whole.finish_reason}")

        async for event in client.stream("And another.", model=MODEL):
            match event:
                case modelway.TextDelta():
                    print(event.text, end="")
                case modelway.Finish():
                    print(f"\nfinished: {event.reason}")


asyncio.run(main())
