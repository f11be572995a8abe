"""On whose account a request is: its key says it, and the request itself as far as the key may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from modelway.call import Payer
from modelway.errors import BadRequestError, ForbiddenError
from modelway.gateway.authorise import Identity

_USER = b"x-modelway-user"
_TAGS = b"x-modelway-tags"
_FIELDS = {_USER: "user", _TAGS: "tags"}
_LONGEST = 256
_MOST_TAGS = 16


def payer(headers: Sequence[tuple[bytes, bytes]], identity: Identity) -> Payer:
    """Who pays. ForbiddenError for a request that says what its key may not let it say.

    Nothing in a body is looked at: ``user`` and ``metadata`` are for the provider.
    """
    said: dict[str, Any] = {}
    for name, value in headers:
        field = _FIELDS.get(name)
        if field is None:
            continue
        plain = name.decode()
        if field not in identity.may_say:
            raise ForbiddenError(
                f"the key {identity.key!r} may not say who pays ({plain}): "
                f"set `may_say: [{field}]` for it in gateway.keys",
                param=plain,
            )
        text = value.decode("latin-1").strip()
        if not 0 < len(text) <= _LONGEST or not text.isprintable():
            raise BadRequestError(
                f"the header {plain} must be 1 to {_LONGEST} printable characters", param=plain
            )
        said[field] = text if field == "user" else _tags(text, identity.payer.tags)
    return replace(identity.payer, **said) if said else identity.payer


def _tags(text: str, own: tuple[str, ...]) -> tuple[str, ...]:
    """The key's own, and these."""
    tags = dict.fromkeys([*own, *[tag for part in text.split(",") if (tag := part.strip())]])
    if len(tags) > _MOST_TAGS:
        raise BadRequestError(f"{_MOST_TAGS} tags at most", param=_TAGS.decode())
    return tuple(tags)
