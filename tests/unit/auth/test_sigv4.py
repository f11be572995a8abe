"""Signatures of AWS, against botocore's on random requests."""

from __future__ import annotations

import datetime as dt
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from modelway.auth.sigv4 import AwsKeys, signed
from modelway.ports import Origin, WireRequest

MOMENT = dt.datetime(2026, 11, 21, 13, 59, 7, tzinfo=dt.UTC)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
SEGMENTS = st.one_of(
    WORDS.map(lambda word: quote(word, safe="")),
    WORDS.map(lambda word: quote(word, safe="!$&'()*+,;=:@-._~")),
    st.sampled_from(["", ".", "..", "model", "arn%3Aaws%3Abedrock%3A%3Ax%2Fy", "a:b", "~"]),
)
QUERIES = st.lists(
    st.tuples(WORDS, WORDS).map(
        lambda pair: f"{quote(pair[0], safe='-_.~')}={quote(pair[1], safe='-_.~')}"
    ),
    max_size=4,
).map("&".join)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["content-type", "accept", "x-amzn-bedrock-trace", "x-a", "user-agent", "traceparent"]
        ),
        st.lists(VALUES, max_size=3).map("  ".join).map(str.strip),
    ),
    max_size=5,
)
ORIGINS = st.sampled_from(
    [
        Origin("https", "bedrock-runtime.us-east-1.amazonaws.com", 443),
        Origin("https", "vpce-1.example.com", 8443),
        Origin("http", "127.0.0.1", 80),
        Origin("http", "::1", 8080),
    ]
)
KEYS = st.builds(
    AwsKeys,
    access_key_id=st.text("ABCDEFGH234567", min_size=16, max_size=20),
    secret_access_key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    session_token=st.text("abcdef+/=0123", max_size=20),
)


def by_botocore(request: WireRequest, keys: AwsKeys, region: str, monkeypatch) -> str:
    scheme, host, port = request.origin
    place = f"[{host}]" if ":" in host else host
    aws = AWSRequest(
        request.method, f"{scheme}://{place}:{port}{request.target}", data=request.body
    )
    for name, value in request.headers:
        aws.headers[name.decode()] = value.decode()  # adds, as email's headers do
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: MOMENT)
    credentials = Credentials(
        keys.access_key_id, keys.secret_access_key, keys.session_token or None
    )
    SigV4Auth(credentials, "bedrock", region).add_auth(aws)
    return aws.headers["Authorization"]


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    origin=ORIGINS,
    path=st.lists(SEGMENTS, max_size=5).map(lambda segments: "/" + "/".join(segments)),
    query=QUERIES,
    headers=HEADERS,
    body=st.binary(max_size=100),
    keys=KEYS,
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
)
def test_botocore_signs_the_same(method, origin, path, query, headers, body, keys, region):
    target = path + ("?" + query if query else "")
    told = tuple((name.encode(), value.encode()) for name, value in headers)
    request = WireRequest(method, origin, target, told, body)
    with pytest.MonkeyPatch.context() as monkeypatch:
        expected = by_botocore(request, keys, region, monkeypatch)
    answer = signed(request, keys, region=region, service="bedrock", now_s=MOMENT.timestamp())
    found = dict(answer.headers)
    assert found[b"authorization"].decode() == expected
    assert found[b"x-amz-date"] == b"20261121T135907Z"
    assert found.get(b"x-amz-security-token", b"").decode() == keys.session_token
    assert answer._replace(headers=()) == request._replace(headers=())


def test_a_request_that_was_signed_is_signed_anew():
    keys = AwsKeys(access_key_id="AK", secret_access_key="SK", session_token="T")
    request = WireRequest("POST", Origin("https", "h.example", 443), "/", ((b"a", b"b"),))
    once = signed(request, keys, region="r", service="bedrock", now_s=1e9)
    twice = signed(once, keys, region="r", service="bedrock", now_s=1e9)
    assert once == twice


def test_a_query_is_signed_as_its_reader_will_write_it():
    keys = AwsKeys(access_key_id="AK", secret_access_key="SK")
    request = WireRequest("GET", Origin("https", "h.example", 443), "/?b=x:y&a", ())
    written = request._replace(target="/?a=&b=x%3Ay")
    one, other = (
        dict(signed(r, keys, region="r", service="bedrock", now_s=1e9).headers)[b"authorization"]
        for r in (request, written)
    )
    assert one == other


def test_secrets_are_in_no_repr():
    assert "canary" not in repr(
        AwsKeys(access_key_id="AK", secret_access_key="canary1", session_token="canary2")
    )
