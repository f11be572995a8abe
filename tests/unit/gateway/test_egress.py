"""What a client is told when the fault is ours."""

import json

import pytest

from modelway.dialects import NAMES, dialect
from modelway.gateway.egress import own_fault


@pytest.mark.parametrize("name", [name for name in NAMES if dialect(name).downstream])
def test_our_own_fault_is_not_called_the_provider_s(name, caplog):
    error = own_fault("mw-7", RuntimeError("inner words"))
    status, body = dialect(name).refuse(error)
    told = json.loads(body)
    said = told.get("error", told)  # Ollama's is a text
    message = said if isinstance(said, str) else said["message"]
    assert status == 500
    assert "mw-7" in message
    assert "provider" not in message
    assert "inner words" not in message
    assert "inner words" in caplog.text
