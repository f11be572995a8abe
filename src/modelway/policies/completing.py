"""Legacy text completion at hosts that only chat: the prompt becomes a user's message."""

from __future__ import annotations

from msgspec.structs import replace

from modelway.call import Call, Reply
from modelway.dialects import requested
from modelway.ports import Handler


async def completing(call: Call, inner: Handler) -> Reply:
    """The same call as a chat. What a prompt alone can say is kept; its face writes the answer."""
    return await inner(replace(call, operation="chat", request=requested(call), body=None))
