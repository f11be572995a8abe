"""Offer a tool, run what the model asks for, and give back the result."""

import asyncio
import json

import modelway

MODEL = "simulator/sim-tools"
WEATHER = modelway.Tool(
    name="weather",
    description="The weather in a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)


def weather(city: str) -> str:
    return f"Sunny in {city}, 21 degrees."


async def main() -> None:
    async with modelway.Client() as client:
        said = [modelway.user("What is the weather in Paris?")]
        answer = await client.chat(said, model=MODEL, tools=[WEATHER])
        said.append(answer.message)
        for call in answer.tool_calls:
            print(call.name, call.arguments)
            result = weather(**json.loads(call.arguments))
            said.append(modelway.tool_result(call, result))
        answer = await client.chat(said, model=MODEL, tools=[WEATHER])
        print(answer.text)


asyncio.run(main())
