"""``modelway cost estimate``: what a call would cost, before it is made."""

from __future__ import annotations

import asyncio
import datetime as dt
import json as jsons
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from msgspec.structs import replace

from modelway.call import Deployment
from modelway.catalog.pricing import Unpriced, cost
from modelway.cli import output
from modelway.cli.cost_prices import PriceBook
from modelway.cli.cost_table import usd
from modelway.cli.options import Config, Json, MaxTokens
from modelway.config.load import load
from modelway.config.resolve import resolve
from modelway.config.settings import Settings
from modelway.errors import ConfigError, MissingKeyError
from modelway.types import Usage

if TYPE_CHECKING:
    from modelway.inquiry import CostEstimate

_OK, _UNKNOWN = 0, 1
_TOKENS = Parameter(validator=Number(gte=0, lte=10**12))


def estimate(
    model: str,
    *prompt: str,
    input_tokens: Annotated[int | None, _TOKENS] = None,
    output_tokens: Annotated[int | None, _TOKENS] = None,
    max_tokens: MaxTokens = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Say what a call would cost, without making it.

    Of a prompt, the most: what a budget would reserve, with its answer as long
    as it may be. Of numbers of tokens, what they cost now. The exit code is 1
    when no price is known.

    For example:
        modelway cost estimate openai/gpt-4o-mini "Who are you?" --max-tokens 500
        modelway cost estimate fast < prompt.txt
        modelway cost estimate gpt-4o --input-tokens 20000 --output-tokens 800

    Parameters
    ----------
    model
        A configured name, PROVIDER/MODEL, or a model's own name.
    prompt
        What would be asked; else standard input.
    input_tokens
        Instead of a prompt: so many tokens read,
    output_tokens
        and so many made.
    """
    if input_tokens is not None or output_tokens is not None:
        if prompt or max_tokens is not None:
            raise ConfigError("say a prompt, or --input-tokens and --output-tokens, not both")
        found = _of_tokens(model, input_tokens or 0, output_tokens or 0, config)
    else:
        question = " ".join(prompt) or ("" if sys.stdin.isatty() else sys.stdin.read())
        if not question.strip():
            raise ConfigError(
                "there is no prompt: give words, standard input, or --input-tokens and "
                "--output-tokens"
            )
        found = asyncio.run(_of_prompt(model, question, max_tokens, config))
    if json:
        output.show_json(found)
    elif found.cost_pico_usd is not None:
        _show(found)
    if found.cost_pico_usd is None:
        output.complain(f"no price of {found.deployment} is known: {found.reason}")
        if "catalogue: {" not in found.reason:  # it says so itself
            name = jsons.dumps(found.deployment.partition("#")[0])
            output.note(
                f"to add one: catalogue: {{{name}: {{price: {{input: USD, output: USD}}}}}}"
                "  # per million tokens"
            )
        return _UNKNOWN
    return _OK


async def _of_prompt(
    model: str, prompt: str, max_tokens: int | None, config: Path | None
) -> CostEstimate:
    from modelway.client import Client  # noqa: PLC0415  # an engine, where one is asked

    async with Client(config) as client:
        return await client.estimate_cost(prompt, model=model, max_tokens=max_tokens)


def _of_tokens(model: str, read: int, made: int, config: Path | None) -> CostEstimate:
    from modelway.inquiry import CostEstimate  # noqa: PLC0415  # no other command has one

    settings = load(config)
    now = dt.datetime.now(dt.UTC)
    book = PriceBook(settings, now)
    deployment = _deployment(settings, book, model)
    found = cost(Usage(input_tokens=read, output_tokens=made), book.known(deployment), at=now)
    told = CostEstimate(
        model=model, deployment=deployment.id, input_tokens=read, output_tokens=made
    )
    if isinstance(found, Unpriced):
        return replace(told, reason=found.reason)
    return replace(
        told, cost_pico_usd=found.total_pico_usd, parts=found.parts, version=found.version
    )


def _deployment(settings: Settings, book: PriceBook, model: str) -> Deployment:
    """Who would answer first; a price is known without a key, too."""
    provider, slash, name = model.partition("/")
    if slash and name and model not in settings.routes and (found := book.named(provider, name)):
        return found
    try:
        return resolve(settings, model).deployments[0]
    except MissingKeyError as error:
        found = book.named(error.provider, model) if error.provider else None
        if found is None:
            raise
        return found


def _show(found: CostEstimate) -> None:
    made = "" if found.output_tokens is None else f" → {output.count(found.output_tokens)}"
    print(f"{usd(found.cost_pico_usd)}  {output.plain(found.deployment)}")
    parts = [f"{name} {usd(amount)}" for name, amount in found.parts.items()]
    told = [f"{output.count(found.input_tokens)}{made} tokens", *parts]
    if found.version:
        told.append(f"prices: {found.version}")
    output.aside(" · ".join(told))
