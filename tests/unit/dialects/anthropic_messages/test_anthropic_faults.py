"""Errors of Anthropic's Messages API: a provider's refusals, and what a client is told."""

from __future__ import annotations

import json

import pytest

from modelway import errors
from modelway.dialects.anthropic_messages import DIALECT


def body(kind, message="m", **more):
    return json.dumps(
        {"type": "error", "error": {"type": kind, "message": message}, **more}
    ).encode()


REFUSALS = [
    (400, body("invalid_request_error"), errors.BadRequestError),
    (401, body("authentication_error"), errors.AuthenticationError),
    (402, body("billing_error"), errors.PermissionDeniedError),
    (403, body("permission_error"), errors.PermissionDeniedError),
    (404, body("not_found_error"), errors.NotFoundError),
    (413, body("request_too_large"), errors.PayloadTooLargeError),
    (413, body("invalid_request_error"), errors.PayloadTooLargeError),
    (429, body("rate_limit_error"), errors.RateLimitError),
    (500, body("api_error"), errors.OverloadedError),
    (504, body("timeout_error"), errors.APITimeoutError),
    (529, body("overloaded_error"), errors.OverloadedError),
    (400, body("exceed_context_size_error"), errors.ContextLengthError),
    (400, body("something_new"), errors.BadRequestError),
    (500, body("something_new"), errors.OverloadedError),
    (
        400,
        b'{"error":{"code":400,"message":"long","type":"exceed_context_size_error"}}',
        errors.ContextLengthError,
    ),
    (
        429,
        b'[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]',
        errors.RateLimitError,
    ),
    (401, b'{"error":{"code":"401","message":"Access denied"}}', errors.AuthenticationError),
    (403, b'{"message":"no"}', errors.PermissionDeniedError),
    (400, b'{"error":"oops"}', errors.BadRequestError),
    (502, b"<html><h1>Bad gateway</h1></html>", errors.OverloadedError),
    (503, b"", errors.OverloadedError),
    (418, b'{"type":"error"', errors.BadRequestError),
    (400, b"[]", errors.BadRequestError),
    (400, b"null", errors.BadRequestError),
    (400, b'{"error":{"type":7,"message":{}}}', errors.BadRequestError),
    (400, b'{"error":{"type":"rate_limit_error","message":"\xff"}}', errors.RateLimitError),
    (500, b"\xff\xfe", errors.OverloadedError),
    (302, b"", errors.ResponseError),
]


@pytest.mark.parametrize(("status", "answer", "kind"), REFUSALS)
def test_a_refusal_lands_in_its_class(status, answer, kind):
    error = DIALECT.error(status, (), answer)
    assert type(error) is kind
    assert error.status == status
    assert error.message


def test_a_message_never_decides():
    error = DIALECT.error(400, (), body("invalid_request_error", "prompt is too long: rate limit"))
    assert type(error) is errors.BadRequestError


def test_a_refusal_says_its_code_id_and_waiting_time():
    answer = json.dumps(
        {
            "type": "error",
            "error": {
                "type": "rate_limit_error",
                "message": "slow down",
                "details": {"error_code": "ramp_limit_exceeded"},
            },
            "request_id": "req_body",
        }
    ).encode()
    error = DIALECT.error(429, ((b"retry-after", b"7"),), answer)
    assert (error.code, error.request_id, error.retry_after_s) == (
        "ramp_limit_exceeded",
        "req_body",
        7,
    )
    error = DIALECT.error(429, ((b"request-id", b"req_head"),), answer)
    assert error.request_id == "req_head"


def test_a_refusal_is_bounded_and_keeps_no_key():
    answer = body("authentication_error", "bad key sk-ant-api03-abcdefghijkl " + "x" * 5000)
    message = DIALECT.error(401, (), answer).message
    assert "abcdefghijkl" not in message
    assert len(message) <= 500
    text = DIALECT.error(500, (), b"oops sk-ant-api03-abcdefghijkl " + b"x" * 5000)
    assert "abcdefghijkl" not in text.message
    page = DIALECT.error(502, (), b"<html>sk-ant-api03-abcdefghijkl")
    assert "sk-ant" not in page.message


