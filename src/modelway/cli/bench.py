"""``modelway bench``: how fast a model answers, measured from here, with a bound on what it costs."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from typing import Annotated, Any

from cyclopts import Parameter

from modelway.call import Options
from modelway.cli import output
from modelway.cli.bench_run import Figures, Load, measure
from modelway.cli.options import Config, Json, Model, Switch
from modelway.client import Client
from modelway.errors import ConfigError
from modelway.inquiry import PlannedDeployment
from modelway.opening import Config as Source
from modelway.transport.outbound import is_public
from modelway.transport.proxies import is_loopback
from modelway.transport.url import parse_base_url

_GATEWAY = "gateway"


def bench(
    *,
    model: Model = None,
    requests: Annotated[int, Parameter(name=["--requests", "-n"])] = 50,
    concurrency: Annotated[int, Parameter(name=["--concurrency", "-j"])] = 4,
    seconds: float = 30.0,
    prompt: str = "Count from one to twenty.",
    max_tokens: int = 64,
    stream: Switch = True,
    url: str | None = None,
    key_variable: str = "MODELWAY_KEY",
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative="", show_default=False)] = False,
    config: Config = None,
    json: Json = False,
) -> int:
    """Measure a model, or a gateway: latency, time to first token, tokens a second.

    It ends after --requests answers or --seconds, whatever comes first; no
    request is retried or falls back. Providers that may charge are asked only
    with --yes.

    For example:
        modelway bench -m ollama/llama3.2
        modelway bench -m openai/gpt-4o-mini -n 20 --yes
        MODELWAY_KEY=mw-… modelway bench --url http://127.0.0.1:4000 -m demo --yes

    Parameters
    ----------
    requests
        The most answers to wait for.
    concurrency
        How many to ask for at once.
    seconds
        After this long no new request is sent, and the open ones are cut.
    prompt
        The question.
    max_tokens
        The most tokens of one answer.
    stream
        --no-stream waits for whole answers, so there is no time to first token.
    url
        A gateway's address, or that of any server that speaks OpenAI's dialect.
    key_variable
        The variable that holds the key for --url.
    yes
        Go ahead although it may cost money.
    """
    if requests < 1 or concurrency < 1 or not seconds > 0 or max_tokens < 1:
        raise ConfigError(
            "--requests, --concurrency, --seconds and --max-tokens must be greater than 0"
        )
    source: Source = config
    if url is not None:
        if not model:
            raise ConfigError("say which model the server at --url is to be asked for: --model")
        source, model = _at(url, key_variable), f"{_GATEWAY}/{model}"
    load = Load(
        model=model,
        prompt=prompt,
        max_tokens=max_tokens,
        requests=requests,
        concurrency=min(concurrency, requests),
        seconds=seconds,
        stream=stream,
    )
    figures, name = asyncio.run(_bench(source, load, yes=yes))
    if json:
        output.show_json(figures.as_json(name, load))
    else:
        _show(figures, name, load)
    if figures.interrupted:
        return 130
    return 0 if figures.answered else 1


async def _bench(source: Source, load: Load, *, yes: bool) -> tuple[Figures, str]:
    options = Options(retries=0, fallbacks=())
    async with Client(source, embedded="if_nothing_else", options=options) as client:
        output.tell(await client.notices(), load.model)
        planned = await client.plan(load.model)
        _check_cost(planned[0], load, yes=yes)
        return await measure(client, load), planned[0].deployment


def _at(url: str, variable: str) -> dict[str, Any]:
    base = url.rstrip("/")
    return {
        "providers": {
            _GATEWAY: {
                "like": "openai-compatible",
                "base_url": base if base.endswith("/v1") else f"{base}/v1",
                **({"api_key": os.environ[variable]} if os.environ.get(variable) else {}),
            }
        }
    }


def _check_cost(planned: PlannedDeployment, load: Load, *, yes: bool) -> None:
    """Refuse to spend somebody's money unasked. Behind a gateway there may be a provider that charges."""
    host = parse_base_url(planned.base_url)[0].host
    if yes or (planned.provider != _GATEWAY and _is_near(host)):
        return
    raise ConfigError(
        f"{planned.deployment} may charge for up to {load.requests:,} answers of up to "
        f"{load.max_tokens:,} tokens: say --yes to go ahead, or lower --requests"
    )


def _is_near(host: str) -> bool:
    """Whether this is a machine of one's own: loopback, or a private address."""
    if is_loopback(host):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


def _show(figures: Figures, name: str, load: Load) -> None:
    how = "streamed" if load.stream else "whole"
    print(
        f"{name}: {figures.answered} answers, {how}, {load.concurrency} at once, "
        f"in {figures.elapsed_s:.2f} s"
    )
    rows = [("latency", figures.latencies_s)]
    if load.stream:
        rows.append(("first token", figures.first_tokens_s))
    output.table(
        ("", "MEDIAN", "P95", "P99", "LONGEST"),
        [
            (
                label,
                *[output.duration(figures.share(times, part)) for part in (0.5, 0.95, 0.99, 1.0)],
            )
            for label, times in rows
        ],
    )
    print(f"{figures.answered / figures.elapsed_s:,.1f} answers/s", end="")
    if figures.output_tokens:
        print(f", {figures.output_tokens / figures.elapsed_s:,.1f} tokens/s in all", end="")
        print(f" ({figures.input_tokens:,} → {figures.output_tokens:,} tokens)", end="")
    print()
    for error, number in figures.errors.most_common():
        output.complain(f"{number} times {error}")
    if figures.cut:
        output.note(f"{figures.cut} open requests were cut when the time was over")
