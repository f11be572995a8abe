"""Fits the weights of task analysis on the development half: ``python bench/task_fit.py``.

Multinomial logistic regression over the features that ``modelway.policies.task.features`` sees, held
near what each concept stands for (``HOMES``), so that a word which the few hundred prompts do not have
still means something. ``--folds`` says how well it does on prompts that it was not fitted on;
``--write`` writes the table. The held-out half is never read here.
"""

import argparse
import json
import random
from pathlib import Path

import numpy as np

from modelway.policies.task.features import read
from modelway.policies.task.values import CATEGORIES, DIFFICULTIES

HERE = Path(__file__).parent
PROMPTS = HERE / "task_prompts" / "dev.jsonl"
TABLE = HERE.parent / "src" / "modelway" / "policies" / "task" / "weights.py"

HOMES = {
    "debugging": (
        "run:.4 fix:2 fail:2 error:1.5 trace:1.5 wrong:1.2 stall:1.5 cause:1 not_work:2.5 "
        "went_wrong:1.5 names_error:1.5"
        " 1:told_technical:1 result:.6 changed:.8 technical:.3 stack:2 why:.4 find:.5 1:fix:1.5 "
        "1:why:.5 not:.3"
    ),
    "generation": (
        "build:2 create:.7 write:.6 function:.5 code:.4 service:.8 config:.6 query:.8 page:1 "
        "tongue_code:.7 infra:.3 design:.4 1:build:1.5 1:create:.7 1:write:.3 command:1 "
        "technical:.5 for_me:.3 need:.3 add:.2"
    ),
    "refactoring": (
        "refactor:2.5 tidy:1.5 rename:2 migrate:1.5 convert:1 split:1.2 speed:1.5 keep:1 "
        "improve:.8 into_form:1.5 slow_code:1.5 diff:.3 fence:.3 1:refactor:1.5 1:tidy:1 "
        "1:rename:1 1:migrate:1 1:speed:1 1:convert:.5 1:split:.5 function:.3 code:.3"
    ),
    "testing": ("test:2.5 testing:1.8 unit_test:2.5 1:test:1.5"),
    "documentation": ("doc:3 document:1.8 manual:1.5 list_of:2 1:document:1 1:doc:1"),
    "explanation": (
        "explain:2 mean:1 compare:1.8 concept:1.2 work:.6 what_does:1.2 how_works:1.5 "
        "differs:2.5 what_is:1 1:explain:1.5 1:compare:1.5 1:what:.5 1:why:.7 1:how:.5 why:.8 "
        "how:.3 science:1 tongue_code:.2 infra:.4 tech:.5 asks_technical:.8 1:mean:.5"
    ),
    "security": (
        "check:.3 security:2.5 attack_kind:2 auth:1.2 crypto:1.5 credential:1.3 firewall:1.5 1:security:1.5"
    ),
    "writing": (
        "plain:.4 letter:2 prose:2 tone:1.3 occasion:1.2 draft:1.2 sounds:1.5 write:.6 "
        "1:draft:1 1:write:.3"
    ),
    "translation": (
        "translate:3 tongue:2 say_in:2 say:.6 two_scripts:1.5 plain:.3 1:translate:2 quotes:.3 "
        "1:say:.5"
    ),
    "analysis": (
        "plain:.3 summarise:2 extract:1.2 classify:1.8 calculate:1.5 prove:2 analyse:2 "
        "plan:1.8 data:.8 sum_up:1.5 many_digits:1 percent:.8 digits:.2 material:.2 "
        "1:summarise:1.5 1:calculate:1 1:plan:1 1:analyse:1.5 1:classify:1 1:extract:.7 "
        "1:prove:1 money:.6 medical:.4"
    ),
    "simple": (
        "plain:.5 technical:-1 asks_briefly_plain:1 greet:2 greeting:2 fact:1.5 unit:1.3 "
        "who:.4 many:.4 how_many:1.5 which_year:1.5 who_did:2 yes_no:2 1:who:1 1:many:1 "
        "1:is:.5 over_24:-.7 over_70:-1.2 over_200:-1 fence:-1 symbols:-.5 tongue_code:-.8 "
        "code:-.7 function:-.7 infra:-.7"
    ),
}
"""What a feature stands for, and how much, before any prompt is seen."""
CATEGORY_PULL, DIFFICULTY_PULL = 1.0, 3.0
"""How strongly the weights are held near that."""
DIFFICULTY_HOMES = {
    "simple": "easy:1 over_24:-.3 over_70:-.8 over_200:-.8 over_600:-.5 greet:1 unit:.5 fact:.5",
    "moderate": "over_70:.3 over_200:.3 material:.3 fence:.2",
    "complex": "hard:1.5 over_200:.4 over_600:.5 design:.6 prove:.8 stall:.6 plan:.4 steps:.3",
}


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def matrix(prompts, names):
    """A row of features for each prompt, and a 1."""
    place = {name: number for number, name in enumerate(names)}
    found = np.zeros((len(prompts), len(names) + 1))
    found[:, -1] = 1
    for number, prompt in enumerate(prompts):
        for name, value in read(prompt["prompt"]).seen.items():
            if name in place:
                found[number, place[name]] = value / 10
    return found


