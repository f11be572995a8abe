"""F1 over recorded answers: each usage has a price, or there is a reason, and no 0 that is not one."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from modelway.catalog.load import provider as shipped_row
from modelway.catalog.priced import price
from modelway.catalog.pricing import Cost, Unpriced
from modelway.catalog.rows import Provider
from modelway.types import ChatResponse
from support import read
from support.checks import Skipped, check_all

UNPRICED = {
    "no row of this host": r"^(minimax|mistralrs|zai)/",
    "the router picks who answers, at their prices": r"^huggingface/[^:]*$",
    "no longer in what the router publishes": r"^huggingface/moonshotai/Kimi-K2-Instruct-0905:groq$",
    "no longer in what OpenRouter publishes": r"^openrouter/mistralai/devstral-small-2507$",
    "Microsoft publishes R1's price, not this snapshot's": r"^azure/DeepSeek-r1-0528$",
    "Microsoft publishes no price of Grok's cached input": r"^azure/grok-4-1-fast-non-reasoning$",
    "a preview without a price": r"^groq/allam-2-7b$",
    "billed as the models that it calls": r"^groq/(compound-beta|groq/compound)$",
    "no price of cached input until Small 4": r"^mistral/mistral-small-latest$",
    "sound is billed by the minute": r"^mistral/voxtral-small-latest$",
    "no public price": r"^cohere/command-a-(plus|reasoning|vision)-",
    "no longer sold, and in no source": r"^bedrock/(anthropic\.claude-v2$|amazon\.titan-tg1)",
    "an experiment without a price": r"^(gemini|vertex)/gemini-2\.0-flash-exp$",
    "recorded without its input tokens": r"^gemini/gemini-2\.5-flash$",
    "only its images have a price": r"^gemini/gemini-2\.5-flash-image$",
    "made by hand: this model takes no sound": r"^openai/gpt-4o-mini$",
}
"""Why usage has no price → provider/model, as asked for."""

FREE = {
    "runs on the user's machine": r"^(ollama|llamacpp|lmstudio|vllm)/",
    "OpenRouter's free variants": r"^openrouter/.*:free$",
    "open models that Google serves for nothing": r"^gemini/gemma-",
}

MISMATCHES = {
    "openrouter/deepseek/deepseek-chat": "another host of it answered, at another price",
    "openrouter/google/gemini-2.5-flash": "cache writes are reported beside the input",
    "openrouter/mistralai/mistral-small-3.1-24b-instruct": "another host answered",
    "openrouter/openai/gpt-5.2": "searches on top of tokens",
    "openrouter/openai/gpt-5.6-sol": "another price then: 5 and 30 USD per million",
    "openrouter/openai/gpt-oss-20b": "another host answered",
    "xai/grok-4-fast-reasoning": "searches on top of tokens",
    "xai/grok-4.3": "searches on top of tokens",
}
"""Where what the provider reports is more than a tenth off the catalogue."""


class Used(NamedTuple):
    exchange: Any
    name: str
    answer: ChatResponse
    cost: Cost | Unpriced


@pytest.fixture(scope="module")
def used(answers, streams) -> dict[str, Used]:
    """Every answer that says what was used, by its id."""
    found = {}
    for one in answers + streams:
        if one.stream:
            answer = read.folded(one.dialect, [one.body])
        else:
            answer = read.decode_whole(one.dialect, one.body)
        if answer.usage.input_tokens is None and answer.usage.output_tokens is None:
            continue
        row = shipped_row(one.provider) or Provider(
            name=one.provider, base_url="", dialects=(one.dialect,)
        )
        asked = (one.request or {}).get("model") or answer.model
        if not asked:
            continue  # neither the answer nor the request's body names the model
        cost = price(answer.usage, row, asked, at=when(one.body), answered_by=answer.model)
        found[one.id] = Used(one, f"{row.name}/{asked}", answer, cost)
    return found


def when(body: bytes) -> dt.datetime:
    """When it was answered, where the answer says so."""
    stamp = re.search(rb'"created(?:_at)?": ?(\d{10})\b', body)
    return dt.datetime.fromtimestamp(int(stamp[1]) if stamp else 1_767_225_600, dt.UTC)


def check(law: str, used: dict[str, Used], held: Callable[[Used], None], **more: int) -> None:
    check_all(law, [one.exchange for one in used.values()], lambda one: held(used[one.id]), **more)


def reason(name: str, reasons: dict[str, str], told: object) -> str:
    found = [why for why, rule in reasons.items() if re.search(rule, name)]
    assert len(found) == 1, f"{name}: {told}"
    return found[0]


def test_every_usage_has_a_price_or_a_reason(used):
    why = Counter()

    def has_one(one: Used) -> None:
        if isinstance(one.cost, Unpriced):
            told = f"{one.cost.reason} {one.answer.usage.raw}"
            why[reason(one.name, UNPRICED, told)] += 1

    check("usage priced", used, has_one, at_least=800)
    assert why.total() < len(used) / 10


def test_no_price_is_0_but_of_what_is_free(used):
    why = Counter()

    def is_known_to_be(one: Used) -> None:
        if not isinstance(one.cost, Cost) or one.cost.total_pico_usd:
            raise Skipped
        why[reason(one.name, FREE, one.answer.usage.raw)] += 1

    check("usage free", used, is_known_to_be)
    assert set(why) == set(FREE), "a reason that nothing needs"


def test_the_parts_of_a_price_add_up_and_none_is_negative(used):
    def adds_up(one: Used) -> None:
        if isinstance(one.cost, Unpriced):
            raise Skipped
        assert sum(one.cost.parts.values()) == one.cost.total_pico_usd
        assert min(one.cost.parts.values(), default=0) >= 0

    check("parts add up", used, adds_up)


def test_what_a_provider_reports_is_what_the_catalogue_says(used):
    apart = set()

    def agrees(one: Used) -> None:
        if not isinstance(one.cost, Cost) or one.cost.expected_pico_usd is None:
            raise Skipped
        if abs(one.cost.mismatch_pico_usd) * 10 > one.cost.total_pico_usd:
            apart.add(one.name)
            both = f"reported {one.cost.total_pico_usd}, expected {one.cost.expected_pico_usd}"
            assert one.name in MISMATCHES, f"{one.name}: {both}"

    check("reported costs", used, agrees, at_least=100)
    assert apart >= set(MISMATCHES)
