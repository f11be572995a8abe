"""A store's URL, read."""

from __future__ import annotations

import ssl

import pytest

from modelway.errors import ConfigError
from modelway.store.redis.address import read_address


@pytest.mark.parametrize(
    ("url", "host", "port", "database", "user", "password", "shown"),
    [
        ("redis://h", "h", 6379, 0, "", "", "h:6379"),
        ("valkey://h:7000/3", "h", 7000, 3, "", "", "h:7000"),
        ("REDIS://h/?db=4", "h", 6379, 4, "", "", "h:6379"),
        ("redis://:p%40%2F@h", "h", 6379, 0, "", "p@/", "h:6379"),
        ("redis://u%3a:p:q@[::1]:7/", "::1", 7, 0, "u:", "p:q", "[::1]:7"),
    ],
)
def test_parts(url, host, port, database, user, password, shown):
    address = read_address(url)
    assert address == (host, port, database, user, password, None)
    assert address.shown == shown
    assert repr(address) == f"Address({shown})"


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
def test_tls_is_always_verified(scheme):
    tls = read_address(f"{scheme}://h").tls
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert tls.check_hostname


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@",
        "redis:///hunter2",
        "redis://h/hunter2",
        "redis://h:hunter2",
        "redis://u:hunter2@h:70000",
        "redis://u:hunter2@[h",
        "redis://h?hunter2",
        "http://u:hunter2@h",
        "redis://u:hunter2@h?ssl_ca_certs=x",
        "rediss://u:hunter2@h?ssl_cert_reqs=none",
        "rediss://u:hunter2@h?ssl_ca_certs=/nowhere",
        "rediss://u:hunter2@h?ssl_certfile=/nowhere",
    ],
)
def test_urls_that_are_none(url):
    with pytest.raises(ConfigError) as raised:
        read_address(url)
    assert "hunter2" not in f"{raised.value!r}"
    assert raised.value.__cause__ is None
