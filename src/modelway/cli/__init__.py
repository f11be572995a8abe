"""The command line: ``modelway COMMAND``, each command in a file of its own, loaded when called."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; the process's exit code says how it went."""
    try:
        from modelway.cli.app import run  # noqa: PLC0415 - the extra may not be installed

        code = run(sys.argv[1:])
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "modelway":
            raise
        sys.exit(f"error: the command line needs {missing}: pip install 'modelway[cli]'")
    except KeyboardInterrupt:  # while it was being loaded
        code = 130
    sys.exit(code)
