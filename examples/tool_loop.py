"""Let the model call Python functions until it has its answer."""

import asyncio

import modelway

MODEL = "simulator/sim-tools"


def weather(city: str, days: int = 1) -> str:
    """The weather in a city.

    Args:
        city: Its name, in English.
        days: How many days ahead.
    """
    return f"Sunny in {city} for {days} days."


async def main() -> None:
    async with modelway.Client() as client:
        run = await client.run("What is the weather in Paris?", tools=[weather], model=MODEL)
        print(run.text)
        print(len(run.responses), "steps,", run.usage.output_tokens, "tokens")

        stream = client.run_stream("And in Rome?", tools=[weather], model=MODEL)
        async with stream:
            async for event in stream:
                match event:
                    case modelway.ToolStarted():
                        print("->", event.call.name, event.call.arguments)
                    case modelway.ToolEnded():
                        print("<-", event.result.parts[0])
                    case modelway.TextDelta():
                        print(event.text, end="")
        print()


asyncio.run(main())
