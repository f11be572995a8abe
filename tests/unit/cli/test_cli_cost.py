"""``modelway cost`` and its commands, over a ledger in SQLite."""

import asyncio
import csv
import io
import json

import pytest

from modelway.cli.cost_table import usd
from modelway.ledger.store import open_ledger_store
from support.ledger_rows import NOON, row

USD = 10**12
ROWS = [
    row(1, cost_pico_usd=2 * USD, team="search"),
    row(2, cost_pico_usd=USD, model="gpt-4o", team="search", tags=("a", "b")),
    row(3, cost_pico_usd=USD // 2, time=NOON - 86_400, basis="received"),
    row(4, cost_pico_usd=None, model="unheard-of"),
    row(5, open=True, reserved_pico_usd=3 * USD),
    row(6, cost_pico_usd=USD // 4, tenant="other", user="=1+1"),
]


def keep(place, rows):
    async def write():
        store = await open_ledger_store(None, default=place)
        await store.add(rows)
        await store.aclose()

    asyncio.run(write())


@pytest.fixture
def state(home, monkeypatch):
    """Where this installation keeps its state."""
    monkeypatch.setenv("MODELWAY_STATE", str(home / "state"))
    (home / "state").mkdir()
    return home / "state"


@pytest.fixture
def spent(state):
    """A ledger with some rows in it."""
    keep(state / "ledger.db", ROWS)
    return state


def report(modelway, *arguments):
    code, out, err = modelway("cost", *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


# ---------------------------------------------------------------- what was spent


def test_what_was_spent_is_a_table(modelway, spent):
    code, out, err = modelway("cost")
    assert code == 0
    lines = out.splitlines()
    heads = lines[0].split()
    assert heads == ["MODEL", "CALLS", "INPUT", "OUTPUT", "COST", "ESTIMATED", "OPEN", "UNPRICED"]
    assert [line.split()[0] for line in lines[1:]] == [
        *("gpt-4o-mini", "gpt-4o", "unheard-of", "total"),
    ]
    assert lines[-1].split() == [
        *("total", "6", "500", "50", "$3.7500", "$0.500000", "$3.0000", "1"),
    ]
    assert "1 calls have no known price" in err
    assert "$3.0000 more is reserved" in err
    assert "$0.500000 of the cost is estimated" in err


def test_columns_that_say_nothing_are_not_there(modelway, state):
    keep(state / "ledger.db", ROWS[:2])
    _, out, err = modelway("cost", "--by", "team")
    assert out.splitlines()[0].split() == ["TEAM", "CALLS", "INPUT", "OUTPUT", "COST"]
    assert err == ""


def test_everything_is_one_sum(modelway, spent):
    code, out, _ = modelway("cost", "--by", "")
    assert code == 0
    assert len(out.splitlines()) == 2


def test_bars_are_by_time(modelway, spent):
    code, out, _ = modelway("cost", "--by", "day,model", "--chart")
    assert code == 0
    bars = out.split("\n\n")[1].splitlines()
    assert bars[0] == "2026-11-19  " + "█" * 6 + " $0.500000"
    assert bars[1] == "2026-11-20  " + "█" * 40 + " $3.2500"
    assert bars[2].split() == ["█", "gpt-4o-mini", "█", "gpt-4o", "█", "unheard-of"]


@pytest.mark.parametrize("columns", ["30", "40", "60"])
def test_bars_fit_a_narrow_terminal(modelway, spent, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    _, out, _ = modelway("cost", "--by", "day,model", "--chart")
    bars = [line for line in out.splitlines() if "█" in line and "$" in line]
    assert len(bars) == 2
    assert max(len(line) for line in bars) < int(columns)


def test_bars_are_only_where_they_are_wanted(modelway, spent):
    assert "█" not in modelway("cost")[1]
    assert "█" in modelway("cost", "--chart")[1]


@pytest.mark.parametrize(
    ("arguments", "cost"),
    [
        ([], 3.75),
        (["--team", "search"], 3),
        (["--team", "search", "--team", ""], 3.75),
        (["--tag", "a"], 1),
        (["--model", "gpt-4o", "--model", "unheard-of"], 1),
        (["--tenant", "other"], 0.25),
        (["--user", "=1+1"], 0.25),
        (["--provider", "nobody"], 0),
        (["--until", "2026-11-20"], 0.5),
        (["--since", "2026-11-20T12:00:02+00:00"], 1.25),
        (["--since", "2026-11-20", "--time-zone", "Asia/Tokyo"], 3.25),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_rows_are_chosen(modelway, spent, arguments, cost):
    assert report(modelway, *arguments)["total"]["cost_pico_usd"] == cost * USD


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "colour"], "--by names 'colour'"),
        (["--since", "yesterday"], "--since must be a date"),
        (["--days", "0"], "--days must be"),
        (["--days", "1", "--since", "2026-11-20"], "--days and since"),
        (["--time-zone", "Mars"], "--time-zone must be"),
        (["--limit", "0"], "--limit"),
        (["export", "--format", "xls"], "xls"),
        (["export", "--by", "model"], "--by"),
        (["export", "--until", "never"], "--until must be"),
        (["hints", "--usd-per-hour", "nan"], "--usd-per-hour"),
        (["hints", "--usd-per-hour", "-1"], "--usd-per-hour"),
        (["hints", "--usd-per-hour", "1", "--usd-per-million", "1"], "not both"),
        (["hints", "--shared-part", "2"], "--shared-part"),
        (["hints", "--rows", "-1"], "--rows"),
        (["remove"], "--tenant"),
        (["remove", "--tenant", "other"], "--yes"),
        (["reconcile", "none.csv", "--provider", "openai"], "none.csv"),
        (["reconcile", "none.csv", "--provider", "groq"], "--format"),
        (["reconcile", "none.csv", "--provider", "openai", "--tolerance", "-1"], "--tolerance"),
        (["estimate", "openai/gpt-4o"], "no prompt"),
        (["estimate", "openai/gpt-4o", "x", "--input-tokens", "1"], "not both"),
        (["estimate", "openai/gpt-4o", "--input-tokens", "-1"], "--input-tokens"),
        (["estimate", "nobody/x", "--input-tokens", "1"], "nobody"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line(modelway, spent, monkeypatch, arguments, said):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, out, err = modelway("cost", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert len([line for line in err.splitlines() if not line.startswith("note: ")]) == 1


def test_where_nothing_was_written_down_it_is_said_and_nothing_is_made(modelway, state):
    code, _, err = modelway("cost")
    assert code == 2
    assert "nothing has been written down yet" in err
    assert list(state.iterdir()) == []


def test_no_rows_are_no_error(modelway, state):
    keep(state / "ledger.db", [])
    code, out, err = modelway("cost")
    assert (code, out) == (0, "")
    assert "no call" in err


def test_another_ledger_is_named_by_the_configuration(modelway, home, state):
    keep(home / "there.db", ROWS[:1])
    (home / "modelway.yaml").write_text(
        "providers: {simulator: {}}\nledger: {url: 'sqlite:there.db'}\n"
    )
    assert report(modelway)["total"]["cost_pico_usd"] == 2 * USD


@pytest.mark.parametrize(
    ("pico_usd", "said"),
    [
        (None, "-"),
        (0, "$0.000000"),
        (1, "$0.000000000001"),
        (999_999, "$0.000000999999"),
        (1_234_567, "$0.000001"),
        (USD, "$1.0000"),
        (-3 * USD // 2, "-$1.5000"),
        (1_234_567 * USD, "$1,234,567.00"),
    ],
)
def test_an_amount_is_for_people(pico_usd, said):
    assert usd(pico_usd) == said


# ---------------------------------------------------------------- files


def test_an_export_has_every_row(modelway, spent):
    code, out, _ = modelway("cost", "export")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert len(rows) == 6
    assert {one["user"] for one in rows} == {"", "'=1+1"}
    assert sum(int(one["cost_pico_usd"] or 0) for one in rows) == 375 * USD // 100


def test_a_ledger_agrees_with_its_own_export(modelway, spent, home):
    (home / "bill.csv").write_text(modelway("cost", "export")[1], newline="")
    arguments = ["bill.csv", "--provider", "openai", "--format", "generic"]
    code, out, err = modelway(
        *("cost", "reconcile", *arguments, "--tolerance", "0", "--least-usd", "0")
    )
    assert code == 0, out
    assert "no line differs by more than 0 %" in err
    assert "1 calls of these have no known price here" in err


def test_drift_is_told_line_by_line_and_in_the_exit_code(modelway, spent, home):
    (home / "bill.csv").write_text(
        "start_time,amount_value,line_item\n"
        '1795132800,2.25,"gpt-4o-mini-2024-07-18, input"\n'
        '1795132800,1.50,"o3, output"\n'
    )
    code, out, err = modelway("cost", "reconcile", "bill.csv", "--provider", "openai")
    assert code == 1
    lines = {line.split()[1]: line for line in out.splitlines()[1:-1]}
    assert lines["gpt-4o"].split()[2:] == ["only", "here", "$1.0000", "-", "$1.0000"]
    assert lines["o3"].split()[2:] == ["only", "there", "-", "$1.5000", "-$1.5000"]
    assert lines["gpt-4o-mini"].split()[2:] == ["$2.2500", "$2.2500", "$0.000000"]
    assert "2 of 3 lines differ" in err
    code, out, _ = modelway("cost", "reconcile", "bill.csv", "--provider", "openai", "--json")
    assert code == 1
    assert json.loads(out)["over"] is True


def test_a_bad_file_is_told_with_its_place(modelway, spent, home):
    (home / "bill.csv").write_text("start_time,amount_value\n1795132800,much\n")
    code, out, err = modelway("cost", "reconcile", "bill.csv", "--provider", "openai")
    assert (code, out) == (2, "")
    assert err == "error: bill.csv:2:2: amount_value: 'much' is no amount of USD\n"


# ---------------------------------------------------------------- prices


def test_rows_are_priced_again(modelway, spent, home):
    (home / "modelway.yaml").write_text(
        "providers: {simulator: {}}\n"
        "catalogue: {openai/unheard-of: {price: {input: 1, output: 2}}}\n"
    )
    dry = ("cost", "rerate", "--model", "unheard-of", "--dry-run")
    code, out, err = modelway(*dry)
    assert code == 0
    assert "would change: 1" in out
    assert "from $0.000000 to $0.000120" in out
    assert "1 of them had no price before" in err
    assert report(modelway, "--model", "unheard-of")["total"]["unpriced"] == 1
    modelway(*dry[:-1])
    total = report(modelway, "--model", "unheard-of")["total"]
    assert (total["unpriced"], total["cost_pico_usd"]) == (0, 120_000_000)
    code, out, _ = modelway(*dry[:-1], "--json")
    assert json.loads(out)["changed"] == 0


def test_what_still_has_no_price_is_told_with_how_to_add_it(modelway, spent):
    code, _, err = modelway("cost", "rerate", "--model", "unheard-of")
    assert code == 0
    assert "1 rows have no known price" in err
    assert "catalogue: " in err


def test_an_estimate_of_tokens_needs_no_key(modelway, home):
    code, out, err = modelway(
        *("cost", "estimate", "openai/gpt-4o-mini"),
        *("--input-tokens", "1000000", "--output-tokens", "100000"),
    )
    assert code == 0
    assert out == "$0.210000  openai/gpt-4o-mini\n"
    assert "1,000,000 → 100,000 tokens" in err


def test_a_models_own_name_needs_no_key_either(modelway, home):
    tokens = ("--input-tokens", "1000000", "--output-tokens", "0")
    code, out, _ = modelway("cost", "estimate", "gpt-4o-mini", *tokens)
    assert (code, out) == (0, "$0.150000  openai/gpt-4o-mini\n")
    assert modelway("cost", "estimate", "gpt-4o-mini", "Who are you?")[0] == 2


@pytest.mark.parametrize(
    ("content", "said"), [("", "is empty"), ("\n\n", "is empty"), ("\na,b\n", "name the columns")]
)
def test_a_bill_with_nothing_in_it(modelway, spent, home, content, said):
    (home / "b.csv").write_text(content)
    code, _, err = modelway("cost", "reconcile", "b.csv", "--provider", "x", "--format", "generic")
    assert code == 2
    assert "error: b.csv:1:1: the f" in err
    assert said in err


def test_a_tenant_without_rows_needs_no_asking(modelway, spent):
    code, out, err = modelway("cost", "remove", "--tenant", "nobody")
    assert (code, out) == (0, "removed: 0 rows\n")
    assert "no row of tenant 'nobody' is written down" in err


def test_columns_say_that_a_bill_is_any_csv(modelway, spent, home):
    (home / "b.csv").write_text("D,Model,USD\n2026-11-20,m,3\n")
    columns = "day=D,model=Model,cost_usd=USD"
    named = ("cost", "reconcile", "b.csv", "--provider", "unheard-of")
    assert modelway(*named, "--columns", columns)[0] == 1
    assert "--format" in modelway(*named)[2]


def test_an_estimate_of_a_prompt_is_what_would_be_reserved(modelway, home):
    (home / "modelway.yaml").write_text(
        "providers: {simulator: {}}\n"
        "catalogue: {simulator/sim-echo: {price: {input: 1, output: 2}}}\n"
    )
    arguments = ("cost", "estimate", "simulator/sim-echo", "Hello", "--max-tokens", "100", "--json")
    code, out, _ = modelway(*arguments)
    assert code == 0
    said = json.loads(out)
    assert said["output_tokens"] == 100
    assert said["cost_pico_usd"] == said["input_tokens"] * 1_000_000 + 100 * 2_000_000


def test_an_unknown_price_is_loud(modelway, home):
    (home / "modelway.yaml").write_text("providers: {openai: {api_key: '${KEY:-none}'}}\n")
    code, out, err = modelway(
        "cost", "estimate", "openai/unheard-of", "--input-tokens", "1", "--output-tokens", "1"
    )
    assert (code, out) == (1, "")
    assert "no price of openai/unheard-of is known" in err
    assert 'catalogue: {"openai/unheard-of": {price: {input: USD, output: USD}}}' in err


# ---------------------------------------------------------------- hints


def test_hints_are_told_with_rows_that_say_so(modelway, state):
    keep(
        state / "ledger.db",
        [row(n, time=NOON + 100 * n, same=7, model="gpt-4o", output_tokens=1500) for n in range(3)],
    )
    code, out, err = modelway("cost", "hints", "--rows", "1")
    assert code == 0
    assert "exact cache, 2 rows" in out
    assert "shorter openai/gpt-4o, 3 rows" in out
    assert "batch openai/gpt-4o, 3 rows" in out
    assert "tiering openai/gpt-4o → " in out
    assert out.count("call2.1") + out.count("call1.1") + out.count("call0.1") == 4
    assert "they have no sum" in err
    code, out, _ = modelway("cost", "hints", "--json")
    found = {one["kind"]: one for one in json.loads(out)}
    assert found["shorter"]["saved_pico_usd"] == 3 * 500 * 10_000_000


def test_no_row_no_hint(modelway, state):
    keep(state / "ledger.db", [row(1, cost_pico_usd=None)])
    code, out, err = modelway("cost", "hints")
    assert (code, out) == (0, "")
    assert "no row" in err


# ---------------------------------------------------------------- deleting


def test_a_tenants_rows_are_deleted_and_no_others(modelway, spent):
    code, out, _ = modelway("cost", "remove", "--tenant", "other", "--yes")
    assert (code, out) == (0, "removed: 1 rows\n")
    assert report(modelway, "--by", "tenant")["groups"][0]["key"] == ["local"]
    assert report(modelway)["total"]["attempts"] == 5


def test_calls_under_way_and_later_rows_stay(modelway, spent):
    code, out, _ = modelway(
        "cost", "remove", "--tenant", "local", "--until", "2026-11-20", "--yes", "--json"
    )
    assert (code, json.loads(out)["removed"]) == (0, 1)
    modelway("cost", "remove", "--tenant", "local", "--yes")
    total = report(modelway, "--tenant", "local")["total"]
    assert (total["attempts"], total["open_pico_usd"]) == (1, 3 * USD)


class Typed(io.StringIO):
    """What somebody types."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("typed", "left"), [("other\n", 5), ("yes\n", 6), ("", 6)])
def test_who_deletes_types_the_name(modelway, spent, monkeypatch, typed, left):
    monkeypatch.setattr("sys.stdin", Typed(typed))
    code, _, err = modelway("cost", "remove", "--tenant", "other")
    assert "1 rows of tenant 'other', $0.250000 in sum" in err
    assert code == (0 if left == 5 else 2)
    assert report(modelway)["total"]["attempts"] == left
