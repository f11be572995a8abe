"""``modelway simulate``: a provider that costs nothing and needs no network."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelway.cli import output
from modelway.cli.options import Flag, Port
from modelway.errors import ConfigError
from modelway.simulator.app import Simulator
from modelway.simulator.magic import MAGIC
from modelway.simulator.script import load_script
from modelway.simulator.serve import serve

USUAL_PORT = 4010
"""Where modelway itself looks for a simulator: the catalogue's row ``simulator``."""
_CLIENTS = (
    ("OpenAI", "/v1"),
    ("Anthropic, Gemini, Bedrock, Ollama", ""),
    ("Cohere", "/cohere"),
    ("Replicate", "/replicate"),
)
"""Whose client libraries take which address."""


def simulate(
    *,
    script: Annotated[Path | None, Parameter(name=["--script", "-s"])] = None,
    host: str = "127.0.0.1",
    port: Port = USUAL_PORT,
    quiet: Annotated[Flag, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Serve a simulated provider in every dialect that there is.

    It takes any key, answers that it is a simulator, calls tools that seem
    wanted, and fills JSON schemas. Some model names make it misbehave; they are
    listed when it starts. A script says what to answer.

    For example:
        modelway simulate
        modelway simulate --port 0 --script answers.yaml
        modelway ask -m simulator/sim-slow "Take your time."

    Parameters
    ----------
    script
        Rules of what to answer, in YAML or JSON.
    host
        The address to listen on.
    port
        The port to listen on; 0 takes a free one.
    quiet
        The address only.
    """
    simulator = Simulator(None if script is None else load_script(script), keep=0)
    asyncio.run(_serve(simulator, host, port, quiet=quiet))
    return 0


async def _serve(simulator: Simulator, host: str, port: int, *, quiet: bool) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM"):
        try:
            loop.add_signal_handler(getattr(signal, name), ended.set)
        except NotImplementedError:  # Windows: Ctrl-C still ends it
            break
    try:
        async with serve(simulator, host, port) as url:
            _introduce(url, simulator, quiet=quiet)
            await ended.wait()
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port"
        ) from None


def _introduce(url: str, simulator: Simulator, *, quiet: bool) -> None:
    print(f"modelway simulates on {url}", flush=True)
    if quiet:
        return
    for clients, path in _CLIENTS:
        print(f"  {clients.ljust(34)} {url}{path}")
    print()
    if simulator.script.rules or simulator.script.models:
        print(f"It follows a script of {len(simulator.script.rules)} rules. Ctrl-C ends it.")
        return
    print("Any model name answers. These do something of their own:")
    for name, magic in MAGIC.items():
        print(f"  {name.ljust(17)} {magic.what}")
    print("  sim-STATUS        answers with any error status, as sim-401 or sim-503")
    print("Ctrl-C ends it.", flush=True)
    output.aside("its words mean nothing: it is for tests and work without a network")
