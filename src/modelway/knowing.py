"""What a client can tell without asking a model: of models and costs, of its providers and itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from modelway import inquiry, question
from modelway.call import Options
from modelway.config.settings import Settings
from modelway.errors import UnknownModelError
from modelway.inquiry import Capabilities, CostEstimate, PlannedDeployment, ProviderHealth
from modelway.observe.stats import Stats
from modelway.opening import Config
from modelway.policies.breaker import BreakerStatus
from modelway.policies.budget.values import BudgetStatus
from modelway.policies.limits import LimitStatus
from modelway.question import Parameters, Prompt
from modelway.session import Session
from modelway.types import ModelListing

if TYPE_CHECKING:
    from modelway.explaining import Explanation


class Knowing:
    """The half of a client that asks no model."""

    _session: Session

    async def list_models(self, provider: str | None = None) -> tuple[ModelListing, ...]:
        """What a provider serves, or all usable ones together, asked now.

        Of all, those that do not answer are left out; if none does, the first one's error is raised.
        """
        return await inquiry.list_models(
            await self._session.engine(), provider, self._session.options
        )

    async def is_model_available(self, model: str) -> bool:
        """Whether this model could answer now: configured, with a key, and listed by its provider."""
        return await inquiry.is_model_available(
            await self._session.engine(), model, self._session.options
        )

    async def capabilities(self, model: str | None = None) -> Capabilities:
        """What is known of a model without asking it."""
        engine = await self._session.engine()
        return inquiry.capabilities(engine, model or self._session.model(engine))

    async def estimate_cost(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        system: str | None = None,
        **parameters: Unpack[Parameters],
    ) -> CostEstimate:
        """The most that this chat would cost, without asking anybody."""
        engine = await self._session.engine()
        request = question.chat_request(prompt, model, system, parameters)
        return inquiry.estimate_cost(engine, self._session.call(engine, request, None))

    async def health_check(self, provider: str | None = None) -> tuple[ProviderHealth, ...]:
        """Ask every configured provider, or one, for its models: all at once, 10 s at most."""
        return await inquiry.health_check(await self._session.engine(), provider)

    async def plan(
        self,
        model: str | None = None,
        *,
        prompt: Prompt = "",
        options: Options | None = None,
        **parameters: Unpack[Parameters],
    ) -> tuple[PlannedDeployment, ...]:
        """Who would be asked, in which order, without asking anybody."""
        engine = await self._session.engine()
        request = question.chat_request(prompt, model, None, parameters)
        return inquiry.planned(engine.plan(self._session.call(engine, request, options)))

    async def settings(self) -> Settings:
        """The configuration in force."""
        return (await self._session.engine()).settings

    async def notices(self) -> tuple[str, ...]:
        """What a person should know of how this client was set up."""
        return await self._session.notices()

    def stats(self) -> Stats:
        """What this client has done since it was last opened."""
        return self._session.stats()

    async def explain(
        self,
        prompt: Prompt = "",
        *,
        model: str | None = None,
        system: str | None = None,
        stream: bool = False,
        options: Options | None = None,
        **parameters: Unpack[Parameters],
    ) -> Explanation:
        """The whole decision about a chat, without asking anybody: who would answer, and why."""
        from modelway.explaining import explain  # noqa: PLC0415  # at its first use

        engine = await self._session.engine()
        request = question.chat_request(prompt, model, system, parameters)
        return await explain(engine, self._session.call(engine, request, options, stream=stream))

    async def rate_limit_status(self) -> tuple[LimitStatus, ...]:
        """How each limit stands that was met so far, those that providers told of included."""
        return (await self._session.engine()).state.limiter.status()

    async def budgets(self) -> tuple[BudgetStatus, ...]:
        """How each budget stands, asked of the store that processes share."""
        budgets = (await self._session.engine()).state.budgets
        return () if budgets is None else await budgets.statuses()

    async def breakers(self) -> tuple[BreakerStatus, ...]:
        """The circuit breaker of each deployment that was asked so far."""
        return (await self._session.engine()).state.breakers.statuses()

    async def reset_breakers(self, deployment: str | None = None) -> None:
        """Ask a deployment again that is left alone after failures, or all of them."""
        await (await self._session.engine()).state.breakers.reset(deployment)

    async def score(self, experiment: str, call: str, score: float) -> None:
        """Say what a call's answer was worth, from 0 to 1. ``call`` is the answer's trace's."""
        engine = await self._session.engine()
        if all(one.name != experiment for one in engine.settings.experiments):
            raise UnknownModelError(f"there is no experiment {experiment!r}")
        engine.state.outcomes.score(experiment, call, score)

    async def reload(self, config: Config = None) -> None:
        """Go on by the configuration as it is now, or by this one: all of it, or an error and nothing."""
        await self._session.reload(config)
