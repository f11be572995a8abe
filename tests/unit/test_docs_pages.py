"""The documentation says what the code has: links, tables, generated pages, commands."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest

import modelway
from modelway import errors
from modelway.call import Options
from modelway.catalog.rows import Provider, Quirks
from modelway.config import schema
from modelway.dialects import dialect
from modelway.gateway import options
from modelway.gateway.routes import ROUTES
from modelway.observe.events import EventName
from modelway.policies import routing
from modelway.simulator.magic import MAGIC
from modelway.simulator.script import Fault, Match, Pace, Reply, Script
from support.documents import ROOT, all_blocks, blocks, pages

DOCS = ROOT / "docs"
LANGUAGES = {"", "console", "output", "python", "toml", "yaml"}


def text(name):
    return (DOCS / name).read_text("utf-8")


def rows(name, heading):
    """The cells of each row of the table whose first heading this is."""
    table = re.search(
        rf"^\| {re.escape(heading)}.*\n\|[-| ]+\n((?:\|.*\n)+)", text(name), re.MULTILINE
    )
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in table[1].splitlines()
    ]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


# ---------------------------------------------------------------- the pages themselves


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    prose = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        leads_to = (page.parent / path).resolve() if path else page
        assert leads_to.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", leads_to.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in slugs, target


def test_the_index_has_every_page():
    linked = set(re.findall(r"\]\(([\w/.-]+)\)", text("README.md")))
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} <= linked


def test_blocks_have_a_known_language():
    assert {block.language for page in pages() for block in blocks(page)} <= LANGUAGES


_PAGES = """\
import json, generated_pages
generated_pages.dialects_page = (generated_pages.DOCS / "dialects.md").read_text
print(json.dumps({str(path): page for path, page in generated_pages.pages().items()}))
"""


def test_generated_pages_are_up_to_date():
    # in a process of its own: to describe the commands, cyclopts rewrites their help;
    # tests/contract/test_crossing_table.py holds the tables of dialects.md up to date
    told = subprocess.run(
        [sys.executable, "-c", _PAGES],
        cwd=ROOT / "scripts",
        capture_output=True,
        check=True,
        text=True,
    )
    wanted = {Path(name): page for name, page in json.loads(told.stdout).items()}
    stale = [
        str(path.relative_to(ROOT))
        for path, page in wanted.items()
        if not path.exists() or path.read_text("utf-8") != page
    ]
    assert not stale, "run scripts/docs"
    assert set((DOCS / "providers").glob("*.md")) <= wanted.keys()


# ---------------------------------------------------------------- commands

OURS = {"modelway", "scripts/demo", "scripts/test", "scripts/docs"}


def commands():
    """Every call of ours that a console block shows: (where, words)."""
    for block in all_blocks("console"):
        for line in block.code.splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True) if line[:2] == "$ " else []
            while words:
                end = next(
                    (at for at, word in enumerate(words) if word in {"|", "&&", ">"}), len(words)
                )
                call, words = words[:end], words[end + 1 :]
                while call and re.fullmatch(r"\w+=\S*", call[0]):
                    del call[0]
                if call and call[0] in OURS:
                    yield block.name, call


def test_commands_are_understood():
    cli = pytest.importorskip("modelway.cli.app", reason="the extra [cli] is not installed")
    shown = list(commands())
    for where, (called, *arguments) in shown:
        assert called == "modelway" or (ROOT / called).exists(), where
        command = {"modelway": arguments, "scripts/demo": ["demo", *arguments]}.get(called, [])
        try:
            cli.build().parse_args(command, exit_on_error=False, print_error=False)
        except Exception as error:
            raise AssertionError(f"{where}: {called} {arguments}: {error}") from error
    assert len(shown) > 30


# ---------------------------------------------------------------- names and tables


def test_every_public_name_is_explained():
    written = "\n".join([page.read_text("utf-8") for page in pages()])
    assert [name for name in modelway.__all__ if not re.search(rf"\b{name}\b", written)] == []


def test_the_tree_of_errors_is_the_code_s():
    tree = next(
        block.code for block in blocks(DOCS / "errors.md") if block.code.startswith("LLMError")
    )
    told = dict(re.findall(r"(\w+Error)([*†]*)", tree))
    classes = {name: kind for name, kind in vars(errors).items() if name.endswith("Error")}
    assert told.keys() == classes.keys()
    for name, marks in told.items():
        assert ("*" in marks, "†" in marks) == (
            classes[name].may_fall_back,
            classes[name].may_retry,
        ), name


@pytest.mark.parametrize(("column", "name"), [(1, "openai-chat"), (2, "anthropic-messages")])
def test_statuses_at_the_gateway(column, name):
    refuse = dialect(name).refuse
    for row in rows("errors.md", "class | OpenAI"):
        error = getattr(errors, names(row[0])[0])("what happened")
        status, body = refuse(error)
        assert row[column].startswith(str(status)), row
        for word in names(row[column]):
            assert f'"{word}"'.encode() in body, (row, body)


def test_the_simulator_s_names():
    assert {names(row[0])[0]: row[1] for row in rows("simulator.md", "model | what it does")} == {
        name: magic.what for name, magic in MAGIC.items()
    }


@pytest.mark.parametrize("kind", [Script, Match, Reply, Fault, Pace])
def test_the_simulator_s_fields(kind):
    assert {
        name for name in kind.__struct_fields__ if f"`{name}`" not in text("simulator.md")
    } == set()


def test_the_gateway_s_routes():
    told = {
        re.sub(r"\{[^}]*\}(/\{[^}]*\})*", "{}", found)
        for row in rows("gateway.md", "method and path")
        for found in re.findall(r"`([A-Z]+ /[^`]+)`", row[0])
    }
    assert told == {
        f"{route.method} {route.path.decode()}{'{}' * route.path.endswith(b'/')}{route.verb.decode()}"
        for route in ROUTES
    }


@pytest.mark.parametrize(
    "table",
    [
        "KNOBS",
        "TIMEOUTS",
        "BACKOFF",
        "PROVIDER",
        "DEPLOYMENT",
        "MODEL",
        "GATEWAY",
        "CALLER",
        "TRANSPORT",
        "LIMITS",
        "QUEUE",
        "BREAKER",
        "HEALTH",
        "HEDGING",
        "STORE",
        "SPECIAL_FALLBACKS",
        "TOP",
    ],
)
def test_every_field_of_a_configuration(table):
    page = text("configuration.md")
    missing = {name for name in getattr(schema, table) if f"`{name}`" not in page}
    assert missing == set()


def test_every_strategy_and_spelling():
    page = text("configuration.md").replace("-", "_")
    assert [name for name in routing.spellings() if f"`{name}`" not in page] == []
    promised = {
        name.replace("-", "_")
        for row in rows("configuration.md", "strategy | order")
        for cell in (row[0], row[2])
        for name in names(cell)
    }
    assert promised <= set(routing.spellings())


def test_every_option_of_a_call():
    told = {name for row in rows("sdk.md", "field | means") for name in names(row[0])}
    assert told == set(Options.__struct_fields__)


def test_every_header_of_a_request():
    told = {name for row in rows("gateway.md", "header of a request") for name in names(row[0])}
    assert told == {f"x-modelway-{name}" for name in options._READ}


def test_every_event():
    page = text("observing.md")
    assert {name for name in get_args(EventName) if f"`{name}`" not in page} == set()


@pytest.mark.parametrize("kind", [Provider, Quirks])
def test_every_field_of_a_row(kind):
    page = text("write-a-provider.md")
    fields = set(kind.__struct_fields__) - {"name"}
    assert {name for name in fields if f"`{name}`" not in page} == set()


def test_the_layers_are_those_that_are_enforced():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    contract = next(one for one in contracts if one["type"] == "layers")
    enforced = [re.findall(r"\w+", layer) for layer in contract["layers"]]
    told = [names(row[1]) for row in rows("architecture.md", "layer | modules")]
    assert told == enforced
