"""What ``modelway experiments`` says, and how it ends."""

import asyncio
import json

import msgspec
import pytest

from modelway.cli import experiments as command
from modelway.clock import SystemClock
from modelway.errors import ConfigError
from modelway.experiments import split
from modelway.experiments.recorder import OutcomeLog
from modelway.experiments.values import Arm, Experiment, Guardrail, Outcome
from modelway.store.memory import MemoryRecords
from modelway.store.opening import open_store
from support.hand_clock import HandClock

CONFIG = """\
providers:
  simulator: {}
store: {url: "sqlite:modelway.db"}
experiments:
  small-or-large:
    unit: request
    arms:
      - {name: small, model: simulator/sim-demo}
      - {name: large, model: simulator/sim-reasoning}
    guardrails: [{metric: latency, worse_by: 0.2}]
"""

EXPERIMENT = Experiment(
    name="small-or-large",
    arms=(Arm(name="small", model="m"), Arm(name="large", model="n")),
    unit="request",
    guardrails=(Guardrail(metric="latency", worse_by=0.2),),
)


def fill(log, slower=3.0, units=300):
    for i in range(units):
        arm = split.assign(EXPERIMENT, f"u{i}").name
        log.record(
            Outcome(
                experiment="small-or-large",
                arm=arm,
                unit=f"u{i}",
                call=f"c{i}",
                time=1.0,
                latency_s=(1 + i % 7 / 10) * (slower if arm == "large" else 1),
                cost_pico_usd=10**9 + i,
                error=i % 10 == 0,
            )
        )


@pytest.fixture
async def records():
    clock = HandClock()
    kept = MemoryRecords(clock)
    log = OutcomeLog(kept, clock)
    fill(log)
    await log.aclose()
    return kept


async def test_a_report_is_read_from_the_records(records):
    said = await command.reported(EXPERIMENT, records, 2e9)
    assert said.outcomes == 300
    assert said.stop == ("large",)


async def test_the_table_says_it_all(records, capsys):
    command.show(await command.reported(EXPERIMENT, records, 2e9))
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    latency = next(line for line in out.splitlines() if line.startswith("latency  large  "))
    assert latency.endswith("< 0.0001  worse")
    assert "STOP" in out
    assert "more than 20% worse, beyond chance" in out
    assert "but for a chance of 0.05" in err


async def test_an_empty_report_has_a_table_too(capsys):
    command.show(await command.reported(EXPERIMENT, MemoryRecords(HandClock()), 2e9))
    out, err = capsys.readouterr()
    assert "no data" in out
    assert "no outcomes yet" in err


async def test_the_list_says_when_the_last_outcome_was(records):
    (row,) = await command.listed([EXPERIMENT], records)
    assert row["arms"][1] == {"name": "large", "model": "n", "share": 0.5}
    assert row["last_outcome"].year >= 2026
    assert msgspec.json.encode(row)
    (row,) = await command.listed([EXPERIMENT], MemoryRecords(HandClock()))
    assert row["last_outcome"] is None


@pytest.mark.parametrize(
    ("known", "name", "told"),
    [
        ((), "x", "the configuration has none"),
        ((EXPERIMENT,), "smal-or-large", "did you mean small-or-large"),
        ((EXPERIMENT,), "zzz", "there are: small-or-large"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(known, name, told):
    with pytest.raises(ConfigError, match=told):
        command.named(known, name)


# ---------------------------------------------------------------- as it is called


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "modelway.yaml").write_text(CONFIG)
    return tmp_path


def kept_in(url, slower):
    async def keep():
        store = await open_store(url)
        log = OutcomeLog(store.records, SystemClock())
        fill(log, slower)
        await log.aclose()
        await store.aclose()

    asyncio.run(keep())


def call(*arguments):
    return command.experiments(
        arguments, exit_on_error=False, print_error=False, result_action="return_value"
    )


@pytest.mark.parametrize(("slower", "code"), [(1.0, 0), (3.0, 1)])
def test_the_report_ends_with_1_where_an_arm_is_to_stop(here, capsys, slower, code):
    kept_in("sqlite:modelway.db", slower)
    assert call("report", "small-or-large") == code
    assert "GUARDRAIL" in capsys.readouterr().out
    assert call("report", "small-or-large", "--json") == code
    assert json.loads(capsys.readouterr().out)["outcomes"] == 300


def test_the_list_is_a_table_or_json(here, capsys):
    kept_in("sqlite:modelway.db", 1.0)
    assert call("list") == 0
    assert "small 50%, large 50%" in capsys.readouterr().out
    assert call("list", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "small-or-large"


def test_a_store_that_nobody_else_sees_is_said(here):
    (here / "modelway.yaml").write_text(CONFIG.replace("sqlite:modelway.db", "memory:"))
    assert call("list") == 0
    with pytest.raises(ConfigError, match=r"set store\.url"):
        call("report", "small-or-large")


def test_a_configuration_without_experiments(here, capsys):
    (here / "modelway.yaml").write_text("providers: {simulator: {}}\n")
    assert call("list") == 0
    assert "no experiments" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="there is no experiment 'x'"):
        call("report", "x")
