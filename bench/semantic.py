"""How well questions that mean the same are told from those that only look so, and what that costs.

``python bench/semantic.py`` measures on ``paraphrases/dev.txt``, ``--half heldout`` on the other, which
was written before the code and to which nothing is fitted; ``--show`` lists what is wrong. Vectors are a
stand-in, hashed pieces of words: no package that is at hand carries trained ones. ``--url
http://127.0.0.1:4000/v1 --model NAME`` takes them from any embeddings endpoint in OpenAI's format
instead (a key from ``OPENAI_API_KEY``): so an operator finds the threshold of a model. ``--cost``: CPU time.
"""

import argparse
import asyncio
import datetime as dt
import json
import math
import os
import random
import time
import urllib.request
import zlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from modelway.call import Body, Call
from modelway.clock import SystemClock
from modelway.framing.fields import split
from modelway.policies.caching.semantic.guard import same, sense
from modelway.policies.caching.semantic.memory import MemoryVectors
from modelway.policies.caching.semantic.posing import posed
from modelway.policies.caching.semantic.vectors import unit
from modelway.policies.caching.values import SemanticSettings

SET = Path(__file__).parent / "paraphrases"
DIMENSION = 1024
THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)


class Group(NamedTuple):
    """A question, those that its answer answers, and those that it does not."""

    ask: str
    same: list
    other: list


class Pair(NamedTuple):
    first: str
    second: str
    same: bool
    kind: str


def groups(half):
    found = []
    for line in (SET / f"{half}.txt").read_text(encoding="utf-8").splitlines():
        mark, _, text = line.partition(" ")
        if mark == "?":
            found.append(Group(text.strip(), [], []))
        elif mark in {"+", "-"}:
            kind, _, said = text.strip().partition(" ")
            (found[-1].same if mark == "+" else found[-1].other).append((kind, said.strip()))
    return found


def labelled(found):
    """The pairs that were written down."""
    return [
        Pair(group.ask, text, is_same, kind)
        for group in found
        for is_same, lines in ((True, group.same), (False, group.other))
        for kind, text in lines
    ]


def implied(found):
    """Those that follow: of a group's lines with each other, and of groups with each other."""
    pairs = [
        Pair(text, other, is_same, kind)
        for group in found
        for at, (_, text) in enumerate(group.same)
        for is_same, lines in ((True, group.same[at + 1 :]), (False, group.other))
        for kind, other in lines
    ]
    return pairs + [
        Pair(one.ask, two.ask, same=False, kind="another")
        for at, one in enumerate(found)
        for two in found[at + 1 :]
    ]


def stand_in(text):
    """Hashed words and pieces of words, by how often they come: it knows spelling, and no meaning."""
    text = f" {' '.join(text.casefold().split())} "
    pieces = Counter(
        text[at : at + size] for size in (3, 4, 5) for at in range(len(text) - size + 1)
    )
    pieces.update(text.split())
    vector = np.zeros(DIMENSION)
    for piece, count in pieces.items():
        digest = zlib.crc32(piece.encode())
        vector[digest % DIMENSION] += (1 if digest >> 31 else -1) * (1 + math.log(count))
    return vector


