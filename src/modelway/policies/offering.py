"""Leaves out the hosted tools that a client offers beside its own, where another provider answers."""

from __future__ import annotations

import msgspec

from modelway.types import CallWarning, ChatRequest, HostedTool


def offering(request: ChatRequest, dialect: str) -> tuple[ChatRequest, tuple[CallWarning, ...]]:
    """The request that this dialect can be asked, and what it lost.

    Agents offer their first provider's tools always, with their own beside them. Those without any
    of their own ask for the hosted one, and are left as they are: the dialect refuses them.
    """
    if not request.tools:
        return request, ()
    foreign = [
        tool for tool in request.tools if isinstance(tool, HostedTool) and tool.dialect != dialect
    ]
    if not foreign or len(foreign) == len(request.tools):
        return request, ()
    kept = tuple([tool for tool in request.tools if tool not in foreign])
    names = ", ".join([_name(tool) for tool in foreign])
    warning = CallWarning(
        setting="tools", message=f"{names}: run by another provider alone; not offered"
    )
    return msgspec.structs.replace(request, tools=kept), (warning,)


def _name(tool: HostedTool) -> str:
    said = tool.definition.get("name") or tool.definition.get("type")
    return said if isinstance(said, str) else "a hosted tool"
