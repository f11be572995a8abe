"""Errors both ways, and lists of models."""

from __future__ import annotations

import json

import pytest

from modelway import errors
from modelway.dialects.openai_chat import DIALECT
from modelway.types import ModelListing


def error(status, body, *headers):
    return DIALECT.error(
        status, headers, body if isinstance(body, bytes) else json.dumps(body).encode()
    )


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (
            400,
            {"error": {"code": "context_length_exceeded"}},
            errors.ContextLengthError,
            "context_length_exceeded",
        ),
        (
            400,
            {"error": {"code": 400, "type": "exceed_context_size_error", "message": "x"}},
            errors.ContextLengthError,
            "400",
        ),
        (400, {"error": {"code": "content_filter"}}, errors.ContentFilterError, "content_filter"),
        (
            400,
            {"error": {"code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            errors.ContentFilterError,
            "x",
        ),
        (
            403,
            {"error": {"code": 403, "metadata": {"reasons": ["violence"]}}},
            errors.ContentFilterError,
            "403",
        ),
        (
            429,
            {"error": {"code": "insufficient_quota"}},
            errors.PermissionDeniedError,
            "insufficient_quota",
        ),
        (429, {"error": {"code": None, "type": "tokens"}}, errors.RateLimitError, "tokens"),
        (
            413,
            {"error": {"code": "rate_limit_exceeded"}},
            errors.PayloadTooLargeError,
            "rate_limit_exceeded",
        ),
        (
            400,
            {"error": {"code": "model_decommissioned"}},
            errors.NotFoundError,
            "model_decommissioned",
        ),
        (
            404,
            {"error": {"code": "DeploymentNotFound"}},
            errors.NotFoundError,
            "DeploymentNotFound",
        ),
        (
            401,
            {"error": {"code": "invalid_request_error", "type": "authentication_error"}},
            errors.AuthenticationError,
            "invalid_request_error",
        ),
        (
            400,
            {"type": "invalid_model", "code": "1500", "message": "x"},
            errors.NotFoundError,
            "1500",
        ),
        (500, {"error": {"type": "server_error"}}, errors.OverloadedError, "server_error"),
        # the message never decides
        (
            400,
            {"error": {"message": "context_length_exceeded, rate limit"}},
            errors.BadRequestError,
            None,
        ),
        (401, {"detail": "Invalid API Key"}, errors.AuthenticationError, None),
        (422, {"detail": [{"loc": ["body", "n"], "msg": "bad"}]}, errors.BadRequestError, None),
        (400, {"error": "plain words"}, errors.BadRequestError, None),
        (
            400,
            [{"error": {"code": 400, "message": "x", "status": "INVALID_ARGUMENT"}}],
            errors.BadRequestError,
            "400",
        ),
        (502, b"<html><body>Bad Gateway</body></html>", errors.OverloadedError, None),
        (503, b"", errors.OverloadedError, None),
        (403, b'"no"', errors.PermissionDeniedError, None),
        (400, {"detail": [{"loc": 5, "msg": {}}]}, errors.BadRequestError, None),
    ],
)
def test_a_refusal_is_classified_by_code_then_status(status, body, kind, code):
    found = error(status, body)
    assert type(found) is kind
    assert (found.status, found.code) == (status, code)
    assert found.message


def test_the_facts_are_kept_and_keys_are_not():
    found = error(
        429,
        {"error": {"message": "Slow down, sk-CANARY0001234", "param": "messages[3]"}},
        (b"retry-after", b"2"),
        (b"x-request-id", b"req_1"),
    )
    assert (found.retry_after_s, found.request_id, found.param) == (2.0, "req_1", "messages[3]")
    assert "CANARY" not in str(found)
    assert error(422, {"detail": [{"loc": ["body", "n"], "msg": "bad"}]}).param == "n"


def test_an_html_page_is_named_not_shown():
    assert "html" not in error(502, b"<html><p>nginx</p></html>").message.split("HTML")[0].lower()
    assert "nginx" not in error(502, b"<html><p>nginx</p></html>").message


