"""How many tokens a request has, where no tokenizer of its model can be asked: a stated estimate."""

from __future__ import annotations

import msgspec

from modelway.call import Call, Deployment, Reply
from modelway.dialects import dialect
from modelway.ports import Handler, Middleware
from modelway.types import ChatRequest, Message, Text, TokenCount

_TOKENS_PER_MESSAGE = 4
"""Role and separators of one message in the common chat templates."""


def estimate(request: ChatRequest) -> TokenCount:
    """Bytes ÷ 4 of everything that is said and offered, and a few tokens a message, rounded up."""
    said = sum(_bytes(message) for message in request.messages)
    offered = len(msgspec.json.encode(request.tools)) if request.tools else 0
    tokens = -(-(said + offered) // 4) + _TOKENS_PER_MESSAGE * len(request.messages)
    return TokenCount(input_tokens=tokens, estimated=True)


def _bytes(message: Message) -> int:
    return sum(
        len(part.text.encode()) if isinstance(part, Text) else len(msgspec.json.encode(part))
        for part in message.parts
    )


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
