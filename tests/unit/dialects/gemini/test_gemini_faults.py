"""Errors of Google's APIs: a provider's refusals, and what a client is told."""

from __future__ import annotations

import json

import pytest

from modelway import errors
from modelway.dialects.gemini import DIALECT


def body(status, *details, code=400, message="m"):
    return json.dumps(
        {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    ).encode()


def info(reason):
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}


REFUSALS = [
    (400, body("INVALID_ARGUMENT"), errors.BadRequestError),
    (400, body("INVALID_ARGUMENT", info("API_KEY_INVALID")), errors.AuthenticationError),
    (400, body("FAILED_PRECONDITION"), errors.PermissionDeniedError),
    (400, body("OUT_OF_RANGE"), errors.BadRequestError),
    (401, body("UNAUTHENTICATED", info("ACCESS_TOKEN_EXPIRED")), errors.AuthenticationError),
    (403, body("PERMISSION_DENIED"), errors.PermissionDeniedError),
    (403, body("PERMISSION_DENIED", info("SERVICE_DISABLED")), errors.PermissionDeniedError),
    (404, body("NOT_FOUND"), errors.NotFoundError),
    (413, body("INVALID_ARGUMENT"), errors.PayloadTooLargeError),
    (429, body("RESOURCE_EXHAUSTED"), errors.RateLimitError),
    (499, body("CANCELLED"), errors.UnavailableError),
    (500, body("INTERNAL"), errors.OverloadedError),
    (501, body("UNIMPLEMENTED"), errors.BadRequestError),
    (503, body("UNAVAILABLE"), errors.OverloadedError),
    (504, body("DEADLINE_EXCEEDED"), errors.APITimeoutError),
    (418, body("SOMETHING_NEW"), errors.BadRequestError),
    (404, b"[" + body("NOT_FOUND") + b"]", errors.NotFoundError),
    (500, b'{"error":"broken"}', errors.OverloadedError),
    (503, b"<html></html>", errors.OverloadedError),
    (429, b"", errors.RateLimitError),
    (400, b'{"error":{"status":7,"message":[],"details":{"a":1}}}', errors.BadRequestError),
]


@pytest.mark.parametrize(("status", "answer", "kind"), REFUSALS)
def test_a_refusal_by_reason_then_word_then_status(status, answer, kind):
    error = DIALECT.error(status, ((b"x-goog-request-id", b"q-1"),), answer)
    assert type(error) is kind
    assert (error.status, error.request_id) == (status, "q-1")
    assert error.message


def test_what_details_say():
    error = DIALECT.error(
        429,
        (),
        body(
            "RESOURCE_EXHAUSTED",
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"},
        ),
    )
    assert (error.code, error.retry_after_s) == ("RESOURCE_EXHAUSTED", 34.07)
    named = DIALECT.error(429, ((b"retry-after", b"2"),), body("RESOURCE_EXHAUSTED"))
    assert named.retry_after_s == 2
    error = DIALECT.error(
        400,
        (),
        body(
            "INVALID_ARGUMENT",
            {"fieldViolations": [{"field": "contents[0].parts", "description": "x"}]},
        ),
    )
    assert error.param == "contents[0].parts"
    keyed = DIALECT.error(400, (), body("INVALID_ARGUMENT", info("API_KEY_INVALID")))
    assert keyed.code == "API_KEY_INVALID"


def test_a_key_in_a_message_is_not_repeated():
    key = "AIza" + "S" * 35
    error = DIALECT.error(400, (), body("INVALID_ARGUMENT", message=f"bad key {key}"))
    assert key not in error.message


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        (errors.UnknownModelError("x"), 404, "NOT_FOUND"),
        (errors.BadRequestError("x", param="contents.0"), 400, "INVALID_ARGUMENT"),
        (errors.RateLimitError("x", retry_after_s=3), 429, "RESOURCE_EXHAUSTED"),
        (errors.UnauthorizedError("x"), 401, "UNAUTHENTICATED"),
        (errors.BudgetExceededError("x"), 402, "RESOURCE_EXHAUSTED"),
        (errors.CircuitOpenError("x"), 503, "UNAVAILABLE"),
        (errors.ResponseError("x"), 502, "INTERNAL"),
        (errors.LLMError("x"), 500, "INTERNAL"),
    ],
)
def test_a_client_is_told_in_google_s_words(error, status, word):
    code, told = DIALECT.refuse(error)
    said = json.loads(told)["error"]
    assert (code, said["code"], said["status"]) == (status, status, word)
    assert said["message"]
    if error.param:
        assert said["message"].startswith("contents.0: ")
    if error.retry_after_s:
        assert DIALECT.error(code, (), told).retry_after_s == 3
