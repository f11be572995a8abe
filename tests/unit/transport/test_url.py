from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import BadRequestError, ConfigError
from modelway.ports import Origin
from modelway.transport.url import check_label, check_name, parse_base_url, quote_segment


@pytest.mark.parametrize(
    ("url", "origin", "prefix"),
    [
        ("https://api.openai.com/v1", Origin("https", "api.openai.com", 443), "/v1"),
        ("https://api.openai.com/v1/", Origin("https", "api.openai.com", 443), "/v1"),
        ("HTTP://Host", Origin("http", "host", 80), ""),
        ("http://host:8000/", Origin("http", "host", 8000), ""),
        ("http://10.0.0.5:8000/v1", Origin("http", "10.0.0.5", 8000), "/v1"),
        ("http://[::1]:11434", Origin("http", "::1", 11434), ""),
        ("http://[0:0::1]/a%20b/c", Origin("http", "::1", 80), "/a%20b/c"),
        ("http://my_vllm-1/v1", Origin("http", "my_vllm-1", 80), "/v1"),
        ("https://xn--bcher-kva.example/", Origin("https", "xn--bcher-kva.example", 443), ""),
    ],
)
def test_base_urls(url, origin, prefix):
    assert parse_base_url(url) == (origin, prefix)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com/v1",
        "ftp://host/",
        "file:///etc/passwd",
        "gopher://host/",
        "http:/host",
        "http://",
        "http:///path",
        "http://user@host/",
        "http://user:sk-secret@host/",
        "http://@host/",
        "http://host/#fragment",
        "http://host/?api-version=1",
        "http://host:0/",
        "http://host:65536/",
        "http://host:80x/",
        "http://host:/path:x@y",
        "http://ho st/",
        "http://host /",
        " http://host/",
        "http://host/\r\nx: 1",
        "http://host\\@evil/",
        "http://host/..",
        "http://host/a/%2e%2E/b",
        "http://host./",
        "http://-host/",
        "http://host-/",
        "http://a..b/",
        "http://" + "a" * 64 + "/",
        "http://" + ".".join(["a" * 60] * 5) + "/",
        "http://bücher.example/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.0.0.0x1/",
        "http://1.2.3.4.5/",
        "http://256.0.0.1/",
        "http://[::1/",
        "http://[::1%eth0]/",
        "http://[v1.x]/",
        "http://::1/",
        "http://%31%32%37.0.0.1/",
        "http://①②⑦.⓪.⓪.①/",
    ],
)
def test_what_is_not_a_base_url(url):
    with pytest.raises(ConfigError) as caught:
        parse_base_url(url)
    assert "secret" not in str(caught.value)


@given(st.text())
def test_any_text_is_parsed_or_refused(text):
    for url in (text, f"http://{text}", f"https://host{text}"):
        try:
            origin, prefix = parse_base_url(url)
        except ConfigError:
            continue
        assert not set(origin.host) & set("/@#?\\ \r\n%")
        assert prefix == "" or prefix.startswith("/")


@pytest.mark.parametrize("name", ["eastus", "my-resource", "gpt-4.1", "a", "a_b", "0", "x" * 128])
def test_names(name):
    assert check_name(name, "resource") == name


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "a..b", "name#", "name/", "name@", "name?", "a%23", "a\r\nb", "a\n", "a b",
        "-a", "a.", ".a", "a:1", "a\\b", "é", "x" * 129, "a\0",
    ],
)  # fmt: skip
def test_what_is_not_a_name(name):
    with pytest.raises(BadRequestError) as caught:
        check_name(name, "resource")
    assert caught.value.param == "resource"
    with pytest.raises(BadRequestError):
        check_label(name, "region")


def test_a_label_has_no_dots():
    assert check_label("us-east-1", "region") == "us-east-1"
    with pytest.raises(BadRequestError):
        check_label("evil.example", "region")


@pytest.mark.parametrize(
    ("segment", "quoted"),
    [
        ("gpt-4.1", "gpt-4.1"),
        ("meta-llama/Llama-3", "meta-llama%2FLlama-3"),
        ("anthropic.claude-v2:1", "anthropic.claude-v2%3A1"),
        ("a?b#c%d e", "a%3Fb%23c%25d%20e"),
        ("é", "%C3%A9"),
        ("...", "..."),
    ],
)
def test_segments(segment, quoted):
    assert quote_segment(segment) == quoted


@pytest.mark.parametrize("segment", ["", ".", "..", "a\r\nb", "\0", "\ud800"])
def test_what_is_not_a_segment(segment):
    with pytest.raises(BadRequestError):
        quote_segment(segment)
