"""What a gateway's figures never name: whose a request was, where it went, what a caller made up."""

import contextlib
import json
import urllib.error
import urllib.request

from support.prometheus import series
from support.serving import KEY, served

OTHER = "mw-other-key-0123456789abcdef"
CONFIG = {
    "providers": {"simulator": {}},
    "models": {"own-alias": {"deployments": ["simulator/sim-demo"]}},
    "defaults": {"retries": 0},
    "metrics": {"enabled": True, "most_series": 40},
    "health": {"active": False},
    "gateway": {"keys": [{"key": OTHER, "name": "key-of-search", "tenant": "tenant-search"}]},
    "tenants": {"tenant-search": {"limits": {"requests_per_minute": 1}}},
    "queue": {"on_limit": "refuse"},
}
NAMES = {
    *("provider", "model", "operation", "stream", "outcome", "cached", "error", "estimated"),
    *("kind", "name", "le", "quantile"),
}


def asked(url, path, body=None, key=KEY):
    request = urllib.request.Request(
        url + path,
        None if body is None else json.dumps(body).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with contextlib.closing(refusal):
            return refusal.code, refusal.read()


def chat(url, model, key=KEY):
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}]}
    return asked(url, "/v1/chat/completions", {**body, "user": "user-of-theirs"}, key)


def test_labels_name_models_and_providers_and_nobody(tmp_path):
    with served(CONFIG, tmp_path) as gateway:
        assert asked(gateway.url, "/v1/config/reload", {})[0] == 200  # its own keys, too
        assert chat(gateway.url, "own-alias", OTHER)[0] == 200
        assert chat(gateway.url, "own-alias", OTHER)[0] == 429
        assert asked(gateway.url, "/metrics", key=OTHER)[0] == 403
        assert asked(gateway.url, "/metrics", key="mw-of-nobody-0123456789")[0] == 401
        status, text = asked(gateway.url, "/metrics")
        assert status == 200
    found = series(text)
    assert {label for _, labels in found for label, _ in labels} <= NAMES
    values = {value for _, labels in found for _, value in labels}
    assert "sim-demo" in values
    said = " ".join(values)
    for never in ("tenant", "search", "user-of", "own-alias", "mw-", "127.0.0.1", "/v1", "http"):
        assert never not in said, never


def test_names_that_callers_make_up_do_not_grow_it(tmp_path):
    with served(CONFIG, tmp_path) as gateway:
        for number in range(30):
            chat(gateway.url, f"simulator/made-up-{number}-by-a-caller")
            chat(gateway.url, f"simulator/sim-404-{number}")
            chat(gateway.url, f'nowhere"\n}} 1\nmodelway_forged_total{{x="{number}')
        chat(gateway.url, "own-alias")
        found = series(asked(gateway.url, "/metrics")[1])
    assert not any("forged" in name for name, _ in found)
    models = {dict(labels).get("model") for _, labels in found}
    assert len(models) <= 42
    requests = sum(value for (name, _), value in found.items() if name == "modelway_requests_total")
    assert requests == 91
