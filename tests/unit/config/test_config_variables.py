"""``${VAR}`` and ``${VAR:-default}``."""

import pytest

from modelway.config.variables import expand

ENVIRONMENT = {"A": "one", "B": "two", "EMPTY": "", "NESTED": "${A}"}


@pytest.mark.parametrize(
    ("text", "value", "used", "missing"),
    [
        ("plain", "plain", (), ()),
        ("${A}", "one", ("A",), ()),
        ("x${A}y${B}z", "xoneytwoz", ("A", "B"), ()),
        ("${NO}", "", (), ("NO",)),
        ("${EMPTY}", "", (), ("EMPTY",)),
        ("${NO:-http://h:1/v1}", "http://h:1/v1", (), ()),
        ("${EMPTY:-d}", "d", (), ()),
        ("${NO:-}", "", (), ()),
        ("${A:-d}", "one", ("A",), ()),
        ("$${A}", "${A}", (), ()),
        ("${NESTED}", "${A}", ("NESTED",), ()),
        ("$A and $ and {A}", "$A and $ and {A}", (), ()),
    ],
)
def test_expand(text, value, used, missing):
    assert expand(text, ENVIRONMENT) == (value, used, missing, False)


@pytest.mark.parametrize("text", ["${A", "${1A}", "${A-b}", "${}", "${A:b}", "${A B}"])
def test_a_reference_that_is_none_is_told(text):
    assert expand(text, ENVIRONMENT).malformed
