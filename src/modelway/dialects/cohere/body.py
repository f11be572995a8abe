"""What every request's body has in common: extras, a host's quirks, and the operator's own fields."""

from __future__ import annotations

import msgspec

from modelway.call import Target
from modelway.dialects.cohere.wire import NAME
from modelway.dialects.notes import Notes
from modelway.errors import BadRequestError
from modelway.ports import Encoded
from modelway.types import JSON

PROTECTED = frozenset({"model", "messages", "stream", "texts", "images", "inputs", "query"})
"""Body fields that neither a caller's extras nor an operator's additions may set."""


def finished(
    body: JSON, extra: JSON, extra_dialect: str | None, target: Target, notes: Notes
) -> Encoded:
    """The body with the caller's extras, within the host's quirks, and the operator's own fields."""
    for name, value in extra.items():
        if extra_dialect not in (None, NAME):
            notes.warn(name, f"a field of {extra_dialect}: left out")
        elif name in PROTECTED:
            notes.warn(name, "cannot be set as an extra field: left out")
        else:
            body[name] = _both(body.get(name), value)
    for name in target.quirks.drop:
        if name in body and name not in PROTECTED:
            del body[name]
            notes.warn(name, "this host refuses it: left out")
    for name, other in target.quirks.rename.items():
        if name in body:
            body[other] = body.pop(name)
    body |= body_fields(target)
    try:
        return Encoded(msgspec.json.encode(body), notes.taken())
    except UnicodeEncodeError:
        raise BadRequestError("a text of the request holds half a surrogate pair") from None
    except TypeError as error:
        raise BadRequestError(f"the request holds a value that is not JSON: {error}") from None
    except RecursionError:
        raise BadRequestError("the request is nested too deeply") from None


def _both(present: object, extra: object) -> object:
    """Objects go together, at any depth; otherwise the extra wins."""
    if not (isinstance(present, dict) and isinstance(extra, dict)):
        return extra
    return {**present, **{name: _both(present.get(name), extra[name]) for name in extra}}


def body_fields(target: Target) -> JSON:
    """The operator's own fields, without those that decide what is asked of whom."""
    return {name: value for name, value in target.body.items() if name not in PROTECTED}
