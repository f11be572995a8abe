"""Operations that a dialect lacks, done by us instead, and said to be."""

from __future__ import annotations

from modelway.call import Call, Deployment, Reply
from modelway.dialects import dialect
from modelway.policies.estimate import estimate
from modelway.ports import Handler, Middleware


def estimating(deployment: Deployment) -> Middleware:
    """Counts tokens by an estimate, for a deployment whose dialect cannot count them."""

    async def estimated(call: Call, inner: Handler) -> Reply:
        request = call.request
        if request is None and call.body is not None:
            face = dialect(call.body.dialect).downstream["count_tokens"]
            request = face.decode(call.body.fields)
        if request is None:
            return await inner(call)
        return Reply(deployment=deployment, value=estimate(request))

    return estimated
