"""JSON that is still arriving: at every prefix, in any pieces, without ever raising."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.partial_json import MOST_DEPTH, PartialJson

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.text(), VALUES, max_size=4) | st.lists(VALUES, max_size=4)


def read(text, *, at=()):
    reader, begin = PartialJson(), 0
    for end in (*at, len(text)):
        reader.feed(text[begin:end])
        begin = end
    return reader.value


def is_beginning(partial, whole):
    """Whether one value can grow into the other."""
    match partial, whole:
        case dict(), dict():
            names = list(partial)
            return names == list(whole)[: len(names)] and all(
                is_beginning(partial[name], whole[name]) for name in names
            )
        case list(), list():
            return len(partial) <= len(whole) and all(map(is_beginning, partial, whole))
        case str(), str():
            return whole.startswith(partial)
        case _:
            return partial == whole and type(partial) is type(whole)


@given(value=DOCUMENTS, ascii=st.booleans(), indent=st.none() | st.just(1), data=st.data())
def test_every_prefix_is_a_beginning_and_the_end_is_all(value, ascii, indent, data):
    text = json.dumps(value, ensure_ascii=ascii, indent=indent)
    reader = PartialJson()
    seen = []
    for letter in text:
        reader.feed(letter)
        seen.append((reader.value, json.dumps(reader.value)))
    assert reader.value == value
    assert all(partial is None or is_beginning(partial, value) for partial, _ in seen)
    # what was handed out has not changed since
    assert all(json.dumps(partial) == then for partial, then in seen)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    assert read(text, at=cuts) == value


@given(st.text(alphabet='{}[]",:\\u0d8c3-1.eE truefalsnNI', max_size=60))
def test_no_text_raises(text):
    for end in range(len(text)):
        read(text[:end])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("no JSON", None),
        ('Sure:\n```json\n{"a": 1}\n```', {"a": 1}),
        ('{"a": "b', {"a": "b"}),
        ('{"a": "b\\', {"a": "b"}),
        ('{"a": "\\ud83d', {"a": ""}),
        ('{"a": "\\ud83d\\ude00', {"a": "😀"}),
        ('{"a": "\\ud83dx', {"a": "�x"}),
        ('{"a": 12', {}),
        ('{"a": 12,', {"a": 12}),
        ('{"a": tru', {}),
        ('{"a', {}),
        ('{"a":', {}),
        ('{"a": [1, {"b": "c', {"a": [1, {"b": "c"}]}),
        ('{"a": 1,}', {"a": 1}),
        ('{"a": NaN}', {}),
        ('{"a" 1, "b": 2}', {}),
        ('{"a": 1]', {"a": 1}),
        ('{"a": 1} {"b": 2}', {"a": 1}),
    ],
)
def test_a_text_is_read_as_far_as_it_goes(text, value):
    assert read(text) == value


def test_depth_is_bounded():
    value = read("[" * 100_000)
    depth = 0
    while value:
        value, depth = value[0], depth + 1
    assert depth == MOST_DEPTH - 1
