"""What a client's headers say of how its call is made."""

import pytest

from modelway.call import Options
from modelway.errors import BadRequestError
from modelway.gateway.options import read


def said(**headers):
    return read(
        [
            (b"x-modelway-" + name.replace("_", "-").encode(), value)
            for name, value in headers.items()
        ]
    )


def controlled(*values, configured=None):
    headers = [(b"cache-control", value) for value in values]
    return read(headers, configured) if configured else read(headers)


@pytest.mark.parametrize(
    ("header", "value", "options"),
    [
        ("cache", b"use", Options(cache="use")),
        ("cache", b" refresh ", Options(cache="refresh")),
        ("cache", b"off", Options(cache="off")),
        ("cache", b"only", Options(cache="only")),
        ("cache_life_s", b"90", Options(cache_life_s=90)),
        ("cache_life_s", b"0", Options(cache_life_s=0)),
        ("cache_max_age_s", b"0.5", Options(cache_max_age_s=0.5)),
        ("max_wait_s", b"3", Options(max_wait_s=3)),
        ("models", b"a, b,, a", Options(models=("a", "b"))),
        ("fallbacks", b"", Options(fallbacks=())),
        ("priority", b"-7", Options(priority=-7)),
        ("strict", b"Yes", Options(strict=True)),
        ("unheard_of", b"x", Options()),
    ],
)
def test_each_header_says_one_option(header, value, options):
    assert said(**{header: value}) == options


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("cache", b"maybe"),
        ("cache", b""),
        ("cache", b"Use"),
        ("cache_life_s", b"-1"),
        ("cache_life_s", b"nan"),
        ("cache_life_s", b"inf"),
        ("cache_life_s", b"1e9"),
        ("cache_max_age_s", b"an hour"),
        ("cache_max_age_s", b"1" * 5000),
        ("timeout_s", b"0"),
        ("priority", b"1.5"),
        ("strict", b"perhaps"),
        ("session", b"a\x00b"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(header, value):
    with pytest.raises(BadRequestError) as refused:
        said(**{header: value})
    assert "x-modelway-" + header.replace("_", "-") in refused.value.message


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (b"no-store", Options(cache="off")),
        (b"max-age=60, No-Store", Options(cache="off")),
        (b"no-cache", Options(cache_max_age_s=0)),
        (b"max-age=60", Options(cache_max_age_s=60)),
        (b'max-age="60"', Options(cache_max_age_s=60)),
        (b"max-age=60, no-cache", Options(cache_max_age_s=0)),
        (b"only-if-cached", Options(cache="only")),
        (b"only-if-cached, max-age=5", Options(cache="only", cache_max_age_s=5)),
        (b"", Options()),
        (b"max-age", Options()),
        (b"max-age=-1", Options()),
        (b"max-age=soon", Options()),
        (b"max-age=\xb2", Options()),
        (b"min-fresh=3, max-stale, no-transform, proxy-revalidate", Options()),
    ],
)
def test_the_usual_header_asks_for_less(value, options):
    assert controlled(value) == options


def test_the_usual_header_never_turns_the_cache_on():
    for value in (b"no-cache", b"max-age=9", b"max-stale", b"public"):
        assert controlled(value).cache is None


def test_the_usual_header_in_parts_is_one():
    assert controlled(b"max-age=9", b"max-age=3", b"only-if-cached") == Options(
        cache="only", cache_max_age_s=3
    )
    assert controlled(b"max-age=9", b"no-store") == Options(cache="off")


def test_our_own_word_is_heard_before_the_usual_one():
    headers = [(b"x-modelway-cache", b"use"), (b"cache-control", b"no-store")]
    assert read(headers) == read(headers[::-1]) == Options(cache="use")


def test_what_is_configured_stays():
    configured = Options(trace=True)
    assert read([], configured) is configured
    assert controlled(b"no-cache", configured=configured) == Options(trace=True, cache_max_age_s=0)
