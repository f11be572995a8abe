"""How a trace that a provider is told of is told apart from one that a caller has sent."""

from __future__ import annotations


class Told(str):
    """A ``traceparent`` that is meant for the provider.

    A caller's own is a plain text, and goes no further: not even where nobody looks at it.
    """

    __slots__ = ()
