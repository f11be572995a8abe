"""How well task analysis tells prompts apart, and what it costs.

``python bench/task_analysis.py`` measures on the development half, ``--half heldout`` on the other, which
was written apart from the rules; ``--cost`` the CPU time at 2 KB instead. ``--show`` lists what is wrong.
"""

# ruff: noqa: RUF001 - text of three scripts

import argparse
import datetime as dt
import json
import os
import platform
import time
from collections import Counter
from pathlib import Path

from modelway.policies.task.analyse import analyse_text
from modelway.policies.task.values import CATEGORIES

PROMPTS = Path(__file__).parent / "task_prompts"
LANGUAGES = ("en", "ru", "zh")
SHORT = {category: category[:5] for category in CATEGORIES}


def rows(half):
    text = (PROMPTS / f"{half}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def share(right, total):
    return f"{right}/{total} = {100 * right / total:.1f} %" if total else "none"


def scores(pairs):
    """Category → (recall, precision, F1)."""
    truth, said = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    right = Counter(a for a, b in pairs if a == b)
    found = {}
    for category in CATEGORIES:
        recall = right[category] / truth[category] if truth[category] else 0.0
        precision = right[category] / said[category] if said[category] else 0.0
        both = recall + precision
        found[category] = (recall, precision, 2 * recall * precision / both if both else 0.0)
    return found


def report(half, *, show):
    prompts = rows(half)
    tasks = [analyse_text(prompt["prompt"], input_tokens=0) for prompt in prompts]
    pairs = [(p["category"], t.category) for p, t in zip(prompts, tasks, strict=True)]
    truth = Counter(category for category, _ in pairs)
    print(f"{half}: {len(prompts)} prompts, {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC\n")
    print("category", share(sum(a == b for a, b in pairs), len(pairs)))
    most, count = truth.most_common(1)[0]
    print(f"majority baseline ({most})", share(count, len(pairs)))
    found = scores(pairs)
    print(f"macro F1 {sum(f1 for *_, f1 in found.values()) / len(found):.3f}")
    for language in LANGUAGES:
        of = [pair for p, pair in zip(prompts, pairs, strict=True) if p["language"] == language]
        print(language, share(sum(a == b for a, b in of), len(of)))
    print("\n| category | prompts | recall | precision | F1 |\n|---|---|---|---|---|")
    for category, (recall, precision, f1) in found.items():
        print(f"| {category} | {truth[category]} | {recall:.2f} | {precision:.2f} | {f1:.2f} |")
    confusion(pairs)
    others(prompts, tasks)
    sure(pairs, tasks)
    if show:
        for prompt, task in zip(prompts, tasks, strict=True):
            if prompt["category"] != task.category:
                print(
                    prompt["id"], prompt["category"], "→", task.category, task.confidence, end=" "
                )
                print(prompt["prompt"][:100].replace("\n", "⏎"), task.reasons)


def confusion(pairs):
    cells = Counter(pairs)
    print("\nrows: the label; columns: what was said\n")
    print("| | " + " | ".join(SHORT.values()) + " |\n|---" + "|---" * len(SHORT) + "|")
    for label in CATEGORIES:
        row = [str(cells[label, said] or "") for said in CATEGORIES]
        print(f"| {label} | " + " | ".join(row) + " |")


def others(prompts, tasks):
    """Difficulty and sensitivity."""
    both = list(zip(prompts, tasks, strict=True))
    right = sum(p["difficulty"] == t.difficulty for p, t in both)
    most, count = Counter(p["difficulty"] for p in prompts).most_common(1)[0]
    print("\ndifficulty", share(right, len(both)), f"(always {most}: {share(count, len(both))})")
    cells = Counter((p["difficulty"], t.difficulty) for p, t in both)
    for label in ("simple", "moderate", "complex"):
        print(
            f"  {label}:", {said: cells[label, said] for said in ("simple", "moderate", "complex")}
        )
    right = sum(p["sensitive"] == t.sensitive for p, t in both)
    never = sum(not p["sensitive"] for p in prompts)
    print("sensitive", share(right, len(both)), f"(never: {share(never, len(both))})")
    hits = sum(p["sensitive"] and t.sensitive for p, t in both)
    print("  found", share(hits, len(both) - never), end="; ")
    print("of those said to be, rightly", share(hits, sum(t.sensitive for t in tasks)))


def sure(pairs, tasks):
    """Whether confidence means what it says."""
    print("\nconfidence → rightly")
    for low, high in ((0, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01)):
        of = [a == b for (a, b), t in zip(pairs, tasks, strict=True) if low <= t.confidence < high]
        print(f"  {low} to {min(1, high)}:", share(sum(of), len(of)))


FILLING = {
    "en": "The old mill stands by the river, where the road bends towards the hills. ",
    "ru": "Старая мельница стоит у реки, там, где дорога сворачивает к холмам. ",
    "zh": "老磨坊立在河边，那里的路转向群山。",
}


def cost():
    """CPU µs of one analysis in each language: the least of many rounds.

    A question and prose up to 2 KB; all prompts run together up to 2 and 100 KB, which names more that
    may be sensitive than any text does; and the prompts as they are.
    """
    prompts = rows("dev")
    print(platform.platform(), platform.python_version(), "load", os.getloadavg()[0])
    for language in LANGUAGES:
        own = [p["prompt"] for p in prompts if p["language"] == language]
        joined = "\n".join(own) * 40
        asked = f"{own[0][:80]}\n{FILLING[language] * 40}"
        for name, text, size in (
            ("a question and prose, 2 KB", asked, 2048),
            ("all prompts together, 2 KB", joined, 2048),
            ("all prompts together, 100 KB", joined, 102_400),
        ):
            cut = text.encode()[:size].decode(errors="ignore")
            took = least_us(lambda cut=cut: analyse_text(cut, input_tokens=9))
            print(f"{language} {name}: {took:.0f} µs")
        took = least_us(
            lambda own=own: [analyse_text(one, input_tokens=9) for one in own[::24]], 1, 100
        )
        print(f"{language} prompts as they are, mean of every 24th: {took / len(own[::24]):.0f} µs")


def least_us(work, count=4, rounds=1500):
    """Least µs of one ``work``. By the wall: of the shortest round that is its CPU time, or over it."""
    work()
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(count):
            work()
        found.append((time.perf_counter() - started) / count)
    return min(found) * 1e6


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--half", choices=("dev", "heldout"), default="dev")
    arguments.add_argument("--show", action="store_true")
    arguments.add_argument("--cost", action="store_true")
    chosen = arguments.parse_args()
    if chosen.cost:
        cost()
    else:
        report(chosen.half, show=chosen.show)


if __name__ == "__main__":
    main()