@pytest.mark.parametrize(
    ("given", "status", "kind", "code"),
    [
        (
            errors.BadRequestError("x", code="invalid_value"),
            400,
            "invalid_request_error",
            "invalid_value",
        ),
        (errors.UnknownModelError("x"), 404, "invalid_request_error", "model_not_found"),
        (errors.UnsupportedError("x"), 400, "invalid_request_error", "unsupported"),
        (errors.MissingKeyError("x"), 500, "server_error", "missing_key"),
        (errors.PayloadTooLargeError("x"), 413, "invalid_request_error", "request_too_large"),
        (errors.ContextLengthError("x"), 400, "invalid_request_error", "context_length_exceeded"),
        (errors.AuthenticationError("x"), 401, "invalid_request_error", "upstream_authentication"),
        (errors.PermissionDeniedError("x"), 403, "permission_error", "upstream_permission"),
        (errors.RateLimitError("x"), 429, "rate_limit_error", "rate_limit_exceeded"),
        (errors.OverloadedError("x", status=529), 503, "server_error", "overloaded"),
        (errors.APITimeoutError("x"), 504, "timeout_error", "timeout"),
        (errors.APIConnectionError("x"), 502, "server_error", "upstream_connection"),
        (errors.ResponseError("x"), 502, "server_error", "bad_response"),
        (errors.UnauthorizedError("x"), 401, "invalid_request_error", "invalid_api_key"),
        (errors.ForbiddenError("x"), 403, "permission_error", "forbidden"),
        (errors.BudgetExceededError("x"), 429, "insufficient_quota", "budget_exceeded"),
        (errors.LimitExceededError("x", code="rpm"), 429, "rate_limit_error", "rpm"),
        (errors.LLMError("x"), 500, "server_error", None),
    ],
)
def test_a_client_gets_openais_form(given, status, kind, code):
    given.param = "messages[0]"
    got, body = DIALECT.refuse(given)
    told = json.loads(body)["error"]
    assert (got, told["type"], told["code"], told["param"]) == (status, kind, code, "messages[0]")
    assert told["message"]


@pytest.mark.parametrize(
    "given",
    [
        errors.APIConnectionError("cannot connect to CANARY.internal:8000"),
        errors.APITimeoutError("no byte from 10.0.0.5 (CANARY)"),
        errors.AuthenticationError("key CANARY is wrong"),
        errors.ResponseError("the answer begins with CANARY"),
        errors.RateLimitError("Limit reached for organization org-CANARY1234"),
        errors.OverloadedError("see http://CANARY.internal/status or 10.0.0.5:CANARY"),
        errors.BadRequestError("invalid: sk-CANARY12345678"),
    ],
)
def test_a_client_is_not_told_of_hosts_accounts_and_keys(given):
    assert b"CANARY" not in DIALECT.refuse(given)[1]


# ---------------------------------------------------------------- models

MODELS = DIALECT.upstream["models"]


@pytest.mark.parametrize(
    ("item", "wanted"),
    [
        (
            {"id": "a", "object": "model", "created": 5, "owned_by": "o"},
            ModelListing(id="a", created=5, owner="o"),
        ),
        ({"id": "a", "created": 0, "max_model_len": 10}, ModelListing(id="a", context_tokens=10)),
        (
            {"id": "a", "meta": {"n_ctx_train": 10, "size": 7}},
            ModelListing(id="a", context_tokens=10, size_bytes=7),
        ),
        (
            {"id": "a", "max_context_length": 10, "quantization": "4bit", "publisher": "p"},
            ModelListing(id="a", context_tokens=10, quantization="4bit", owner="p"),
        ),
        (
            {
                "id": "a",
                "name": "A",
                "context_length": 10,
                "top_provider": {"max_completion_tokens": 3},
            },
            ModelListing(id="a", name="A", context_tokens=10, max_output_tokens=3),
        ),
        (
            {"id": "a", "display_name": "A", "organization": "o", "context_length": None},
            ModelListing(id="a", name="A", owner="o"),
        ),
        (
            {"id": "a", "context_window": 10, "max_completion_tokens": 2},
            ModelListing(id="a", context_tokens=10, max_output_tokens=2),
        ),
    ],
)
def test_model_lists_of_many_hosts(item, wanted):
    for body in ({"data": [item]}, {"models": [item]}, [item, {"no": "id"}, 5]):
        assert MODELS.decode(json.dumps(body).encode()) == (wanted,)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"data": 5}', b'"x"'])
def test_a_list_that_is_none(body):
    with pytest.raises(errors.ResponseError):
        MODELS.decode(body)


def test_an_error_instead_of_a_list():
    with pytest.raises(errors.AuthenticationError):
        MODELS.decode(b'{"error": {"code": "invalid_api_key"}}')


def test_a_list_for_a_client_can_be_read_back():
    listings = (
        ModelListing(id="a", owner="o", created=5, context_tokens=9, max_output_tokens=3, name="A"),
        ModelListing(id="b", quantization="q", size_bytes=4, owner="p"),
    )
    face = DIALECT.downstream["models"]
    assert face.decode({}) is None
    assert MODELS.decode(face.encode(listings)) == listings
    assert json.loads(face.encode(()))["object"] == "list"
