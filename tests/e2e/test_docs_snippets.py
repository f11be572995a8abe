"""Every example in README and docs runs as it stands, against the simulator; no network, no key."""

import re

import pytest

import modelway.errors
from modelway.config.load import load
from modelway.simulator.script import parse_script
from support.documents import all_blocks, output_of
from support.serving import KEY, served

PYTHON = all_blocks("python")
CONFIGURATIONS = [block for block in all_blocks("yaml", "toml") if block.said != "script"]
SCRIPTS = [block for block in all_blocks("yaml") if block.said == "script"]
ALLOWED_NOT_RUN = 0
"""Blocks that cannot run here, each marked with its reason; raise it only for a good one."""


def by_name(block):
    return block.name


def reason(block):
    """Why a block is not run, or ``None``."""
    said = block.said or ""
    return said.removeprefix("not run: ") if said.startswith("not run: ") else None


@pytest.fixture(scope="module")
def documented_gateway(tmp_path_factory):
    """The gateway that the pages talk about, with nothing configured but the simulator."""
    with served({"providers": {"simulator": {}}}, tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture
def newcomer(tmp_path, monkeypatch):
    """An empty directory and an environment without keys, proxies or earlier state."""
    import os

    for name in list(os.environ):
        if re.search(
            r"_API_KEY$|_URL$|_MODEL$|^LLM_|^MODELWAY|_TOKEN$|proxy$", name, re.IGNORECASE
        ):
            monkeypatch.delenv(name)
    for name, folder in (
        ("HOME", "home"),
        ("XDG_CONFIG_HOME", "config"),
        ("MODELWAY_STATE", "state"),
    ):
        monkeypatch.setenv(name, str(tmp_path / folder))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


def run(block, address):
    """Execute a block in a fresh namespace. The gateway of the pages listens elsewhere here."""
    code = block.code.replace("http://127.0.0.1:4000", address)
    padded = "\n" * (block.line - 1) + code  # so that a traceback names the page's own line
    exec(compile(padded, str(block.page), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("block", PYTHON, ids=by_name)
def test_python_runs_and_prints_what_the_page_says(
    block, newcomer, documented_gateway, monkeypatch, capsys
):
    if reason(block):
        compile(block.code, block.name, "exec")
        pytest.skip(reason(block))
    monkeypatch.setenv("MODELWAY_KEY", KEY)
    if (block.said or "").startswith("raises "):
        with pytest.raises(getattr(modelway.errors, block.said.removeprefix("raises "))):
            run(block, documented_gateway.url)
        return
    run(block, documented_gateway.url)
    promised = output_of(block)
    if promised is not None:
        pattern = re.escape(promised.rstrip()).replace(re.escape("…"), ".*?")
        printed = capsys.readouterr().out.rstrip()
        assert re.fullmatch(pattern, printed, re.DOTALL), printed


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=by_name)
def test_a_configuration_loads(block, tmp_path):
    if reason(block):
        pytest.skip(reason(block))
    path = tmp_path / f"modelway.{block.language}"
    path.write_text(block.code)
    variables = dict.fromkeys(re.findall(r"\$\{(\w+)", block.code), "sk-documented-0123456789")
    settings = load(path, environment=variables)
    assert settings.providers


@pytest.mark.parametrize("block", SCRIPTS, ids=by_name)
def test_a_script_is_one(block):
    assert parse_script(block.code, block.name) is not None


def test_few_blocks_are_not_run():
    not_run = [block for block in [*PYTHON, *CONFIGURATIONS] if reason(block)]
    assert len(not_run) <= ALLOWED_NOT_RUN, [block.name for block in not_run]
    assert len(PYTHON) > 10
