"""The same without async, from several threads."""

from concurrent.futures import ThreadPoolExecutor

import modelway

MODEL = "simulator/sim-demo"

with modelway.SyncClient() as client:
    print(client.chat("Hello!", model=MODEL).text)

    with ThreadPoolExecutor(4) as pool:
        questions = [f"What is {number} + {number}?" for number in range(4)]
        for answer in pool.map(lambda question: client.chat(question, model=MODEL), questions):
            print(answer.text)

    for piece in client.stream("Tell me a story.", model=MODEL).text():
        print(piece, end="")
    print()
    print(client.stats().successful_requests, "answers")
