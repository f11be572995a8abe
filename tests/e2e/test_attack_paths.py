"""X-S5, X-A1, X-A2: model names in paths and bodies, hostile hosts and spellings, on every route."""

from urllib.parse import quote, unquote

import pytest

from modelway.dialects import NAMES
from modelway.gateway.routes import ROUTES
from support.direct import ASKING, Told, asked, configuration, direct, dumped, example, named, place

NAMED_IN_PATHS = [route for route in ASKING if route.path[-1:] == b"/" and route.action == "ask"]
NAMES_TO_TRY = [
    "..",
    ".",
    "../x",
    "a/../b",
    "a/../../../v1/files",
    "a//b",
    "/a",
    "a/",
    "a%2f..",
    "%2e%2e",
    "a?key=x",
    "a?b#c",
    "a#b",
    "a@evil.example",
    "a:generateContent",
    "a:generateContent?x=",
    "a\\b",
    "a;b",
    "a b",
    "a\r\nx-evil: 1",
    "a\x00",
    "a\u2028b",
    "é",
    "x" * 5000,
    "projects/p/../../x",
    "publishers/evil/models/x",
    "tunedModels/..",
    "arn:aws:bedrock:us-east-1:1:x/../../y",
    "a/b:../../x",
    "http://evil.example/x",
    "//evil.example/x",
]


def down(_):
    return Told(400, ((b"content-type", b"application/json"),), b"{}")


def check(request, provider):
    """The provider's own host and prefix, and no step or end that a model's name made."""
    assert request.origin.host == f"{provider}.example"
    path, _, query = request.target.partition("?")
    assert path.isascii()
    assert path.isprintable()
    assert not set(path) & set(" #\\")
    assert path.startswith("/v1/") or provider == "ollama"
    steps = path.split("/")[1:]
    assert all(step and unquote(step) not in (".", "..") for step in steps), path
    assert query in ("", "alt=sse")


@pytest.mark.parametrize("provider", NAMES)
@pytest.mark.parametrize("name", NAMES_TO_TRY)
async def test_a_model_s_name_stays_one_step_of_the_provider_s_path(provider, name):
    model = f"{provider}/{name}"
    for route in ASKING:
        if route.action != "ask":
            continue
        gateway, transport = direct(down)
        path = place(route, quote(model, safe=""))
        got = await asked(gateway, "POST", path, dumped(example(route, model)))
        assert 400 <= got.status < 500 or (got.status == 200 and not transport.sent)
        for request in transport.sent:
            check(request, provider)


@pytest.mark.parametrize("route", NAMED_IN_PATHS, ids=named)
async def test_a_verb_twice_or_bent_leads_nowhere_else(route):
    body = dumped(example(route))
    for model in (
        b"m-gemini%s" % route.verb,
        b"m-gemini:generateContent",
        b"m-gemini/converse",
        b"m-gemini%3AgenerateContent",
        b"m-gemini?x",
        b"../m-gemini",
        b"gemini%2F..%2F..%2Ffiles",
        b"gemini%2Fa%00",
        b"\xff\xfe",
        b"%ff",
        b"%",
        b"%zz",
    ):
        gateway, transport = direct(down)
        got = await asked(gateway, "POST", route.path + model + route.verb, body)
        assert got.status in (400, 403, 404, 405)
        for request in transport.sent:
            check(request, "gemini")


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_no_route_is_open_by_another_spelling_header_or_host(route):
    if route.access == "open":
        return
    path = place(route)
    for spelled in (
        path,
        b"/" + path,
        b"/." + path,
        path.replace(b"/v", b"//v"),
        path + b"/",
        path + b"?key=x",
        path + b"%20",
        path.upper(),
        b"http://localhost/health/live" + path,
        b"/health/live/.." + path,
        b"/health/live;" + path,
        path + b"#/health/live",
    ):
        gateway, transport = direct(down)
        for headers in (
            {},
            {"host": "localhost/health/live?"},
            {"host": "x#/health/live"},
            {"x-original-url": "/health/live"},
            {"x-http-method-override": "GET"},
            {"upgrade": "websocket", "connection": "upgrade"},
            {"authorization": "Bearer "},
            {"authorization": "Bearer mw-"},
            {"authorization": "Bearer ' OR '1'='1"},
            {"authorization": "Bearer mw-direct-key-0123456789abcdef\x00"},
            {"authorization": "Basic bXctZGlyZWN0LWtleS0wMTIzNDU2Nzg5YWJjZGVm"},
            {"cookie": "key=mw-direct-key-0123456789abcdef"},
        ):
            got = await asked(
                gateway,
                route.method,
                spelled,
                dumped(example(route)),
                headers,
                query=b"key=mw-direct-key-0123456789abcdef",
                key=None,
            )
            denied = 403 if route.dialect == "bedrock-converse" else 401  # in its own words
            assert got.status in (401, denied, 404), (spelled, headers)
            if spelled == path:
                assert got.status == denied
            assert not transport.sent


async def test_what_is_open_tells_nothing():
    gateway, transport = direct(down)
    for route in ROUTES:
        if route.access == "open":
            got = await asked(gateway, route.method, route.path, key=None)
            told = got.body + b"".join(got.headers.values())
            for word in (*configuration()["providers"], "example", "local", "tenant", "key"):
                assert word.encode() not in told
    assert not transport.sent


async def test_headers_that_are_passed_on_are_a_dialect_s_own():
    """X-S4: for every client, towards its own dialect, where most is passed on."""
    hostile = {
        "x-forwarded-host": "evil.example",
        "x-target-url": "http://evil.example",
        "helicone-target-url": "http://evil.example",
        "x-portkey-custom-host": "http://evil.example",
        "openai-organization": "mine",
        "openai-project": "mine",
        "anthropic-dangerous-direct-browser-access": "true",
        "x-goog-user-project": "mine",
        "x-goog-request-params": "location=evil",
        "x-amz-security-token": "mine",
        "x-amz-target": "mine",
        "cookie": "mine",
        "x-stainless-arch": "x",
    }
    for route in ASKING:
        if route.action != "ask" or route.dialect not in NAMES:
            continue
        gateway, transport = direct(down)
        model = f"m-{route.dialect}"
        await asked(
            gateway,
            "POST",
            place(route, model),
            dumped(example(route, model)),
            hostile,
            query=b"key=mine&api-version=mine&endpoint=evil&alt=sse&$alt=json&beta=true",
        )
        for request in transport.sent:
            assert not {name.decode() for name, _ in request.headers} & set(hostile)
            assert request.origin.host == f"{route.dialect}.example"
            assert set(request.target.partition("?")[2].split("&")) <= {"", "alt=sse", "beta=true"}
