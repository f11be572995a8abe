"""The commands by name, and what every one of them has in common: errors and exit codes."""

from __future__ import annotations

import difflib
import errno
import os
import sys
import traceback
from collections.abc import Sequence

import cyclopts

from modelway.cli import output
from modelway.errors import ConfigError, LLMError
from modelway.version import VERSION

OK, FAILED, USAGE, INTERRUPTED, UNREAD = 0, 1, 2, 130, 141
"""Exit codes: all went well; the provider or the network did not; the call or the configuration
was wrong; Ctrl-C; nobody read what was printed."""

_COMMANDS = {
    "ask": "Ask a model one question; the answer streams.",
    "chat": "Talk with a model; the conversation is kept.",
    "serve": "Serve OpenAI- and Anthropic-compatible HTTP.",
    "demo": "See it work, in under a minute.",
    "models": "List the models that can be asked.",
    "providers": "List the providers: what is configured, and what is known.",
    "health": "Ask every provider whether it answers.",
    "cost": "Say what was spent, and what would have been.",
    "report": "Say how providers and models did.",
    "explain": "Say who would answer a question, and why.",
    "experiments": "See what experiments have shown.",
    "config": "Check, show or write a configuration.",
    "record": "Serve, and record what the providers answer.",
    "replay": "Serve from a recording, without keys or network.",
    "simulate": "Serve a simulated provider, for tests and offline work.",
    "bench": "Measure a model, or a gateway.",
}
"""Each is ``modelway.cli.NAME:NAME``, loaded when it is called; what stands here is for the list."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_HELP = """\
One layer over many LLM providers: ask, stream, route and serve them.

For example:
    modelway ask "Why is the sky blue?"
    git diff | modelway ask "Write a commit message for this."
    modelway serve
    modelway ask --help
"""
_EPILOGUE = """\
Exit codes: 0 all went well; 1 a provider or the network failed;
            2 wrong usage or configuration; 130 Ctrl-C.
"""


def build(called: str = "") -> cyclopts.App:
    """The application. The command that is ``called`` speaks for itself."""
    app = cyclopts.App(
        name="modelway",
        help=_HELP,
        help_format="plaintext",
        help_epilogue=_EPILOGUE,
        version=VERSION,
        version_flags=("--version", "-V"),
        result_action="return_value",
    )
    for name, short in _COMMANDS.items():
        path = f"modelway.cli.{name}:{name}"
        app.command(path, name=name, help=None if name == called else short)
    app.register_install_completion_command(help="Install completion for your shell.")
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command; gives its exit code."""
    output.prepare()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        output.abandon(sys.stdout)
        code = UNREAD
    except OSError as error:
        output.abandon(sys.stdout)
        output.complain(f"the output cannot be written: {error.strerror}")
        code = FAILED
    except KeyboardInterrupt:
        code = INTERRUPTED
    return code


def _run(arguments: Sequence[str]) -> int:
    called = next((word for word in arguments if not word.startswith("-")), "")
    app = build(called)
    try:
        result = app(arguments, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        named = [*error.command_chain] if error.command_chain else [called] * (called in _COMMANDS)
        output.complain(_misused(error, " ".join(named)))
        output.note(f"see {' '.join(['modelway', *named, '--help'])}")
        return USAGE
    except ConfigError as error:
        return _said(error, USAGE)
    except LLMError as error:
        return _said(error, FAILED)
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno in _FULL and not error.filename:
            raise  # a file of ours would have its name
        place = f"{error.filename}: " if error.filename else ""
        output.complain(f"{place}{error.strerror or type(error).__name__}")
        return FAILED
    except Exception as error:  # noqa: BLE001 - whatever it is, a person gets one line
        return _unexpected(error)
    return result if isinstance(result, int) else OK


def _misused(error: cyclopts.CycloptsError, named: str) -> str:
    """What is wrong with a call, in our words where the parser's are for programmers."""
    command = f"modelway {named}".rstrip()
    argument = error.argument
    if isinstance(error, cyclopts.UnusedCliTokensError) and error.unused_tokens:
        first = error.unused_tokens[0]
        below = [name for name in error.app or () if not name.startswith("-")]
        near = difflib.get_close_matches(first, below, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{command} can do nothing with {first!r}{hint}"
    if isinstance(error, cyclopts.MissingArgumentError) and argument is not None:
        if error.keyword or argument.tokens:
            return f"{error.keyword or argument.name} needs a value"
        place = argument.field_info.is_positional
        return f"{command} needs {argument.name.lstrip('-').upper() if place else argument.name}"
    return " ".join(str(error).split())


def _said(error: LLMError, code: int) -> int:
    output.complain(error)
    return code


def _unexpected(error: Exception) -> int:
    """A fault of ours. Its words may hold anything, so only its kind and place are told."""
    if os.environ.get("MODELWAY_DEBUG"):
        traceback.print_exception(error)
        return FAILED
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119 - a name for people
    output.complain(
        f"modelway failed ({type(error).__name__} at {place}); please report it, with what "
        "MODELWAY_DEBUG=1 shows"
    )
    return FAILED
