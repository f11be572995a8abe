"""When two requests are one, strictly and leniently."""

import pytest

from modelway.ports import Origin
from modelway.transport.cassette.asking import asked
from modelway.transport.cassette.matching import differences, key, normal
from modelway.transport.cassette.redaction import Redaction
from support.cassettes import wire

BASE = b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"temperature":1}'


def same(left, right, matching):
    one, other = [normal(asked(each, Redaction().and_of(each)), matching) for each in (left, right)]
    equal = key(one) == key(other)
    assert equal == (not list(differences(one, other)))
    return equal


def multipart(boundary, part=b"abc"):
    head = (b"content-type", b"multipart/form-data; boundary=" + boundary)
    body = b"--%b\r\n\r\n%b\xff\r\n--%b--\r\n" % (boundary, part, boundary)
    return wire(body, headers=(head,))


def said(content):
    return wire(b'{"messages":[{"content":"%b"}]}' % content)


HERE = wire(BASE)
CASES = {
    # what → (one, other, strict, lenient)
    "itself": (HERE, HERE, True, True),
    "order and spaces": (
        HERE,
        wire(b'{ "temperature": 1.0, "messages": [{"content":"Hi","role":"user"}], "model":"m" }'),
        True,
        True,
    ),
    "escapes": (said(b"\\u0048i"), said(b"Hi"), True, True),
    "a number is no truth": (wire(b'{"a":1}'), wire(b'{"a":true}'), False, False),
    "null is not absent": (wire(b'{"a":null}'), wire(b"{}"), False, False),
    "a list has an order": (wire(b"[1,2]"), wire(b"[2,1]"), False, False),
    "large numbers": (wire(b"12345678901234567891"), wire(b"12345678901234567890"), False, False),
    "text": (said(b"Hi"), said(b"Ho"), False, False),
    "method": (wire(b"", method="GET"), wire(b"", method="DELETE"), False, False),
    "target": (HERE, wire(BASE, target="/v1/y"), False, False),
    "query": (HERE, wire(BASE, target="/v1/x?beta=true"), False, False),
    "origin": (HERE, wire(BASE, origin=Origin("http", "127.0.0.1", 8080)), False, True),
    "beta": (HERE, wire(BASE, headers=((b"anthropic-beta", b"a"),)), False, True),
    "a header of one's own": (HERE, wire(BASE, headers=((b"x-trace", b"7"),)), True, True),
    "accept": (HERE, wire(BASE, headers=((b"accept", b"*/*"),)), True, True),
    "user": (wire(b'{"user":"a"}'), wire(b'{"user":"b"}'), False, True),
    "metadata": (wire(b'{"metadata":{"a":1}}'), wire(b"{}"), False, True),
    "date": (said(b"Today is 2026-11-21."), said(b"Today is 2027-01-02."), False, True),
    "time": (said(b"2026-11-21T10:00:00Z"), said(b"2026-11-21 11:30:00.5+01:00"), False, True),
    "uuid": (
        said(b"0b7e7dee-87b6-4d8c-8b1c-000000000001"),
        said(b"1b7e7dee-87b6-4d8c-8b1c-000000000002"),
        False,
        True,
    ),
    "a call's id": (
        wire(b'{"messages":[{"tool_call_id":"call_abcdef01"}]}'),
        wire(b'{"messages":[{"tool_call_id":"x-2"}]}'),
        False,
        True,
    ),
    "an id in a path": (
        wire(b"", target="/v1/responses/resp_abcdef0123"),
        wire(b"", target="/v1/responses/resp_fedcba9876"),
        False,
        True,
    ),
    "a number in prose": (said(b"call 112"), said(b"call 911"), False, False),
    "multipart": (multipart(b"xyz"), multipart(b'"q r"'), False, False),
    "boundary": (multipart(b"xyz"), multipart(b"0123"), True, True),
    "part": (multipart(b"xyz"), multipart(b"xyz", b"abd"), False, False),
    "bytes": (wire(b"\xff\x00"), wire(b"\xff\x01"), False, False),
    "plain text": (wire(b"a=2026-11-21"), wire(b"a=2026-11-22"), False, True),
    "no body": (wire(b""), wire(b"null"), False, False),
}


@pytest.mark.parametrize(("left", "right", "strict", "lenient"), CASES.values(), ids=CASES)
def test_same_or_not(left, right, strict, lenient):
    assert same(left, right, "strict") is strict
    assert same(right, left, "lenient") is lenient


def test_a_key_makes_no_difference():
    one = wire(BASE, headers=((b"authorization", b"Bearer sk-one-0123456789"),))
    assert same(one, wire(BASE, headers=((b"authorization", b"Bearer another"),)), "strict")
    assert same(one, HERE, "strict")


def test_differences_say_where():
    was = normal(asked(HERE, Redaction()), "strict")
    now = asked(wire(b'{"model":"n","messages":[]}', target="/v1/y"), Redaction())
    assert list(differences(was, normal(now, "strict"))) == [
        'target was "/v1/x", is "/v1/y"',
        'body.messages[0] was {"content":"Hi","role":"user"}, is not there',
        'body.model was "m", is "n"',
        "body.temperature was 1, is not there",
    ]
