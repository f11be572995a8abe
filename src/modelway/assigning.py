"""Experiments on the way of a call: its unit's arm instead of the experiment's name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from modelway.call import Assigned, Call, Reply
from modelway.errors import LLMError
from modelway.experiments.recorder import OutcomeLog
from modelway.experiments.split import assign
from modelway.experiments.values import Experiment, Outcome
from modelway.facts import Facts
from modelway.ports import Clock, Handler, Middleware
from modelway.streams import LEFT
from modelway.types import ChatRequest, Usage

_USERS = ("user", "safety_identifier")
_LONGEST_UNIT = 256
"""What is longer is kept, with every outcome, by its hash."""
_text = msgspec.json.Decoder(str).decode


def assigned(experiments: Mapping[str, Experiment], call: Call) -> Assigned:
    """The call for the model of its arm."""
    experiment = experiments.get(call.model)
    if experiment is None or call.options.models:  # what the caller lists is no arm's
        return Assigned(call)
    unit = _unit(experiment, call)
    arm = assign(experiment, unit)
    return Assigned(replace(call, model=arm.model), experiment.name, arm.name, unit)


def experimenting(
    experiments: Mapping[str, Experiment], log: OutcomeLog, facts: Facts, clock: Clock
) -> Middleware:
    """Asks the arm's model, and writes down what became of it."""

    async def experiment(call: Call, inner: Handler) -> Reply:
        found = assigned(experiments, call)
        if not found.experiment:
            return await inner(call)
        began = clock.monotonic()

        def ended(reply: Reply | None, usage: Usage | None, failed: bool) -> None:
            cost = None
            if reply is not None and reply.cached:
                cost = 0
            elif reply is not None and usage is not None:
                cost = facts.cost(reply.deployment, usage)
            log.record(
                Outcome(
                    experiment=found.experiment,
                    arm=found.arm,
                    unit=found.unit,
                    call=call.id,
                    time=clock.time(),
                    latency_s=clock.monotonic() - began,
                    cost_pico_usd=cost,
                    error=failed,
                )
            )

        try:
            reply = await inner(found.call)
        except LLMError:
            ended(None, None, failed=True)
            raise
        stream = reply.chunks or reply.events
        if stream is None:
            ended(reply, reply.usage, failed=False)
        else:
            stream.on_settled.append(
                lambda usage, error: (
                    None
                    if error is not None and error.code == LEFT
                    else ended(reply, usage, failed=error is not None)
                )
            )
        if reply.trace is not None:
            trace = replace(reply.trace, experiment=found.experiment, arm=found.arm)
            reply = replace(reply, trace=trace)
        return reply

    return experiment


def _unit(experiment: Experiment, call: Call) -> str:
    """Who or what keeps an arm: as the caller says, else as the experiment's kind of unit has it."""
    if experiment.unit == "request":
        return call.id
    said = call.options.unit
    if said is None and experiment.unit == "session":
        said = call.options.session
    unit = said or _user(call) or f"{call.tenant}/{call.key}"
    if len(unit) <= _LONGEST_UNIT:
        return unit
    return hashlib.blake2b(unit.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _user(call: Call) -> str | None:
    if call.body is None:
        metadata = call.request.metadata if isinstance(call.request, ChatRequest) else {}
        user = metadata.get("user_id")
        return user if isinstance(user, str) else None
    for name in _USERS:
        if (said := call.body.fields.get(name)) is not None:
            try:
                return _text(said)
            except msgspec.MsgspecError:
                return None
    return None
