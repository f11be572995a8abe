"""A JSON body split at its top level: what passes keeps its bytes, what is ambiguous is refused."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import BadRequestError
from modelway.framing.faults import path_at
from modelway.framing.fields import join, split
from support.strategies import json_objects, json_values

STYLES = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.sampled_from([None, 0, 2, "\t"]),
        "separators": st.sampled_from([None, (",", ":"), (" , ", " : "), ("\n,\r\n", "\t:\n")]),
    }
)


@given(json_objects(), STYLES)
def test_split_keeps_each_value(value, style):
    body = json.dumps(value, **style).encode()
    fields = split(body)
    assert list(fields) == list(value)
    assert {name: json.loads(bytes(raw)) for name, raw in fields.items()} == value
    assert all(bytes(raw) in body for raw in fields.values())


@given(json_objects(), STYLES)
def test_split_and_join_keep_the_values_bytes(value, style):
    fields = split(json.dumps(value, **style).encode())
    again = split(join(fields))
    assert {name: bytes(raw) for name, raw in again.items()} == {
        name: bytes(raw) for name, raw in fields.items()
    }
    assert join(again) == join(fields)


NAMES = st.sampled_from(["a", "b", "model", "é", 'q"', "\\", "", "😀", "a\n"])


@st.composite
def written(draw, of, depth=2):
    """Objects written by hand: any white space, escapes in names, names given twice, also nested."""
    blank = st.sampled_from([b"", b"", b" ", b"\n\t ", b"\r\n"])
    pieces = []
    for name in draw(st.lists(of, max_size=5)):
        escaped = draw(st.sampled_from(["plain", "ascii", "all"]))
        if escaped == "all" and name.isascii():
            text = '"' + "".join([f"\\u{ord(c):04x}" for c in name]) + '"'
        else:
            text = json.dumps(name, ensure_ascii=escaped == "ascii")
        if depth and draw(st.booleans()):
            value = draw(written(of, depth - 1))
        else:
            value = draw(st.sampled_from([b"1", b"12", b'"x"', b"[1, 2]", b"1e400", b"null"]))
        pieces.append(
            draw(blank) + text.encode() + draw(blank) + b":" + draw(blank) + value + draw(blank)
        )
    return draw(blank) + b"{" + (b",".join(pieces) or draw(blank)) + b"}" + draw(blank)


@given(written(NAMES))
def test_a_name_given_twice_at_the_top_is_refused_and_a_nested_one_is_not(body):
    pairs = []

    def note(items):
        pairs[:] = [name for name, _ in items]
        return dict(items)

    json.loads(body, object_pairs_hook=note)
    if len(set(pairs)) == len(pairs):
        assert list(split(body)) == pairs
    else:
        with pytest.raises(BadRequestError, match="given twice") as caught:
            split(body)
        assert pairs.count(caught.value.param) > 1


@pytest.mark.parametrize(
    ("body", "says", "param"),
    [
        (b'{"a":1,"a":1}', "given twice", "a"),
        (b'{"a":1,"\\u0061":2}', "given twice", "a"),
        (b'{ "a":1,\n\n"b":2 , "a" : 1}', "given twice", "a"),
        (b'{"a":12,"a":1}', "given twice", "a"),
        (b'{"a":1,"a":1,"b":2}', "given twice", "a"),
        (b'{"a":1,"a":12}', "given twice", "a"),
        (b'{"t":NaN}', "NaN", "t"),
        (b'{"t":[1,-Infinity]}', "NaN and Infinity", "t[1]"),
        (b'{"m":[{"c":"x{{[,"},{"c":{"d":"\xff"}}]}', "UTF-8", "m[1].c.d"),
        (b'{"a":"\xed\xa0\x80"}', "UTF-8", "a"),
        (b'{"a\xff":1}', "UTF-8", None),
        (b'{"a":1}\xff', "UTF-8", None),
        (b"\xff\xfe{", "UTF-8", None),
        (b'\xef\xbb\xbf{"a":1}', "byte order mark", None),
        (b'{"a":"\\ud800"}', "surrogate", "a"),
        (b'{"a":"\\udc00"}', "surrogate", "a"),
        (b'{"a":"\\ud800\\u0041"}', "surrogate", "a"),
        (b'{"\\ud800":1}', "surrogate", None),
        (b'{"a":1}x', "trailing", None),
        (b'{"a":1}{}', "trailing", None),
        (b'{"a":1}\x00', "trailing", None),
        (b'{"a":1', "ends before its end", "a"),
        (b'{"m":[{"c":"abc', "ends before its end", "m[0].c"),
        (b"", "empty", None),
        (b" \n", "empty", None),
        (b"[]", "must be a JSON object", None),
        (b"null", "must be a JSON object", None),
        (b'"{}"', "must be a JSON object", None),
        (b'{"a":01}', "not valid JSON", "a"),
        (b'{"a":"\n"}', "not valid JSON", "a"),
        (b'{"a":1,}', "trailing comma", None),
        (b'{"a":1/**/}', "not valid JSON", "a"),
        (b"{'a':1}", "not valid JSON", None),
        (b"<html></html>", "not valid JSON", None),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply", None),
        (b'{"a":' + b'{"b":' * 100_000, "nested too deeply", None),
    ],
)
def test_what_is_refused(body, says, param):
    with pytest.raises(BadRequestError, match=says) as caught:
        split(body)
    if param is not None:
        assert caught.value.param == param
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "value",
    [b"1.0", b"1e400", b"-0", b"9" * 5000, b"0.1000000000000000055511151231257827", b"1E+2"],
)
def test_numbers_keep_their_digits(value):
    assert join(split(b'{"n": ' + value + b"}")) == b'{"n":' + value + b"}"


@given(st.binary(max_size=60))
def test_any_bytes_are_split_or_refused(body):
    try:
        fields = split(body)
    except BadRequestError:
        return
    assert isinstance(json.loads(body), dict)
    assert list(json.loads(body)) == list(fields)


@given(json_objects(), st.data())
def test_a_body_cut_short_is_refused(value, data):
    body = json.dumps(value).encode()
    with pytest.raises(BadRequestError):
        split(body[: data.draw(st.integers(0, len(body) - 1))])


@given(json_values())
def test_the_path_of_a_fault_is_the_path_of_the_value(value):
    body = json.dumps({"outer": [0, {"inner": value}]}).encode()
    fault = body[:-3] + b"\x01" + body[-3:]
    with pytest.raises(BadRequestError) as caught:
        split(fault)
    assert caught.value.param == "outer[1].inner"


def test_no_path_is_looked_for_past_the_first_megabyte():
    assert path_at(b'{"a":"' + b"x" * 2_000_000, 2_000_000) is None


def test_a_megabyte_of_white_space_is_cheap():
    body = b'{"a"' + b" " * 1_000_000 + b":1" + b"\n" * 1_000_000 + b"}"
    assert {name: bytes(raw) for name, raw in split(body).items()} == {"a": b"1"}


def test_join_takes_bytes_of_any_kind():
    assert join({"a": b"1", 'é"': msgspec.Raw(b"[2]")}) == '{"a":1,"é\\"":[2]}'.encode()
    assert join({}) == b"{}"
