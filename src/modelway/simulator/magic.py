"""Model names that make the simulator behave in a way worth seeing, without a script.

Any ``sim-`` and an HTTP error status works too: ``sim-401``, ``sim-404``, ``sim-503`` …
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from modelway.simulator.script import (
    Fault,
    ListedModel,
    Pace,
    Reply,
    Rule,
    ScriptedError,
)

DEMO_MODEL = "sim-demo"
"""What to call the simulator's own model where a name is needed; any other name answers alike."""

_STATUS = re.compile(r"sim-([45]\d\d)")
_RETRY_AFTER_S = {429: 1.0, 503: 1.0, 529: 1.0}
_LONG = "All work and no play makes a simulator a dull model. "


class Magic(NamedTuple):
    what: str
    """What it does, for listings."""
    rule: Rule = Rule()
    all_tools: bool = False
    """Calls every tool that is offered."""
    thinks: bool = False
    listed: ListedModel | None = None


def _says(what: str, reply: Reply) -> Magic:
    return Magic(what, Rule(reply=reply))


def _fails(what: str, fault: Fault) -> Magic:
    return _says(what, Reply(fault=fault))


MAGIC: Mapping[str, Magic] = MappingProxyType(
    {
        DEMO_MODEL: Magic("answers that it is a simulator, and calls tools that seem wanted"),
        "sim-echo": _says("answers the question itself, word for word", Reply(text="{question}")),
        "sim-long": _says("answers at length, in about a thousand tokens", Reply(text=_LONG * 90)),
        "sim-slow": _says(
            "waits a second, then 10 tokens a second",
            Reply(pace=Pace(time_to_first_token_s=1.0, tokens_per_s=10.0)),
        ),
        "sim-tools": Magic("calls every tool that is offered, at once", all_tools=True),
        "sim-think": Magic("shows its thinking first", thinks=True),
        "sim-refuse": _says("refuses", Reply(refusal="I cannot help with that.")),
        "sim-filter": _says(
            "is stopped by a content filter", Reply(text="Once upon", finish="content_filter")
        ),
        "sim-length": _says(
            "runs into its output limit", Reply(text="This answer has no", finish="length")
        ),
        "sim-tiny": Magic(
            "has a window of 64 tokens, so most prompts are too long for it",
            listed=ListedModel(id="sim-tiny", context_tokens=64, max_output_tokens=32),
        ),
        "sim-flaky": Magic(
            "fails every other request with 503",
            Rule(reply=(Reply(error=ScriptedError(status=503)), Reply()), repeat="cycle"),
        ),
        "sim-429": _says(
            "is over its rate limit", Reply(error=ScriptedError(status=429, retry_after_s=1.0))
        ),
        "sim-500": _says("has an internal error", Reply(error=ScriptedError(status=500))),
        "sim-529": _says(
            "is overloaded", Reply(error=ScriptedError(status=529, retry_after_s=1.0))
        ),
        "sim-cut": _fails(
            "loses the connection in mid-stream, after 5 events", Fault(cut_after_chunks=5)
        ),
        "sim-stream-error": _fails(
            "fails inside a 200 stream, after 5 events", Fault(error_after_chunks=5)
        ),
        "sim-stall": _fails("falls silent after 5 events", Fault(stall_after_chunks=5)),
        "sim-hang": _fails("never answers", Fault(hang=True)),
        "sim-drop": _fails("closes the connection instead of answering", Fault(drop=True)),
        "sim-html": _fails("answers a proxy's HTML page with status 200", Fault(html_body=True)),
        "sim-half-json": _fails("answers half of its JSON", Fault(half_json=True)),
        "sim-empty": _fails("answers an empty body with status 200", Fault(empty_body=True)),
    }
)
"""Name → what it does."""

_PLAIN = Magic("")


def magic(model: str) -> Magic:
    """What a model's name asks for; an ordinary name asks for nothing."""
    found = MAGIC.get(model)
    if found is not None:
        return found
    status = _STATUS.fullmatch(model)
    if status is None:
        return _PLAIN
    number = int(status[1])
    error = ScriptedError(status=number, retry_after_s=_RETRY_AFTER_S.get(number))
    return _says(f"answers with status {number}", Reply(error=error))


def listed_models() -> tuple[ListedModel, ...]:
    """The built-in names, as a listing."""
    return tuple([each.listed or ListedModel(id=name) for name, each in MAGIC.items()])
