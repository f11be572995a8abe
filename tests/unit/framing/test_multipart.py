"""One field of a multipart form, against the standard library's own writer and reader."""

import email.parser
import email.policy
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import BadRequestError
from modelway.framing.multipart import field, replaced

names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
first = operator.itemgetter(0)
contents = st.binary(max_size=60).filter(lambda data: b"\r\n--edge" not in data)


def form(parts, boundary="edge"):
    out = b""
    for name, content in parts:
        out += (
            b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="x.wav"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n%s\r\n"
            % (boundary.encode(), name.encode(), content)
        )
    return out + b"--" + boundary.encode() + b"--\r\n"


TYPE = "multipart/form-data; boundary=edge"


@given(st.lists(st.tuples(names, contents), max_size=5, unique_by=first), names)
def test_a_field_is_the_one_of_its_name(parts, name):
    wanted = next((content for told, content in parts if told == name), None)
    assert field(TYPE, form(parts), name) == wanted


@given(
    st.lists(st.tuples(names, contents), min_size=1, max_size=5, unique_by=first), st.integers(0, 4)
)
def test_replacing_changes_one_content_and_no_other_byte(parts, chosen):
    name = parts[chosen % len(parts)][0]
    changed = [
        (told, b"gpt-new" if n == chosen % len(parts) else data)
        for n, (told, data) in enumerate(parts)
    ]
    assert replaced(TYPE, form(parts), name, b"gpt-new") == form(changed)
    assert replaced(TYPE, form(parts), "absent!", b"x") == form(parts)


def test_the_standard_library_reads_what_was_replaced():
    body = replaced(TYPE, form([("file", b"\x00\xff"), ("model", b"fast")]), "model", b"whisper-1")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + TYPE.encode() + b"\r\n\r\n" + body
    )
    read = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message.iter_parts()
    }
    assert read == {"file": b"\x00\xff", "model": b"whisper-1"}


@pytest.mark.parametrize("kind", ['multipart/form-data; boundary="edge"', TYPE + "; charset=utf-8"])
def test_boundaries_in_their_forms(kind):
    assert field(kind, form([("model", b"m")]), "model") == b"m"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", form([("model", b"m")])),
        (TYPE, b""),
        (TYPE, b"junk"),
        (TYPE, form([("file", b"x")])[:-12]),
        (TYPE, b"--edge\r\n" * 5000),
        (TYPE, form([("a", b"")] * 1001)),
    ],
)
def test_what_is_no_form_is_refused(kind, body):
    with pytest.raises(BadRequestError):
        field(kind, body, "model")


def test_a_value_cannot_end_its_field():
    with pytest.raises(BadRequestError):
        replaced(TYPE, form([("model", b"m")]), "model", b"x\r\n--edge\r\n")


ONE = b'--edge\r\nContent-Disposition: form-data; name="model"\r\n\r\nears\r\n'


@pytest.mark.parametrize(
    "other",
    [
        b'Content-Disposition: form-data; name="model"',
        b"Content-Disposition: form-data; name=model",
        b"Content-Disposition: form-data; name*=utf-8''model",
        b'Content-Disposition: form-data; name="x"; name="model"',
        b'Content-Disposition: form-data; name="x"; filename="y";name=model',
        b'Content-Disposition: form-data; name="x"\r\nContent-Disposition: form-data; name="model"',
        b'Content-Disposition: form-data; name="x"\nContent-Disposition: form-data; name="model"',
        b'Content-Disposition: form-data;\r\n name="model"',
        b'Content-Disposition: form-data; name="x\\"; name=\\"model"',
        b"Content-Type: text/plain",
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_a_model_is_not_named_in_two_ways(other, before):
    part = b"--edge\r\n" + other + b"\r\n\r\nmouths\r\n"
    body = (part + ONE if before else ONE + part) + b"--edge--\r\n"
    with pytest.raises(BadRequestError):
        field(TYPE, body, "model")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (TYPE + "; boundary=other", ONE + b"--edge--\r\n"),
        (TYPE, ONE + b'--edgeX\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n--edge--'),
        (TYPE, b"--edge\r\nA: b\r\n--edge\r\n\r\n\r\n--edge--"),
        (TYPE, ONE),
        (TYPE, b"x" + ONE + b"--edge--"),
    ],
)
def test_a_form_is_taken_apart_in_one_way(kind, body):
    with pytest.raises(BadRequestError):
        field(kind, body, "model")


def test_a_file_s_name_may_hold_anything():
    head = b'Content-Disposition: form-data; name="file"; filename="a; b name=c.wav"'
    body = b"--edge\r\n" + head + b'\r\nContent-Type: a/b; name="d"\r\n\r\nx\r\n' + ONE
    assert field(TYPE, body + b"--edge--\r\n", "model") == b"ears"
