"""What callers of every dialect are told, and what of the operator's side they are not."""

import pytest

from modelway.dialects import NAMES, dialect
from modelway.errors import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    OverloadedError,
    RateLimitError,
)

DIALECTS = pytest.mark.parametrize("name", NAMES)
SECRETS = ("org-AbCdEf123456", "proj_AbCdEf123456", "10.1.2.3:8000", "https://inner.example/x")


@DIALECTS
@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("kind", [RateLimitError, OverloadedError])
def test_accounts_and_hosts_of_the_operator_are_masked(name, kind, secret):
    _, body = dialect(name).refuse(kind(f"limit reached for {secret} on tokens per minute"))
    assert secret.encode() not in body
    assert b"limit reached" in body


@DIALECTS
@pytest.mark.parametrize("kind", [AuthenticationError, APIConnectionError])
def test_faults_of_the_operator_s_side_are_told_by_kind_alone(name, kind):
    _, body = dialect(name).refuse(kind("sk-canary-0123456789 at 10.1.2.3"))
    assert b"canary" not in body
    assert b"10.1.2.3" not in body


@DIALECTS
def test_a_caller_s_own_fault_is_told_in_its_words(name):
    _, body = dialect(name).refuse(
        BadRequestError("temperature is out of range", param="temperature")
    )
    assert b"temperature is out of range" in body
