"""Status classes, waiting times, request ids and scrubbing."""

from __future__ import annotations

import pytest

from modelway import errors
from modelway.dialects.refusals import by_status, request_id, retry_after_s, scrub

NOW = 1_759_845_400.0


def headers(**named):
    return tuple((name.replace("_", "-").encode(), value.encode()) for name, value in named.items())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, errors.ResponseError),
        (302, errors.ResponseError),
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (402, errors.PermissionDeniedError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (408, errors.APITimeoutError),
        (413, errors.PayloadTooLargeError),
        (418, errors.BadRequestError),
        (422, errors.BadRequestError),
        (429, errors.RateLimitError),
        (500, errors.OverloadedError),
        (503, errors.OverloadedError),
        (504, errors.APITimeoutError),
        (529, errors.OverloadedError),
    ],
)
def test_a_status_alone_has_a_class(status, kind):
    assert by_status(status) is kind


@pytest.mark.parametrize(
    ("given", "wait_s"),
    [
        (headers(), None),
        (headers(retry_after="7"), 7.0),
        (headers(retry_after="1.5"), 1.5),
        (headers(retry_after_ms="250", retry_after="9"), 0.25),
        (headers(retry_after_ms="0", retry_after="1"), 1.0),
        (headers(retry_after="0"), 0.0),
        (headers(retry_after="12ms"), 0.012),
        (headers(retry_after="Tue, 07 Oct 2025 13:57:00 GMT"), 20.0),
        (headers(retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), 0.0),
        (headers(retry_after="nan"), None),
        (headers(retry_after="-3"), None),
        (headers(retry_after="soon"), None),
    ],
)
def test_waiting_times(given, wait_s):
    assert retry_after_s(given, lambda: NOW) == wait_s


@pytest.mark.parametrize(
    ("given", "wait_s"),
    [
        (headers(x_ratelimit_reset="7", x_ratelimit_remaining="0"), 7.0),
        (headers(x_ratelimit_reset="1759845420000", x_ratelimit_remaining="0"), 20.0),
        (headers(x_ratelimit_reset="1754667660000", x_ratelimit_remaining="0"), None),
        (headers(x_ratelimit_reset_tokens="6m0.5s"), 360.5),
        (headers(x_ratelimit_reset_requests="23m2.4s", x_ratelimit_remaining_requests="984"), None),
        (headers(retry_after="2", x_ratelimit_reset="7"), 2.0),
    ],
)
def test_exhausted_windows_say_when_they_reset_on_a_429_only(given, wait_s):
    assert retry_after_s(given, lambda: NOW, limited=True) == wait_s
    assert retry_after_s(given, lambda: NOW) == (2.0 if wait_s == 2.0 else None)


def test_the_request_id_is_the_providers_before_the_networks():
    assert request_id(headers(cf_ray="9-FRA", x_request_id="req_1")) == "req_1"
    assert request_id(headers(cf_ray="9-FRA")) == "9-FRA"
    assert request_id(headers(content_type="x")) is None


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: CANARY-secret-0001.",
        "Bearer CANARY0001 is not valid",
        "key sk-proj-CANARY0001abc is not valid",
        "GET /v1?api_key=CANARY0001 failed",
        "x-api-key: CANARY0001",
        '{"authorization": "CANARY0001"}',
        "token=eyJCANARYCANARYCANARY.CANARY.CANARY",
        "gsk_CANARY00012345 or AIzaCANARY000123456",
    ],
)
def test_what_looks_like_a_key_is_not_shown(text):
    assert "CANARY" not in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "This model's maximum context length is 8192 tokens: 9000 were given",
        "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        "The model `meta-llama/Llama-3.3-70B-Instruct-Turbo` does not exist",
    ],
)
def test_what_is_no_key_stays(text):
    assert scrub(text) == text


def test_a_message_is_one_bounded_line():
    assert scrub("a\n\tb") == "a b"
    assert len(scrub("long " * 10_000)) == 500
