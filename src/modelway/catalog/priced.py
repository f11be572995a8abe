"""What a call to a host cost: the catalogue's look-up and the price book, put together once."""

from __future__ import annotations

import datetime as dt

from modelway.catalog.models_find import find
from modelway.catalog.models_overrides import Overrides
from modelway.catalog.pricing import Cost, Unpriced, cost
from modelway.catalog.rows import Provider
from modelway.types import Usage

_NONE = Overrides()


def price(
    usage: Usage,
    row: Provider,
    model: str,
    base_model: str | None = None,
    *,
    at: dt.datetime,
    answered_by: str = "",
    service: str = "standard",
    overrides: Overrides = _NONE,
) -> Cost | Unpriced:
    """What a call to this host cost, or why that is not known.

    ``model`` is what was asked for on the wire. ``answered_by``, the provider's own word, is looked
    up where nothing is known of the former: behind an alias of the host's, or the operator's.
    """
    info = find(row, model, base_model, overrides)
    if (info is None or not info.tariffs) and answered_by and base_model is None:
        info = find(row, answered_by, None, overrides) or info
    return cost(usage, info, at=at, service=service)
