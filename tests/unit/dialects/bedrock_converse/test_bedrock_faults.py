"""AWS's refusals, by the exception that they name."""

from __future__ import annotations

import json

import pytest

from modelway import errors
from modelway.dialects import dialect

KEY = "AKIA" + "ABCDEFGHIJKLMNOP"
REFUSED = dialect("bedrock-converse").error


def refusal(code, status=400, *, header=True, message="What happened"):
    said = ((b"x-amzn-errortype", f"{code}:http://internal/".encode()),) if header else ()
    body = {"message": message} if header else {"__type": f"com.amazon#{code}", "message": message}
    return REFUSED(status, (*said, (b"x-amzn-requestid", b"r-1")), json.dumps(body).encode())


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 429, errors.RateLimitError),
        ("ServiceQuotaExceededException", 400, errors.RateLimitError),
        ("ModelNotReadyException", 429, errors.OverloadedError),
        ("ModelTimeoutException", 408, errors.APITimeoutError),
        ("ModelErrorException", 424, errors.OverloadedError),
        ("ModelStreamErrorException", 424, errors.OverloadedError),
        ("InternalServerException", 500, errors.OverloadedError),
        ("ServiceUnavailableException", 503, errors.OverloadedError),
        ("ValidationException", 400, errors.BadRequestError),
        ("AccessDeniedException", 403, errors.PermissionDeniedError),
        ("ResourceNotFoundException", 404, errors.NotFoundError),
        ("UnrecognizedClientException", 403, errors.AuthenticationError),
        ("ExpiredTokenException", 403, errors.AuthenticationError),
        ("InvalidSignatureException", 403, errors.AuthenticationError),
        ("MissingAuthenticationTokenException", 403, errors.AuthenticationError),
        ("SignatureDoesNotMatch", 403, errors.AuthenticationError),
        ("SomethingNewException", 403, errors.PermissionDeniedError),
    ],
)
def test_classes(code, status, error, header):
    told = refusal(code, status, header=header)
    assert type(told) is error
    assert (told.code, told.status, told.request_id) == (code, status, "r-1")
    assert told.message == "What happened"


def test_a_key_in_a_message_is_masked():
    told = refusal("ValidationException", message=f"bad key {KEY}")
    assert KEY not in told.message


def test_a_message_may_have_a_capital():
    told = REFUSED(403, (), b'{"Message":"Authorization header requires a key"}')
    assert "requires a key" in told.message
    assert type(told) is errors.PermissionDeniedError
