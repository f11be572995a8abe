"""What the commands print: errors to standard error, in words that say what to do."""

from __future__ import annotations

import sys

from modelway.errors import LLMError


def complain(error: LLMError) -> None:
    """One error on standard error."""
    print(f"error: {error}", file=sys.stderr)