def test_a_code_that_is_a_text_is_no_code():
    answer = json.dumps({"error": {"code": "x" * 200, "type": "a b", "message": "m"}}).encode()
    assert DIALECT.error(400, (), answer).code is None


TOLD = [
    (errors.BadRequestError("wrong"), 400, "invalid_request_error"),
    (errors.ContextLengthError("long"), 400, "invalid_request_error"),
    (errors.ContentFilterError("no"), 400, "invalid_request_error"),
    (errors.PayloadTooLargeError("big"), 413, "request_too_large"),
    (errors.NotFoundError("none"), 404, "not_found_error"),
    (errors.UnknownModelError("none"), 404, "not_found_error"),
    (errors.UnsupportedError("cannot"), 400, "invalid_request_error"),
    (errors.MissingKeyError("set X"), 500, "api_error"),
    (errors.AuthenticationError("key"), 401, "authentication_error"),
    (errors.PermissionDeniedError("key"), 403, "permission_error"),
    (errors.RateLimitError("slow"), 429, "rate_limit_error"),
    (errors.OverloadedError("busy"), 529, "overloaded_error"),
    (errors.APITimeoutError("late"), 504, "timeout_error"),
    (errors.APIConnectionError("gone"), 502, "api_error"),
    (errors.StreamInterruptedError("cut"), 502, "api_error"),
    (errors.ResponseError("odd"), 502, "api_error"),
    (errors.UnauthorizedError("who"), 401, "authentication_error"),
    (errors.ForbiddenError("no"), 403, "permission_error"),
    (errors.BudgetExceededError("spent"), 402, "billing_error"),
    (errors.LimitExceededError("fast"), 429, "rate_limit_error"),
    (errors.CircuitOpenError("open"), 529, "overloaded_error"),
    (errors.GuardrailError("no"), 400, "invalid_request_error"),
    (errors.LLMError("what"), 500, "api_error"),
]


@pytest.mark.parametrize(("error", "status", "kind"), TOLD, ids=lambda value: type(value).__name__)
def test_a_client_is_told_in_anthropics_form(error, status, kind):
    error.request_id = "req_1"
    told_status, told = DIALECT.refuse(error)
    told = json.loads(told)
    assert told_status == status
    assert told["type"] == "error"
    assert told["error"]["type"] == kind
    assert told["error"]["message"]
    assert told["request_id"] == "req_1"


def test_a_client_is_told_the_path_of_its_fault():
    _, told = DIALECT.refuse(errors.BadRequestError("Expected `str`", param="messages.0.content"))
    assert json.loads(told)["error"]["message"] == "messages.0.content: Expected `str`"


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("thread_not_found", {"error_code": "thread_not_found"}),
        ("invalid_request_error", None),
        (None, None),
    ],
)
def test_a_client_is_told_the_finer_code(code, details):
    _, told = DIALECT.refuse(errors.BadRequestError("no", code=code))
    assert json.loads(told)["error"].get("details") == details


@pytest.mark.parametrize(
    "kind", [errors.AuthenticationError, errors.PermissionDeniedError, errors.APIConnectionError]
)
def test_a_client_is_not_told_what_concerns_the_operator(kind):
    _, told = DIALECT.refuse(kind("organization org-secret at 10.0.0.5 has no credit"))
    assert b"org-secret" not in told
    assert b"10.0.0.5" not in told


def test_half_a_surrogate_pair_in_a_message_does_not_hurt():
    assert DIALECT.refuse(errors.BadRequestError("odd \ud800"))[0] == 400


def test_every_error_of_the_tree_has_an_answer():
    def below(kind):
        return [kind, *[found for child in kind.__subclasses__() for found in below(child)]]

    for kind in below(errors.LLMError):
        status, told = DIALECT.refuse(kind("m"))
        assert 400 <= status < 600
        assert json.loads(told)["type"] == "error"
