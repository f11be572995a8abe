"""What choosing among 200 deployments costs, in CPU µs: ``python bench/strategies.py``.

The candidates are those of a configuration, as the engine makes them; they have latencies, open
requests and prices. ``first`` is the choice that most calls need, ``all`` the whole order of fallback.
The least of several rounds, in one process, with the tiers of the route already known.
"""

import argparse
import random
import time

from modelway.asked import AskedCall
from modelway.call import Call
from modelway.clock import SystemClock
from modelway.config.load import load
from modelway.config.resolve import resolve
from modelway.facts import Facts
from modelway.policies.routing import STRATEGIES, Given, Score, chooser
from modelway.state import State
from modelway.tracks import Tracks
from modelway.types import ChatRequest, Message, Text

MODELS = {
    "openai": ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5.2", "gpt-5.5", "o3"),
    "anthropic": ("claude-opus-4-8", "claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"),
    "gemini": ("gemini-3-pro-preview", "gemini-2.5-flash", "gemini-2.5-pro"),
    "deepseek": ("deepseek-chat",),
    "ollama": ("qwen3", "llama3.3"),
}
ROUNDS = 7


def route(size, weights):
    """So many deployments, of accounts that are alike."""
    kinds = [(provider, model) for provider, models in MODELS.items() for model in models]
    items, providers = [], {}
    for number in range(size):
        like, model = kinds[number % len(kinds)]
        name = f"{like}-{number // len(kinds)}"
        providers[name] = {"like": like} | ({} if like == "ollama" else {"api_key": "not-a-key"})
        weight = weights[number % len(weights)]
        items.append({"provider": name, "model": model, "weight": weight})
    models = {"many": {"strategy": "weighted", "deployments": items}}
    return {"providers": providers, "models": models}


def tracks(settings, chance, *, measured):
    """The engine's own, with figures made up."""
    clock = SystemClock()
    known = Tracks(settings, Facts(settings, clock), State(settings, clock))
    made = tuple([known.of(one) for one in resolve(settings, "many").deployments])
    for seen in [one.seen for one in made]:
        seen.open_requests = chance.randrange(8)
        if measured:
            seen.answers.observe(chance.uniform(0.2, 9.0), clock.monotonic())
            seen.first_events.observe(chance.uniform(0.1, 2.0), clock.monotonic())
    return made


def question(number):
    request = ChatRequest(
        model="many",
        messages=(Message(role="user", parts=(Text(text="word " * (200 + number % 50)),)),),
        max_tokens=1000 + number % 7,
    )
    return AskedCall(Call(id="1", model="many", request=request))


def kinds(asked):
    del asked
    return "strongest", "cheapest"


def least(work, calls):
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best * 1e6 / calls


def measure(made, candidates, calls):
    """µs of choosing the first that may answer, and of the whole order."""
    chance = random.Random(5)
    asked = [question(number) for number in range(50)]
    for one in asked:
        one.difficulty, one.input_tokens, one.output_tokens, one.needs, one.sensitive  # noqa: B018 - analysed once a call, whatever the strategy

    def one_of(each):
        for candidate in made.rank(each, candidates, chance):
            if all(filtering(each, candidate) is None for filtering in made.filters):
                return candidate
        return None

    def firsts():
        for number in range(calls):
            one_of(asked[number % 50])

    def wholes():
        for number in range(calls // 20):
            list(made.rank(asked[number % 50], candidates, chance))

    firsts()
    return least(firsts, calls), least(wholes, calls // 20)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--calls", type=int, default=2000)
    options = parser.parse_args()
    chance = random.Random(3)
    even = load(route(options.size, (1,)), environment={})
    uneven = load(route(options.size, (1, 2, 5)), environment={})
    scores = {
        one.id: Score(coding=chance.random(), reasoning=chance.random())
        for one in resolve(even, "many").deployments
    }
    every = "fits | within_budget | local_if_sensitive | cheapest"
    rows = [
        *[(name, name, even, Given(), True) for name in STRATEGIES],
        ("least_busy, three weights", "least_busy", uneven, Given(), True),
        ("capability, each its own score", "capability", even, Given(scores=scores), True),
        ("latency, not measured yet", "latency", even, Given(), False),
        ("task_table, of two kinds", "task_table", even, Given(prefer=kinds), True),
        ("cheapest, behind all filters", every, even, Given(), True),
    ]
    print(f"| among {options.size} | first, µs | all, µs |\n|---|---|---|")
    for label, spec, settings, given, measured in rows:
        candidates = tracks(settings, random.Random(3), measured=measured)
        first, whole = measure(chooser(spec, given), candidates, options.calls)
        print(f"| {label} | {first:.1f} | {whole:.0f} |")


if __name__ == "__main__":
    main()
