"""The pytest fixture ``modelway_cassette``: a cassette for each test, recorded once and replayed.

pytest finds it by its entry point. What it needs of modelway is imported when a test asks for it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

MARK = "modelway_cassette"
_ODD = re.compile(r"[^A-Za-z0-9_.=,+\[\]-]+")
_NAME_CHARACTERS = 100
_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("modelway").addoption(
        "--modelway-record",
        choices=("none", "once", "all"),
        default="none",
        help="none: replay cassettes (default); once: record those that are not there; "
        "all: record every one anew",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f'{MARK}(matching="strict", speed=0): how a test\'s cassette is replayed',
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes whether a test failed, for the fixture's end."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture
def modelway_cassette(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Everything that modelway sends in this test is replayed, or recorded; gives the file's path.

    What a test recorded before it failed is no cassette to replay, and is removed.
    """
    from modelway.cassettes import Choice, as_environment  # noqa: PLC0415  # only where it is used

    path = cassette_path(request.path, request.node.nodeid.partition("::")[2])
    option = request.config.getoption("--modelway-record")
    if option == "all":
        path.unlink(missing_ok=True)
    recording = option == "all" or (option == "once" and not path.exists())
    if recording:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        pytest.fail(
            f"there is no cassette {path}; record it with: pytest --modelway-record=once",
            pytrace=False,
        )
    mark = request.node.get_closest_marker(MARK)
    told = {"speed": 0.0, **(mark.kwargs if mark else {})}
    choice = Choice(path=path, mode="record" if recording else "replay", **told)
    for name, value in as_environment(choice).items():
        monkeypatch.setenv(name, value)
    yield path
    if recording and request.node.stash.get(_FAILED, False):
        path.unlink(missing_ok=True)


def cassette_path(module: Path, test: str) -> Path:
    """``cassettes/<module>/<test>.jsonl`` beside the module; odd names are told apart by a hash."""
    dotted = test.replace("::", ".")
    plain = _ODD.sub("-", dotted)
    if plain != dotted or len(plain) > _NAME_CHARACTERS:
        digest = hashlib.sha256(test.encode()).hexdigest()[:8]
        plain = f"{plain[:_NAME_CHARACTERS]}-{digest}"
    return module.parent / "cassettes" / module.stem / f"{plain}.jsonl"
