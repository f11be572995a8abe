"""What the providers accepted, the simulator accepts: its checks are no stricter than theirs."""

import json
import lzma
from pathlib import Path

import pytest

from modelway.simulator.app import Simulator

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "recorded" / "dev.jsonl.xz"
ROUTES = {
    ("openai", "chat"): "/v1/chat/completions",
    ("azure", "chat"): "/v1/chat/completions",
    ("anthropic", "messages"): "/v1/messages",
    ("anthropic", "count_tokens"): "/v1/messages/count_tokens",
}
EXCEPT = {"22a75f6dad604947"}
"""A vision preview of 2023 took an image part without its image."""


@pytest.mark.skipif(not CORPUS.exists(), reason="../shared/recorded is not here")
def test_accepted_requests_are_accepted():
    simulator = Simulator(keep=1)
    refused = []
    checked = 0
    with lzma.open(CORPUS, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            target = ROUTES.get((record["provider"], record["api"]))
            body = record["request"]["json"]
            sent = target is not None and isinstance(body, dict) and record["id"] not in EXCEPT
            if not sent or record["response"]["status"] != 200:
                continue
            checked += 1
            data = json.dumps({"model": "m", **body}).encode()  # Azure's model is in its path
            response = simulator.handle("POST", target, ((b"anthropic-version", b"v"),), data)
            answer = b"".join(list(response.steps))
            if response.status != 200:
                refused.append((record["id"], answer))
    print(f"{checked} recorded requests")
    assert checked > 300
    assert refused == []
