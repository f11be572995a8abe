"""The tool loop: Python functions that a model asks for are run, and their results go back to it."""

from modelway.tools.loop import RunStream, planned, run
from modelway.tools.values import (
    Approve,
    Loop,
    RunEvent,
    RunParameters,
    StepEnded,
    StepStarted,
    ToolEnded,
    ToolRun,
    ToolStarted,
)

__all__ = [
    "Approve",
    "Loop",
    "RunEvent",
    "RunParameters",
    "RunStream",
    "StepEnded",
    "StepStarted",
    "ToolEnded",
    "ToolRun",
    "ToolStarted",
    "planned",
    "run",
]
