"""Which file a name means, and whom it is kept from."""

import pytest

from modelway.errors import NotFoundError
from modelway.local.files import find, listed
from modelway.local.settings import LocalModels, LocalSettings


@pytest.fixture
def place(tmp_path):
    inside = tmp_path / "models"
    (inside / "team").mkdir(parents=True)
    for name in ("models/a.gguf", "models/team/b.gguf", "secret.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    (inside / "link.gguf").symlink_to(tmp_path / "secret.gguf")
    (inside / "kin.gguf").symlink_to(inside / "a.gguf")
    (inside / "loop.gguf").symlink_to(inside / "loop.gguf")
    (inside / "up").symlink_to(tmp_path)
    return tmp_path


def models(place, *, any_file=False, named=()):
    settings = LocalSettings(models_dir=str(place / "models"))
    return LocalModels(settings=settings, any_file=any_file, named=frozenset(named))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a.gguf", "models/a.gguf"),
        ("team/b.gguf", "models/team/b.gguf"),
        ("team/../a.gguf", "models/a.gguf"),
        ("kin.gguf", "models/a.gguf"),
        ("{place}/models/a.gguf", "models/a.gguf"),
    ],
)
@pytest.mark.parametrize("any_file", [False, True])
def test_below_the_directory(place, name, file, any_file):
    assert find(models(place, any_file=any_file), name.format(place=place)) == place / file


OUTSIDE = [
    "../secret.gguf",
    "team/../../secret.gguf",
    "link.gguf",
    "up/secret.gguf",
    "{place}/secret.gguf",
    "~/secret.gguf",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_outside_is_only_for_those_who_may(place, name, monkeypatch):
    monkeypatch.setenv("HOME", str(place))
    name = name.format(place=place)
    with pytest.raises(NotFoundError, match="it must be configured") as refused:
        find(models(place), name)
    with pytest.raises(NotFoundError) as missing:
        find(models(place), "nothing.gguf")
    assert refused.value.message.replace(name, "") == missing.value.message.replace(
        "nothing.gguf", ""
    )
    assert find(models(place, any_file=True), name) == place / "secret.gguf"
    assert find(models(place, named=[name]), name) == place / "secret.gguf"


@pytest.mark.parametrize(
    "name", ["", ".", "team", "loop.gguf", "a\0.gguf", "~nobody-here/a", "x" * 500]
)
@pytest.mark.parametrize("any_file", [False, True])
def test_what_is_no_file(place, name, any_file):
    with pytest.raises(NotFoundError):
        find(models(place, any_file=any_file), name)


def test_without_a_directory_only_what_is_named():
    with pytest.raises(NotFoundError, match="only files that its configuration names"):
        find(LocalModels(), "/etc/passwd")
    assert listed(LocalModels()) == []
