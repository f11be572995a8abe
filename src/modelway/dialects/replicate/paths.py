"""Where a model is asked: by its name, its version, or a deployment of one's own.

Source: https://replicate.com/docs/topics/predictions/create-a-prediction, 2026-11-21.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from modelway.errors import BadRequestError

_VERSION = re.compile(r"[0-9a-f]{64}")
_STEP = re.compile(r"[\w.\-]+")


def chat_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the body says it
    """A model's newest version, a deployment, or (``owner/name:version``) the version that is named."""
    if version_of(model) is not None:
        return "/predictions"
    if model.startswith("deployments/"):
        return f"/deployments/{_named(model.removeprefix('deployments/'))}/predictions"
    return f"/models/{_named(model)}/predictions"


def version_of(model: str) -> str | None:
    _, found, version = model.rpartition(":")
    return version if found or _VERSION.fullmatch(version) else None


def _named(model: str) -> str:
    owner, found, name = model.partition("/")
    if not (found and _STEP.fullmatch(owner) and _STEP.fullmatch(name)) or {owner, name} & {
        ".",
        "..",
    }:
        raise BadRequestError(
            f"a model on Replicate is owner/name, owner/name:version or deployments/owner/name, "
            f"not {model!r}",
            param="model",
        )
    return f"{quote(owner)}/{quote(name)}"


def model_path(model: str, stream: bool) -> str:  # noqa: ARG001
    return f"/models/{_named(model.partition(':')[0])}"
