"""A conversation that survives the program: run it twice, and it goes on."""

import asyncio
import sys
from pathlib import Path
from tempfile import gettempdir

import modelway

DIRECTORY = Path(sys.argv[1] if len(sys.argv) > 1 else f"{gettempdir()}/modelway-example")
MODEL = "simulator/sim-demo"


async def main() -> None:
    conversations = modelway.Conversations(DIRECTORY)
    known = {transcript.id for transcript in conversations.list()}
    if "tea" in known:
        conversation = conversations.resume("tea")
    else:
        conversation = conversations.start(id="tea", model=MODEL, system="You know about tea.")
    async with modelway.Client() as client:
        answer = await conversation.say(client, "How long should it steep?")
        print(answer.text)
    print(len(conversation.messages), "messages in", conversation.id)


asyncio.run(main())
