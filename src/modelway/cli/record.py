"""``modelway record``: the gateway, with its traffic to providers written to a cassette."""

from __future__ import annotations

import os
from pathlib import Path

from modelway.cassettes import Choice, as_environment
from modelway.cli import output
from modelway.cli.options import Config, Flag, Port, Switch
from modelway.cli.serve import run_gateway
from modelway.transport.cassette import CassetteError, read_cassette


def record(
    cassette: Path,
    *,
    config: Config = None,
    host: str | None = None,
    port: Port | None = None,
    auth: Switch = True,
    missing: Flag = False,
) -> int:
    """Serve like modelway serve, and record every exchange with a provider.

    The cassette is a text file, one exchange a line, which is added to. Keys
    are not in it; prompts and answers are. Whatever goes through the gateway is
    recorded; ask, chat and programs record by themselves where the variables
    MODELWAY_CASSETTE=FILE and MODELWAY_CASSETTE_MODE=record are set.

    For example:
        modelway record session.jsonl
        modelway record session.jsonl --port 8080 --missing
        MODELWAY_CASSETTE=one.jsonl MODELWAY_CASSETTE_MODE=record modelway ask "Hi"

    Parameters
    ----------
    cassette
        The file to write to.
    host
        The address to listen on. Anything but loopback needs a key.
    port
        The port to listen on; 0 takes a free one.
    auth
        Whether callers must show a key. --no-auth is for loopback only.
    missing
        Replay what the cassette holds, and record only the rest.
    """
    before = _held(cassette)
    choice = Choice(path=cassette, mode="auto" if missing else "record")
    environment = {**os.environ, **as_environment(choice)}
    try:
        run_gateway(config, host, port, auth=auth, environment=environment)
    finally:
        if cassette.exists():
            output.note(f"{_count(_held(cassette) - before)} recorded to {cassette}")
    return 0


def _held(cassette: Path) -> int:
    """Exchanges in the cassette; CassetteError for a file that is something else."""
    if not cassette.exists() or cassette.stat().st_size == 0:
        return 0
    if cassette.is_dir():
        raise CassetteError(f"{cassette} is a directory; name a file to record to")
    return len(read_cassette(cassette).recordings)


def _count(exchanges: int) -> str:
    return "1 exchange" if exchanges == 1 else f"{exchanges} exchanges"
