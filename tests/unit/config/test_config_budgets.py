"""What a configuration says of budgets."""

import pytest

from modelway.config.load import load
from modelway.config.problems import InvalidConfigError
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


def test_a_mapping_is_no_list():
    with pytest.raises(InvalidConfigError, match="must be a list of budgets"):
        load({"budgets": {"name": "b", "limit_usd": 1}}, environment={})


def test_no_secret_is_shown_of_a_configuration():
    hook = {"url": "https://hooks.example/whispered-path", "secret": "whispered-word"}
    found = settings({"name": "b", "limit_usd": 1, "webhook": hook})
    shown = repr(found) + "".join([one.value for one in found.origins])
    assert "whispered" not in shown
