"""Hosted tools that clients offer to a provider that has not got them."""

import pytest

from modelway.policies.offering import offering
from modelway.types import ChatRequest, HostedTool, Message, Text, Tool

OWN = Tool(name="read")
SEARCH = HostedTool(dialect="openai-responses", definition={"type": "web_search"})
AGENTS = HostedTool(dialect="openai-responses", definition={"type": "namespace", "name": "agents"})
THEIRS = HostedTool(dialect="gemini", definition={"googleSearch": {}})


@pytest.mark.parametrize(
    ("offered", "kept", "lost"),
    [
        ((OWN,), (OWN,), None),
        ((OWN, SEARCH), (OWN,), "web_search"),
        ((SEARCH, OWN, AGENTS, THEIRS), (OWN, THEIRS), "web_search, agents"),
        ((OWN, THEIRS), (OWN, THEIRS), None),
        ((SEARCH,), (SEARCH,), None),
        ((SEARCH, AGENTS), (SEARCH, AGENTS), None),
        ((), (), None),
    ],
)
def test_what_is_offered_beside_own_tools_is_left_out(offered, kept, lost):
    said = Message(role="user", parts=(Text(text="hi"),))
    request, warnings = offering(ChatRequest(model="m", messages=(said,), tools=offered), "gemini")
    assert request.tools == kept
    assert [warning.message.partition(":")[0] for warning in warnings] == ([lost] if lost else [])