def prior(names, classes, homes):
    place = {name: number for number, name in enumerate(names)}
    weights = np.zeros((len(names) + 1, len(classes)))
    for kind, listed in homes.items():
        for item in listed.split():
            name, _, weight = item.rpartition(":")
            if name in place:
                weights[place[name], classes.index(kind)] = float(weight)
    return weights


def fit(found, answers, before, pull, rounds=1500):
    """Weights that minimise -log likelihood + pull/2 · |weights - before|²; the last row is free."""
    weights = before.copy()
    target = np.eye(before.shape[1])[answers]
    step = 1.0 / (0.5 * np.linalg.norm(found, 2) ** 2 + pull)
    momentum = weights.copy()
    for number in range(rounds):
        scores = found @ momentum
        scores -= scores.max(axis=1, keepdims=True)
        chances = np.exp(scores)
        chances /= chances.sum(axis=1, keepdims=True)
        slope = found.T @ (chances - target) + pull * (momentum - before) * free(before)
        after = momentum - step * slope
        momentum = after + number / (number + 3) * (after - weights)
        weights = after
    return weights


def free(before):
    held = np.ones((before.shape[0], 1))
    held[-1] = 0.1
    return held


def names_of(prompts):
    """Every feature that has a home or is seen in two prompts."""
    counts = {}
    for prompt in prompts:
        for name in read(prompt["prompt"]).seen:
            counts[name] = counts.get(name, 0) + 1
    homely = {
        item.rpartition(":")[0]
        for homes in (HOMES, DIFFICULTY_HOMES)
        for listed in homes.values()
        for item in listed.split()
    }
    return sorted(homely | {name for name, count in counts.items() if count > 1})


def both(prompts, names):
    found = matrix(prompts, names)
    return (
        fit(
            found,
            [CATEGORIES.index(prompt["category"]) for prompt in prompts],
            prior(names, CATEGORIES, HOMES),
            CATEGORY_PULL,
        ),
        fit(
            found,
            [DIFFICULTIES.index(prompt["difficulty"]) for prompt in prompts],
            prior(names, DIFFICULTIES, DIFFICULTY_HOMES),
            DIFFICULTY_PULL,
        ),
    )


def folded(prompts, names, folds, show):
    """Accuracy on each fold of what was fitted on the others."""
    order = list(range(len(prompts)))
    random.Random(7).shuffle(order)
    right = [0, 0, 0]
    for fold in range(folds):
        held = order[fold::folds]
        rest = [prompts[number] for number in order if number not in set(held)]
        weights = both(rest, names)
        asked = [prompts[number] for number in held]
        found = matrix(asked, names)
        said = [(found @ weight).argmax(axis=1) for weight in weights]
        for prompt, kind, hard in zip(asked, *said, strict=True):
            right[0] += CATEGORIES[kind] == prompt["category"]
            right[1] += DIFFICULTIES[hard] == prompt["difficulty"]
            right[2] += abs(hard - DIFFICULTIES.index(prompt["difficulty"])) < 2
            if show and CATEGORIES[kind] != prompt["category"]:
                said_so = f"{prompt['category']} → {CATEGORIES[kind]}"
                print(prompt["id"], said_so, "|", prompt["prompt"][:90])
    print("of", len(prompts), "category", right[0], "difficulty", right[1], "within one", right[2])


def table(names, weights):
    """The table as text: a feature, then its weight for each class, in hundredths."""
    heads = (*CATEGORIES, *DIFFICULTIES)
    columns = np.round(100 * np.hstack(weights)).astype(int)
    lines = [" ".join(["feature", *heads])]
    for name, row in zip([*names, "always"], columns, strict=True):
        lines.append(" ".join([name, *(str(number) for number in row)]))
    return "\n".join(lines)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folds", type=int, default=0)
    arguments.add_argument("--show", action="store_true", help="the prompts that a fold gets wrong")
    arguments.add_argument("--write", action="store_true")
    chosen = arguments.parse_args()
    prompts = rows(PROMPTS)
    names = names_of(prompts)
    if chosen.folds:
        folded(prompts, names, chosen.folds, chosen.show)
    if chosen.write:
        text = table(names, both(prompts, names))
        TABLE.write_text(
            '"""What a feature says for a class, in hundredths. Written by ``bench/task_fit.py``."""\n\n'
            "# ruff: noqa: E501 - a table\n\n"
            f'from __future__ import annotations\n\nTABLE = """\\\n{text}\n"""\n',
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
