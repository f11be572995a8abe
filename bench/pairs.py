"""What translating between every two dialects costs, in CPU µs: ``python bench/pairs.py``.

A question of about 1 KB and its answer, read and written both ways, as the gateway does for one call;
and a piece of a burst stream. The least of several rounds, in one process.
"""

import time

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import NAMES, dialect
from modelway.fold import unfold
from modelway.framing.fields import split
from modelway.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    Message,
    Text,
    TextDelta,
    Usage,
)

TARGET = Target(
    model="model-1",
    quirks=Quirks(cache_control=True, developer_role=True),
    max_output_tokens=4096,
)
WORDS = "The quick brown fox jumps over the lazy dog. "
QUESTION = ChatRequest(
    model="m",
    messages=(
        Message(role="system", parts=(Text(text="You are helpful."),)),
        Message(role="user", parts=(Text(text=WORDS * 20),)),
    ),
    max_tokens=200,
    temperature=0.5,
)
ANSWER = ChatResponse(
    id="x1",
    model="m",
    created=1,
    choices=(
        Choice(
            message=Message(role="assistant", parts=(Text(text=WORDS * 14),)),
            finish_reason="stop",
            raw_finish_reason="stop",
        ),
    ),
    usage=Usage(input_tokens=200, output_tokens=150),
)
PIECES = 100


def least_us(work, count, rounds):
    """CPU µs of one ``work``: the least of the rounds."""
    found = []
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(count):
            work()
        found.append((time.process_time() - started) / count)
    return min(found) * 1e6


def stream(name):
    """A provider's stream of ``PIECES`` words, each in an event of its own."""
    spoken = dialect(name)
    asked = split(spoken.upstream["chat"].encode(QUESTION, TARGET, True).body)
    encoder = spoken.downstream["chat"].encoder(asked)
    first, *_, last = unfold(ANSWER)
    pieces = [TextDelta(text=" twelve") for _ in range(PIECES)]
    return b"".join([encoder.feed([event]) for event in [first, *pieces, last]]) + encoder.close()


def whole(client, provider):
    face, codec = dialect(client).downstream["chat"], dialect(provider).upstream["chat"]
    question = dialect(client).upstream["chat"].encode(QUESTION, TARGET, False).body
    answer = dialect(provider).downstream["chat"].encode(ANSWER)

    def work():
        codec.encode(face.decode(split(question)), TARGET, False)
        face.encode(codec.decode(answer))

    return work


def burst(client, provider):
    face, codec = dialect(client).downstream["chat"], dialect(provider).upstream["chat"]
    asked = split(dialect(client).upstream["chat"].encode(QUESTION, TARGET, True).body)
    data = stream(provider)
    cuts = [data[at : at + 4096] for at in range(0, len(data), 4096)]

    def work():
        decoder, encoder = codec.decoder(), face.encoder(asked)
        for cut in cuts:
            encoder.feed(decoder.feed(cut))
        encoder.feed(decoder.close())
        encoder.close()

    return work


def main():
    names = [name for name in NAMES if "chat" in dialect(name).downstream]
    print("CPU µs of a call of 1 KB / of a burst piece; rows: client, columns: provider\n")
    print("| |", " | ".join(names), "|")
    print("|---|" + "---|" * len(names))
    worst = [0.0, 0.0]
    for client in names:
        cells = []
        for provider in names:
            if client == provider:
                cells.append("·")
                continue
            call = least_us(whole(client, provider), 60, 15)
            piece = least_us(burst(client, provider), 3, 10) / PIECES
            worst = [max(worst[0], call), max(worst[1], piece)]
            cells.append(f"{call:.0f} / {piece:.1f}")
        print(f"| {client} |", " | ".join(cells), "|", flush=True)
    print(f"\nthe most: {worst[0]:.0f} µs a call, {worst[1]:.1f} µs a piece")


if __name__ == "__main__":
    main()
