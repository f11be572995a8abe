"""The commands by name, and what every one of them has in common: errors and exit codes."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import cyclopts

from modelway.errors import ConfigError, LLMError
from modelway.version import VERSION

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: all went well; the provider or the network did not; the call was wrong; Ctrl-C."""

_COMMANDS = {
    "serve": "modelway.cli.serve:serve",
}


def build() -> cyclopts.App:
    app = cyclopts.App(
        name="modelway",
        help="One layer over many LLM providers: ask, stream, route and serve them.",
        version=VERSION,
        version_flags=("--version", "-V"),
        result_action="return_value",
    )
    for name, path in _COMMANDS.items():
        app.command(path, name=name)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command; gives its exit code."""
    app = build()
    try:
        result = app(arguments, exit_on_error=False, print_error=True)
    except cyclopts.CycloptsError:
        return USAGE
    except ConfigError as error:
        return _say(error, USAGE)
    except LLMError as error:
        return _say(error, FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    return result if isinstance(result, int) else OK


def _say(error: LLMError, code: int) -> int:
    from modelway.cli.output import complain  # noqa: PLC0415 - rich, only when needed

    complain(error)
    return code
