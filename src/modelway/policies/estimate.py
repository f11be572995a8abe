"""How many tokens a request has, where no tokenizer of its model can be asked: a stated estimate."""

from __future__ import annotations

import msgspec

from modelway.call import Call, Deployment, Reply
from modelway.dialects import requested
from modelway.ports import Handler, Middleware
from modelway.types import ChatRequest, Image, Message, Part, Text, TokenCount

_TOKENS_PER_MESSAGE = 4
"""Role and separators of one message in the common chat templates."""


_TOKENS_PER_IMAGE = 1600
"""What the largest image that is not scaled down costs.

Source: https://docs.anthropic.com/en/docs/build-with-claude/vision, 2026-11-21.
"""


def estimate(request: ChatRequest) -> TokenCount:
    """Bytes ÷ 4 of everything that is said and offered, and a few tokens a message, rounded up."""
    said = sum(_bytes(message) for message in request.messages)
    offered = len(msgspec.json.encode(request.tools)) if request.tools else 0
    tokens = -(-(said + offered) // 4) + _TOKENS_PER_MESSAGE * len(request.messages)
    return TokenCount(input_tokens=tokens, estimated=True)


def _bytes(message: Message) -> int:
    return sum(_weight(part) for part in message.parts)


def _weight(part: Part) -> int:
    """A part's bytes as tokens see them: an image costs by its size on screen, not in the body."""
    match part:
        case Text():
            return len(part.text.encode())
        case Image():
            return 4 * _TOKENS_PER_IMAGE
        case _:
            return len(msgspec.json.encode(part))


def estimating(deployment: Deployment) -> Middleware:
    """Counts tokens by an estimate, for a deployment whose dialect cannot count them."""

    async def estimated(call: Call, inner: Handler) -> Reply:
        request = requested(call)
        if not isinstance(request, ChatRequest):
            return await inner(call)
        return Reply(deployment=deployment, value=estimate(request))

    return estimated
