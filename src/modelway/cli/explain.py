"""``modelway explain``: who would answer a question, and why."""

from __future__ import annotations

import asyncio

import msgspec

from modelway.call import Options
from modelway.cli import output
from modelway.cli.options import Config, Json, MaxTokens, Model, System
from modelway.client import Client
from modelway.explaining import Considered, Explanation
from modelway.question import Parameters

_PICO = 10**12


def explain(
    *prompt: str,
    model: Model = None,
    system: System = None,
    max_tokens: MaxTokens = None,
    strategy: str | None = None,
    session: str | None = None,
    unit: str | None = None,
    strict: bool = False,
    config: Config = None,
    json: Json = False,
) -> int:
    """Say who would answer a question, and why. Nobody is asked.

    It shows the model's deployments and fallbacks in the order in which they would
    be tried, what would be passed over and for which reason, what it would cost at
    the most, and what a request would lose or have changed on its way.

    For example:
        modelway explain -m fast "Why is the sky blue?"
        modelway explain -m fast --strategy cheapest "Fix this bug: ..."
        modelway explain --json "Hello" | jq '.candidates[].deployment'

    Parameters
    ----------
    prompt
        The question.
    strategy
        How to choose, instead of how it is configured.
    session
        Calls of one session stay at one deployment.
    unit
        For whom an experiment would choose an arm.
    strict
        Whether a fallback that would lose something is passed over.
    """
    options = Options(strategy=strategy, session=session, unit=unit, strict=strict)
    parameters = Parameters()
    if max_tokens is not None:
        parameters["max_tokens"] = max_tokens

    async def explained() -> Explanation:
        async with Client(config, options=options) as client:
            words = " ".join(prompt) or "Hello"
            return await client.explain(words, model=model, system=system, **parameters)

    found = asyncio.run(explained())
    if json:
        output.show_json(msgspec.to_builtins(found))
    else:
        _show(found)
    return 0


def _show(found: Explanation) -> None:
    facts = [
        ("model", found.model),
        ("strategy", found.strategy),
        ("asks", found.deployment or "nobody at once"),
        ("experiment", f"{found.experiment}: {found.arm}" if found.experiment else ""),
        ("task", ", ".join([one for one in (found.category, found.difficulty) if one])),
        ("needs", ", ".join(found.needs)),
        ("tokens", f"about {found.input_tokens} in, {found.output_tokens or 'no cap'} out"),
        ("sensitive", "yes" if found.sensitive else ""),
    ]
    for name, value in facts:
        if value:
            print(output.plain(f"{name:<11}{value}"))
    print()
    heads = ("", "DEPLOYMENT", "MODEL", "AT MOST", "WHY")
    output.table(heads, [_cells(one) for one in found.candidates])


def _cells(one: Considered) -> tuple[str, ...]:
    cost = "-" if one.most_pico_usd is None else f"${one.most_pico_usd / _PICO:.6f}"
    notes = [one.reason, one.remark, *[note.message for note in one.lost]]
    if one.wait_s:
        notes.append(f"for {output.duration(one.wait_s)}")
    if one.edits is not None and one.edits.error:
        notes.append(one.edits.error)
    return (one.verdict, one.deployment, one.tier, cost, "; ".join([one for one in notes if one]))
