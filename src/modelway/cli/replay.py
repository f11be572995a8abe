"""``modelway replay``: the gateway, answered from a cassette; or what a cassette holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from modelway.cassettes import Choice, as_environment, model_of
from modelway.cli import output
from modelway.cli.options import Config, Flag, Json, Port, Switch
from modelway.cli.serve import run_gateway
from modelway.errors import ConfigError
from modelway.transport.cassette import Cassette, Matching, read_cassette
from modelway.transport.cassette.format import Exchange


def replay(
    cassette: Path,
    *,
    config: Config = None,
    host: str | None = None,
    port: Port | None = None,
    auth: Switch = True,
    matching: Matching = "strict",
    speed: Annotated[float, Parameter(validator=Number(gte=0))] = 1.0,
    list_: Annotated[Flag, Parameter(name=["--list", "-l"])] = False,
    json: Json = False,
) -> int:
    """Serve like modelway serve, with the answers of a cassette.

    Every provider in the cassette can be asked, without its key, and no
    connection is made. A request that was not recorded is refused, and the
    refusal names the nearest recordings and what differs.

    For example:
        modelway replay session.jsonl
        modelway replay session.jsonl --speed 0 --matching lenient
        modelway replay session.jsonl --list --json
        MODELWAY_CASSETTE=session.jsonl modelway ask "Hi"

    Parameters
    ----------
    cassette
        The file to answer from.
    host
        The address to listen on. Anything but loopback needs a key.
    port
        The port to listen on; 0 takes a free one.
    auth
        Whether callers must show a key. --no-auth is for loopback only.
    matching
        Lenient leaves out the host, ids and dates when requests are compared.
    speed
        1 takes the time that it took, 2 half of it, 0 none.
    list_
        Show what the cassette holds instead; --json gives one line for each exchange.
    """
    if list_:
        _show(read_cassette(cassette), json=json)
        return 0
    if json:
        raise ConfigError("--json belongs to --list: a gateway has nothing to print")
    choice = Choice(path=cassette, matching=matching, speed=speed)
    run_gateway(config, host, port, auth=auth, environment={**os.environ, **as_environment(choice)})
    return 0


def _show(cassette: Cassette, *, json: bool) -> None:
    for notice in cassette.notices:
        output.note(notice)
    rows = [_row(line, exchange) for line, exchange in cassette.recordings]
    if json:
        for row in rows:
            output.show_json(row)
        return
    output.table(
        ("LINE", "PROVIDER", "REQUEST", "MODEL", "STATUS", "CHUNKS", "TIME", "END"),
        [
            (
                str(row["line"]),
                row["provider"] or "-",
                f"{row['method']} {row['target']}",
                row["model"] or "-",
                output.count(row["status"]),
                str(row["chunks"]),
                output.duration(row["duration_s"]),
                row["error"] or row["end"],
            )
            for row in rows
        ],
    )


def _row(line: int, exchange: Exchange) -> dict[str, Any]:
    response, failure = exchange.response, exchange.failure
    return {
        "line": line,
        "provider": exchange.provider.name if exchange.provider else None,
        "method": exchange.request.method,
        "origin": exchange.request.origin,
        "target": exchange.request.target,
        "model": model_of(exchange),
        "status": response.status if response else None,
        "chunks": len(response.chunks) if response else 0,
        "duration_s": exchange.end_ms / 1000,
        "end": exchange.end,
        "error": failure.error if failure else None,
        "recorded_at": exchange.recorded_at,
    }
