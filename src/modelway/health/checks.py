"""The cheapest thing that a provider can be asked, to see whether it answers, with this credential.

Nothing that costs: its list of models, else the page of one of them, else how many tokens a word has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from modelway.call import Call, Credential, Deployment, Operation, Options
from modelway.config.settings import ConfiguredProvider
from modelway.engine import Engine, without_model
from modelway.errors import RequestError
from modelway.exchange import offers, speaking
from modelway.messages import user
from modelway.types import ChatRequest

NOT_ASKED = "it has nothing that could be asked for free: only traffic is watched"
NO_KEY_CHECKED = "it answers, but not to this question, so its key was not checked"

_ORDER: tuple[Operation, ...] = ("models", "model", "count_tokens")
_QUESTION = ChatRequest(messages=(user("hi"),))


class Check(NamedTuple):
    """What is asked, and of which deployment."""

    operation: Operation
    deployment: Deployment


def cheapest(
    provider: ConfiguredProvider, credential: Credential, deployments: Sequence[Deployment]
) -> Check | None:
    """The check of a provider with one of its credentials; ``None`` where all that it has may cost."""
    bare = replace(without_model(provider), credential=credential)
    bare = replace(bare, id=f"{bare.id}#{credential.name}")
    one = deployments[0] if deployments else None
    if one is None and provider.default_model:
        one = replace(bare, target=replace(bare.target, model=provider.default_model))
    for operation in _ORDER:
        asked = bare if operation == "models" else one
        if asked is not None and offers(speaking(asked, operation, None), operation):
            return Check(operation, asked)
    return None


async def ask(engine: Engine, check: Check, timeout_s: float) -> str:
    """Ask once, apart from any plan; what the answer leaves open. LLMError where it is none."""
    call = Call(
        id=engine.new_id(),
        operation=check.operation,
        model=check.deployment.id,
        request=_QUESTION if check.operation == "count_tokens" else None,
        options=Options(timeout_s=timeout_s, retries=0, fallbacks=()),
    )
    try:
        await engine.attempt(check.deployment, call)(call)
    except RequestError as error:
        if error.status is None:
            raise
        return NO_KEY_CHECKED
    return ""
