"""What a configuration says of budgets."""

import pytest

from modelway.config import budgeting, measuring
from modelway.config.load import load
from modelway.config.nodes import from_plain
from modelway.config.problems import InvalidConfigError
from modelway.config.reading import Context, Setting
from modelway.policies.budget.values import Budget, Webhook


def settings(*budgets, **environment):
    said = {"providers": {"openai": {"api_key": "k-0123456789"}}, "budgets": list(budgets)}
    return load(said, environment=environment)


def problem(**said):
    with pytest.raises(InvalidConfigError) as caught:
        settings({"name": "b", "limit_usd": 1, **said})
    (one,) = [one for one in caught.value.problems if one.severity == "error"]
    return f"{one.path}: {one.message}"


def test_what_may_be_said():
    found = settings(
        {"name": "all", "limit_usd": 100},
        {
            "name": "team",
            "limit_usd": 0.1,
            "per": "day",
            "time_zone": "Europe/Berlin",
            "team": "red",
            "user": "*",
            "hard": False,
            "unpriced": "allow",
            "alerts": [80, 10, 80],
            "webhook": {"url": "https://hooks.example/x", "secret": "${SECRET}"},
        },
        {"name": "hour", "limit_usd": 1e-12, "rolling_s": 3600},
        SECRET="open sesame",
    ).budgets
    assert found == (
        Budget(name="all", limit_pico_usd=100 * 10**12),
        Budget(
            name="team",
            limit_pico_usd=10**11,
            period="day",
            time_zone="Europe/Berlin",
            about={"team": "red", "user": "*"},
            hard=False,
            unpriced="allow",
            alerts=(10.0, 80.0),
            webhook=Webhook(url="https://hooks.example/x", secret="open sesame"),
        ),
        Budget(name="hour", limit_pico_usd=1, period="rolling", rolling_s=3600.0),
    )


