"""The example programs run, say what they should, and warn of nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SAYS = {
    "ask.py": ["capital of France", "simulator/sim-demo stop "],
    "conversation.py": ["How long should it steep?", "3 messages in tea"],
    "errors.py": [
        "simulator/sim-demo answered; 1 fallback",
        "later: RateLimitError 429 1.0",
        "another key: AuthenticationError 401",
        "fix it: UnknownModelError",
    ],
    "fluent_form.py": ["Good morning", "Good night"],
    "stream.py": ["Tell me a story.", " tokens, stop", "finished: stop"],
    "structured.py": ["Trip ", "1 answer, 0 warnings", "so far: ", "the same: True"],
    "sync_client.py": ["Hello!", "What is 3 + 3?", "6 answers"],
    "tool_loop.py": ["2 steps, ", "-> weather {", "The tool answered: Sunny in Rome"],
    "tools.py": ['weather {"city":', "Sunny in"],
}


def run(name: str, directory: Path) -> str:
    # nothing of the developer's own: no key, no configuration, no local server's address
    environment = {"HOME": str(directory), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), str(directory / "kept")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=directory,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_example_is_checked():
    assert {path.name for path in EXAMPLES.glob("*.py")} == SAYS.keys()


@pytest.mark.parametrize("name", SAYS)
def test_an_example_says_what_it_should(name, tmp_path):
    said = run(name, tmp_path)
    for words in SAYS[name]:
        assert words in said


def test_a_conversation_goes_on_in_the_next_run(tmp_path):
    run("conversation.py", tmp_path)
    assert "5 messages in tea" in run("conversation.py", tmp_path)
