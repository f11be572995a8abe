"""Keys: made once, kept as hashes, and asked for everywhere."""

import hmac
import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelway.errors import ConfigError, UnauthorizedError
from modelway.gateway.authorise import (
    OPEN,
    Keys,
    has_keys,
    is_loopback,
    no_keys,
    open_keys,
)
from modelway.installation import state_directory


def test_a_key_is_made_once_and_never_stored(tmp_path):
    keys, made = open_keys(tmp_path)
    assert made is not None
    assert made.startswith("mw-")
    path = tmp_path / "keys.json"
    assert made not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again, none = open_keys(tmp_path)
    assert none is None
    for opened in (keys, again):
        assert opened.identify(made.encode()).key == "local"


def test_what_is_not_the_key_is_refused(tmp_path):
    keys, made = open_keys(tmp_path)
    stored = json.loads((tmp_path / "keys.json").read_text())
    digest = next(iter(stored["keys"]))
    for token in (
        None,
        b"",
        made[:-1].encode(),
        (made + "x").encode(),
        digest.encode(),
        b"' OR 1=1 --",
    ):
        with pytest.raises(UnauthorizedError) as caught:
            keys.identify(token)
        assert made not in str(caught.value)


def test_configured_keys_need_no_local_one(tmp_path):
    keys, made = open_keys(tmp_path, ["configured-key-0123456789"])
    assert made is None
    assert keys.identify(b"configured-key-0123456789").key == "configured-1"


@pytest.mark.parametrize("size", [0, 16, 32, 64])
def test_a_key_is_known_by_its_hmac(size):
    pepper, key = b"p" * size, b"mw-some-key"
    known = {hmac.digest(pepper, key, "sha256"): OPEN}
    assert Keys(pepper, known, required=True).identify(key) is OPEN


def test_a_short_configured_key_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="shorter"):
        open_keys(tmp_path, ["secret"])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pepper": "zz", "keys": {}}', '{"keys": {}}'])
def test_a_damaged_file_is_said(tmp_path, text):
    (tmp_path / "keys.json").write_text(text)
    with pytest.raises(ConfigError, match="damaged"):
        open_keys(tmp_path)


def test_without_keys_only_on_loopback():
    assert not no_keys("127.0.0.1").required
    assert no_keys("::1").identify(None).key == "none"
    for host in ("0.0.0.0", "192.168.1.4", "::", "example.org"):
        with pytest.raises(ConfigError, match="without keys"):
            no_keys(host)
    assert is_loopback("localhost")


def test_the_state_directory_can_be_named(tmp_path):
    assert state_directory({"MODELWAY_STATE": str(tmp_path)}) == tmp_path
    assert state_directory({"XDG_STATE_HOME": "/s"}).name == "modelway"


def test_two_first_starts_at_once_agree(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: open_keys(tmp_path), range(8)))
    (made,) = [key for _, key in opened if key is not None]
    for keys, _ in opened:
        assert keys.identify(made.encode()).key == "local"
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_a_start_with_configured_keys_leaves_none_behind(tmp_path):
    open_keys(tmp_path, ["configured-key-0123456789"])
    assert not has_keys(tmp_path)
    _, made = open_keys(tmp_path)
    assert made is not None
    assert has_keys(tmp_path)
