"""What an operator says about models that run in this process."""

from __future__ import annotations

from msgspec import Struct

BASE_URL = "http://in-process.invalid"
"""Where requests for such models seem to go. A name under ``invalid`` is never a host.

Source: https://www.rfc-editor.org/rfc/rfc6761#section-6.4, 2026-11-21.
"""


class LocalSettings(Struct, frozen=True, kw_only=True):
    """One provider's. ``None``: as the model's file or llama.cpp says."""

    models_dir: str | None = None
    """Where models are named from, and listed; ``~`` is the home."""
    context_tokens: int | None = None
    """The window of each request; ``None``: the model's own, at most 8,192."""
    gpu_layers: int | None = None
    """Layers kept on a GPU; ``None``: as many as fit."""
    threads: int | None = None
    """Threads that compute; ``None``: one per core."""
    slots: int = 2
    """Requests that are answered at the same time; others wait."""
    loaded_models: int = 2
    """Models kept in memory; the one that was not used for longest goes first."""


class LocalModels(Struct, frozen=True, kw_only=True):
    """What one provider may run."""

    settings: LocalSettings = LocalSettings()
    named: frozenset[str] = frozenset()
    """Files that the configuration names, as it names them."""
    any_file: bool = False
    """Whether a caller may name any other file: true for a program's own, never for a gateway's."""
