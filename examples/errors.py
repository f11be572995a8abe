"""Errors are grouped by what to do next; a fallback answers where one may."""

import asyncio

import modelway

CONFIG = {
    "providers": {"simulator": {}},
    "models": {
        "shaky": {"deployments": ["simulator/sim-500"], "fallback": ["steady"]},
        "steady": "simulator/sim-demo",
    },
}


async def main() -> None:
    once = modelway.Options(retries=0)
    async with modelway.Client(CONFIG, options=once) as client:
        answer = await client.chat("Are you there?", model="shaky")
        print(answer.deployment, "answered;", client.stats().fallbacks, "fallback")

        for model in ("simulator/sim-429", "simulator/sim-401", "nobody/knows"):
            try:
                await client.chat("Are you there?", model=model)
            except modelway.UnavailableError as error:
                print("later:", type(error).__name__, error.status, error.retry_after_s)
            except modelway.CredentialError as error:
                print("another key:", type(error).__name__, error.status)
            except modelway.ConfigError as error:
                print("fix it:", type(error).__name__)


asyncio.run(main())
