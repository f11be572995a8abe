"""What a configuration says of limits, stores, breakers, callers and experiments."""

import pytest

from modelway.call import Limits
from modelway.config.load import load
from modelway.config.problems import InvalidConfigError
from modelway.policies.limits import PRESETS


def settings(**said):
    return load({"providers": {"openai": {"api_key": "k-0123456789"}}, **said}, environment={})


def problems(**said):
    with pytest.raises(InvalidConfigError) as caught:
        settings(**said)
    return {one.path: one.message for one in caught.value.problems if one.severity == "error"}


def provider(**said):
    return {"providers": {"openai": {"api_key": "k-0123456789", **said}}}


def test_limits_at_every_level_and_presets():
    found = load(
        {
            **provider(limits="openai-tier-2", key_limits={"concurrent": 3}),
            "models": {"m": [{"model": "openai/gpt-4o", "limits": {"requests_per_day": 9}}]},
            "tenants": {"team": {"limits": {"tokens_per_minute": 10}}},
        },
        environment={},
    )
    openai = found.providers["openai"]
    assert openai.limits == PRESETS["openai-tier-2"]
    assert openai.key_limits == Limits(concurrent=3)
    assert found.routes["m"].deployments[0].limits == Limits(requests_per_day=9)
    assert found.tenants == {"team": Limits(tokens_per_minute=10)}
    told = {one.path: one.origin for one in found.origins}
    assert told["providers.openai.limits.requests_per_minute"].startswith("preset openai-tier-2")


def test_callers_and_the_store():
    found = settings(
        gateway={
            "keys": [
                "mw-plain-key-0123456789",
                {"key": "mw-team-key-0123456789", "name": "ci", "tenant": "team", "admin": True},
            ]
        },
        store={"url": "postgresql://me:hidden-word@db/x", "when_down": "closed"},
    )
    plain, team = found.gateway.keys
    assert (plain.credential.name, plain.tenant, plain.admin) == ("gateway key 1", "local", False)
    assert (team.credential.name, team.tenant, team.admin) == ("ci", "team", True)
    assert found.store.when_down == "closed"
    assert "hidden-word" not in repr(found)
    assert all("hidden-word" not in one.value for one in found.origins)
    assert settings(store="sqlite:x.sqlite").store.url == "sqlite:x.sqlite"


def test_special_fallbacks_and_composed_strategies():
    found = settings(
        models={
            "m": {
                "deployments": ["openai/gpt-4o"],
                "strategy": ["fits", "cheapest"],
                "fallback_on": {"context_length": ["long"], "content_filter": ["long"]},
            },
            "long": "openai/gpt-4.1",
        }
    )
    route = found.routes["m"]
    assert route.strategy == "fits | cheapest"
    assert route.on_context_length == route.on_content_filter == ("long",)


def test_experiments():
    arms = [{"name": "a", "model": "openai/gpt-4o", "weight": 3}, "openai/gpt-4o-mini"]
    found = settings(
        experiments={
            "trial": {
                "arms": arms,
                "guardrails": [{"metric": "errors", "worse_by": 0.1}],
                "started": "2026-11-21T09:00:00Z",
            }
        }
    )
    (trial,) = found.experiments
    assert [(arm.name, arm.model, arm.weight) for arm in trial.arms] == [
        ("a", "openai/gpt-4o", 3),
        ("openai/gpt-4o-mini", "openai/gpt-4o-mini", 1),
    ]
    assert trial.guardrails[0].metric == "errors"


@pytest.mark.parametrize(
    ("said", "path", "word"),
    [
        (provider(limits="opnai"), "providers.openai.limits", "there are"),
        (
            provider(limits={"requests_per_minute": 0}),
            "providers.openai.limits.requests_per_minute",
            "1",
        ),
        ({"queue": {"on_limit": "drop"}}, "queue.on_limit", "wait"),
        ({"breaker": {"failures": 0}}, "breaker.failures", "1"),
        ({"breaker": {"counted": ["BadRequestError"]}}, "breaker.counted[0]", "must be one of"),
        ({"store": {"url": "memory:", "when_down": "ajar"}}, "store.when_down", "open"),
        ({"gateway": {"keys": [{"name": "x"}]}}, "gateway.keys[0]", "needs a key"),
        ({"experiments": {"t": {"arms": ["openai/gpt-4o"]}}}, "experiments.t", "two at least"),
        (
            {"experiments": {"t": {"arms": [{"name": "a"}]}}},
            "experiments.t.arms[0]",
            "needs a model",
        ),
        (
            {"models": {"m": "openai/gpt-4o"}, "experiments": {"m": {"arms": ["m", "openai/x"]}}},
            "experiments.m",
            "is a model already",
        ),
        ({"tenants": ["team"]}, "tenants", "must be a mapping"),
        ({"hedging": {"share": 2}}, "hedging.share", "1"),
        ({"strategy": ["fits", "nonsense"]}, "strategy", "unknown strategy"),
        (
            {
                "models": {
                    "m": {"deployments": ["openai/x"], "fallback_on": {"context_length": "q"}}
                }
            },
            "models.m.fallback_on.context_length",
            "is called",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(said, path, word):
    found = problems(**said)
    assert path in found, found
    assert word in found[path]