def asked(texts, url, model):
    """Vectors of an endpoint, 64 texts a request."""
    vectors = {}
    key = os.environ.get("OPENAI_API_KEY")
    for at in range(0, len(texts), 64):
        some = texts[at : at + 64]
        request = urllib.request.Request(
            f"{url.rstrip('/')}/embeddings",
            json.dumps({"model": model, "input": some}).encode(),
            {"content-type": "application/json"}
            | ({"authorization": f"Bearer {key}"} if key else {}),
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            rows = json.load(answer)["data"]
        for text, row in zip(some, sorted(rows, key=lambda row: row["index"]), strict=True):
            vectors[text] = np.asarray(row["embedding"])
    return vectors


def similarity(vectors, pair):
    a, b = vectors[pair.first], vectors[pair.second]
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def share(right, total):
    return f"{right / total:.3f} ({right}/{total})" if total else "none"


def table(pairs, near, guarded):
    print("| threshold | precision | recall | precision, guarded | recall, guarded |")
    print("|---|---|---|---|---|")
    total = sum(pair.same for pair in pairs)
    for least in (-1.0, *THRESHOLDS):
        cells = []
        for kept in ([True] * len(pairs), guarded):
            hits = [
                pair.same
                for pair, at, ok in zip(pairs, near, kept, strict=True)
                if ok and at >= least
            ]
            cells += [share(sum(hits), len(hits)), share(sum(hits), total)]
        print(f"| {'any' if least < 0 else least} | " + " | ".join(cells) + " |")


def kinds(pairs, near, guarded, least):
    found = {}
    for pair, at, ok in zip(pairs, near, guarded, strict=True):
        row = found.setdefault((not pair.same, pair.kind), [0, 0, 0])
        row[0] += 1
        row[1] += at >= least
        row[2] += ok
    print(f"\n| kind | pairs | at {least} | let through by the guard |\n|---|---|---|---|")
    for (differs, kind), (count, close, ok) in sorted(found.items()):
        print(f"| {'other' if differs else 'same'}: {kind} | {count} | {close} | {ok} |")


def report(half, *, url, model, show, least):
    found = groups(half)
    written, more = labelled(found), implied(found)
    texts = sorted({text for pair in written + more for text in pair[:2]})
    vectors = asked(texts, url, model) if url else {text: stand_in(text) for text in texts}
    senses = {text: sense(text) for text in texts}
    by = model if url else f"a stand-in, {DIMENSION} hashed pieces of words"
    print(
        f"{half}: {len(found)} questions, {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC; vectors: {by}"
    )
    for name, pairs in (("written down", written), ("implied", more)):
        near = [similarity(vectors, pair) for pair in pairs]
        guarded = [same(senses[pair.first], senses[pair.second]) for pair in pairs]
        print(f"\n{len(pairs)} pairs {name}, {sum(pair.same for pair in pairs)} of them the same\n")
        table(pairs, near, guarded)
        if pairs is written:
            kinds(pairs, near, guarded, least)
        if show:
            for pair, at, ok in zip(pairs, near, guarded, strict=True):
                if ok != pair.same and pair.kind != "another":
                    print(f"\n{'MISSED' if pair.same else 'WRONG'} {pair.kind} {at:.3f}")
                    print(*[f"  {text}\n    {senses[text]}" for text in pair[:2]], sep="\n")


async def cost():
    """CPU microseconds of each step, but for the vector itself, which a model gives."""
    text = "Hello, could you please tell me how I undo the last git commit but keep my changes? Thanks!"
    said = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    body = Body(dialect="openai-chat", fields=split(said), size_bytes=len(said))
    call, settings = Call(id="1", model="m", body=body), SemanticSettings(model="e", threshold=0.9)
    chance = random.Random(1)
    rows = [[chance.gauss(0, 1) for _ in range(384)] for _ in range(200)]
    kept = MemoryVectors(SystemClock(), most_entries=20_000, most_bytes=2**30)
    print("| step | CPU us |\n|---|---|")
    for name, step in (
        ("what is asked, and its space", lambda: posed(call, settings, "tenant", b"")),
        ("a vector of 384 made one long", lambda: unit(rows[0])),
        (
            "what counts of a question (remembered for 1,024 of them)",
            lambda: sense.__wrapped__(text),
        ),
        ("two compared", lambda: same(sense(text), sense(text))),
    ):
        print(f"| {name} | {cpu_us(step, 2000):.1f} |")
    for count in (5_000, 20_000):  # at once; by a thread
        for number in range(len(kept), count):
            vector = np.random.default_rng(number).standard_normal(384)
            await kept.add("t", b"", unit(vector), question=f"{number}", data=b"", life_s=1e9)
        began, wall = time.process_time(), time.perf_counter()
        for vector in rows:
            await kept.nearest("t", b"", unit(vector), least=0.9, limit=8)
        cpu, passed = time.process_time() - began, time.perf_counter() - wall
        print(f"| the nearest of {count} x 384 | {cpu / 200 * 1e6:.0f} |", end=" ")
        print(f"({passed / 200 * 1e6:.0f} us passed)")
    print(f"\n{kept.bytes / len(kept):.0f} bytes counted an entry; load {os.getloadavg()[0]:.1f}")


def cpu_us(step, times):
    began = time.process_time()
    for _ in range(times):
        step()
    return (time.process_time() - began) / times * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--half", choices=("dev", "heldout"), default="dev")
    parser.add_argument("--url", help="an embeddings endpoint, up to /v1")
    parser.add_argument("--model")
    parser.add_argument("--threshold", type=float, default=0.9, help="of the table by kind")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--cost", action="store_true")
    given = parser.parse_args()
    if given.cost:
        asyncio.run(cost())
        return
    report(given.half, url=given.url, model=given.model, show=given.show, least=given.threshold)


if __name__ == "__main__":
    main()