@pytest.mark.parametrize(
    ("limit", "pico_usd"),
    [(0, 0), (0.07, 7 * 10**10), (1e6, 10**18), (123456.789012, 123456789012 * 10**6), (1e-12, 1)],
)
def test_limits_are_exact(limit, pico_usd):
    assert settings({"name": "b", "limit_usd": limit}).budgets[0].limit_pico_usd == pico_usd


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"limit_usd": -1}, "from 0 to 1e+06"),
        ({"limit_usd": -1e-300}, "from 0 to 1e+06"),
        ({"limit_usd": 1e-13}, "1e-12"),
        ({"limit_usd": float("nan")}, "finite"),
        ({"limit_usd": float("inf")}, "finite"),
        ({"limit_usd": 1e300}, "from 0 to 1e+06"),
        ({"limit_usd": 10**400}, "finite"),
        ({"rolling_s": 10**400}, "finite"),
        ({"limit_usd": "10"}, "number"),
        ({"limit_usd": True}, "number"),
        ({"limit_usd": None}, "a budget needs a limit_usd"),
        ({"name": ""}, "empty"),
        ({"name": None}, "a budget needs a name"),
        ({"name": "a\nb"}, "control characters"),
        ({"per": "year"}, "one of day, week"),
        ({"per": "rolling"}, "rolling_s"),
        ({"per": "day", "rolling_s": 100}, "rolling_s"),
        ({"rolling_s": 59}, "from 60"),
        ({"rolling_s": float("nan")}, "finite"),
        ({"time_zone": "Mars/Olympus"}, "must be a time zone"),
        ({"time_zone": "../../etc/passwd"}, "must be a time zone"),
        ({"alerts": [0]}, "from 1 to 1000"),
        ({"alerts": [float("nan")]}, "finite"),
        ({"team": ""}, "empty"),
        ({"keys": "k"}, "unknown field"),
        ({"webhook": "https://hooks.example/x"}, "mapping"),
        ({"webhook": {"url": "https://hooks.example/x"}}, "a webhook needs a secret"),
        ({"webhook": {"url": "https://hooks.example/x", "secret": ""}}, "empty"),
        (
            {"webhook": {"url": "https://hooks.example/x", "secret": None}},
            "a webhook needs a secret",
        ),
        ({"webhook": {"url": "https://hooks.example/x", "secret": "${NOT_SET:-}"}}, "empty"),
        ({"webhook": {"secret": "s"}}, "a webhook needs a url"),
        ({"webhook": {"url": "file:///x", "secret": "s"}}, "http"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_what_is_refused(said, words):
    assert words in problem(**said)


def test_two_of_one_name_are_refused():
    with pytest.raises(InvalidConfigError, match="two budgets are called"):
        settings({"name": "b", "limit_usd": 1}, {"name": "b", "limit_usd": 2})


@pytest.mark.parametrize("said", [{"name": "b", "limit_usd": 1}, 5, "b", False])
def test_what_is_no_list(said):
    with pytest.raises(InvalidConfigError, match="must be a list of budgets"):
        load({"budgets": said}, environment={})


def noted(read, written):
    found = {}
    context = Context({"SECRET": "whispered-word"}, in_file=False)
    level = {name: Setting(node, "") for name, node in from_plain(written).fields.items()}
    made = read(level, context, lambda path, value, origin: found.update({path: (value, origin)}))
    assert not context.problems
    return made, found


def test_all_of_a_budget_is_told_but_its_secrets():
    hook = {"url": "https://hooks.example:8443/whispered-path", "secret": "${SECRET}"}
    said = {"name": "a", "limit_usd": 0.07, "team": "red", "per": "day", "webhook": hook}
    made, found = noted(budgeting.read, {"budgets": [said, {"name": "b", "limit_usd": 100}]})
    assert found["budgets[0].limit_usd"] == ("0.07", "given settings: budgets[0].limit_usd")
    assert found["budgets[0].team"][0] == "red"
    assert found["budgets[0].time_zone"] == ("UTC", "default")
    assert found["budgets[0].webhook.url"][0] == "https://hooks.example/…"
    assert "whispered" not in str(found)
    assert found["budgets[1].limit_usd"][0] == "100"
    assert found["budgets[1].per"] == ("month", "default")
    assert len(made) == 2


def test_all_of_a_cache_is_told_but_where_a_password_may_be():
    url = "postgresql://me:whispered@db.example/x"
    semantic = {"model": "embed", "threshold": 0.9, "url": url}
    made, found = noted(measuring.cache, {"cache": {"where": "store", "semantic": semantic}})
    assert made.semantic.url == url
    assert found["cache.where"] == ("store", "given settings: cache.where")
    assert found["cache.enabled"] == (True, "given settings: cache")
    assert found["cache.life_s"] == (3600.0, "default")
    assert found["cache.semantic.threshold"][0] == 0.9
    assert found["cache.semantic.url"][0] == "(hidden)"
    assert noted(measuring.cache, {"cache": False})[1]["cache.enabled"][0] is False


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"ledger": {"url": "mysql://me:whispered@db/x"}}, "ledger.url: must be a URL such as"),
        ({"ledger": {"url": "sqlite:"}}, "ledger.url: must be a URL such as"),
        ({"ledger": {"url": "sqlite://host/x"}}, "ledger.url: must be a URL such as"),
        (
            {"cache": {"semantic": {"model": "m", "threshold": 0.9, "url": "redis://x"}}},
            "cache.semantic.url: must be a URL such as postgresql",
        ),
        ({"cache": "yes"}, "cache: must be true, false or a mapping"),
    ],
    ids=["mysql", "no path", "a host", "redis", "yes"],
)
def test_what_can_be_no_place(said, words):
    with pytest.raises(InvalidConfigError) as caught:
        load(said, environment={})
    shown = [f"{one.path}: {one.message}" for one in caught.value.problems]
    assert any(line.startswith(words) for line in shown)
    assert "whispered" not in str(shown)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///var/lib/ledger.db",
        "sqlite:ledger.db",
        "SQLite:./x.db",
        "sqlite:/x.db",
        "postgres://h/d",
        "postgresql://u:p@h:1/d?sslmode=require",
    ],
)
def test_where_a_ledger_may_be(url):
    assert load({"ledger": {"url": url}}, environment={}).ledger.url == url


def test_no_secret_is_shown_of_a_configuration():
    hook = {"url": "https://hooks.example/whispered-path", "secret": "whispered-word"}
    found = settings({"name": "b", "limit_usd": 1, "webhook": hook})
    shown = repr(found) + "".join([one.value for one in found.origins])
    assert "whispered" not in shown


@pytest.mark.parametrize(
    ("field", "near"),
    [
        ("per_hour", "usd_per_hour"),
        ("inptu", "input"),
        ("cache_read", "cache_write"),
        ("zzz", None),
    ],
)
def test_a_field_that_no_price_has(field, near):
    with pytest.raises(InvalidConfigError) as caught:
        load({"catalogue": {"house/m": {"price": {field: 1}}}}, environment={})
    (one,) = caught.value.problems
    assert one.path == "catalogue.house/m.price"
    assert one.message.startswith(f"unknown field {field!r}; there are usd_per_hour, concurrent, ")
    assert one.suggestion == near
