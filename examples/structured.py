"""Ask for a value of a Python type, whole and as it grows."""

import asyncio
from dataclasses import dataclass
from typing import Literal

import modelway

MODEL = "simulator/sim-demo"


@dataclass
class Stop:
    city: str
    nights: int


@dataclass
class Trip:
    stops: list[Stop]
    by: Literal["train", "bicycle"]


async def main() -> None:
    async with modelway.Client() as client:
        answer = await client.parse("Three days in Burgundy.", into=Trip, model=MODEL)
        print(type(answer.value).__name__, answer.value.by, len(answer.value.stops), "stops")
        print(len(answer.responses), "answer,", len(answer.warnings), "warnings")

        stream = client.parse_stream("Three days in Burgundy.", into=Trip, model=MODEL)
        async with stream:
            async for partial in stream:
                print("so far:", partial)
            whole = await stream.collect()
        print("the same:", whole.value == answer.value)


asyncio.run(main())
