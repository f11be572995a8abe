"""What an encoder could not say, and the names of documents that it has said."""

from __future__ import annotations

from modelway.dialects import notes


class Notes(notes.Notes):
    """Of one request."""

    __slots__ = ("documents",)

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.documents: set[str] = set()
        """Names of the documents so far, in lower case: a request may hold each once."""
