"""X-S4, X-S5, X-A1, X-A2: what a caller may say on the way to an endpoint that is not modelled."""

import json

import pytest

from support.direct import KEY, PROVIDER_KEY, Told, asked, configuration, direct, dumped

OK = Told(200, ((b"content-type", b"application/json"),), b"{}")
HOSTILE = {
    "host": "evil.example",
    "x-forwarded-host": "evil.example",
    "x-http-method-override": "DELETE",
    "x-method-override": "DELETE",
    "x-original-url": "/admin",
    "x-rewrite-url": "/admin",
    "forwarded": "host=evil.example",
    "transfer-encoding": "chunked",
    "connection": "keep-alive, x-api-key",
    "upgrade": "websocket",
    "te": "trailers",
    "expect": "100-continue",
    "proxy-authorization": "Basic eDp5",
    "cookie": "session=1",
    "x-api-key": "sk-mine",
    "api-key": "sk-mine",
    "x-goog-api-key": "AIza-mine",
    "x-amz-security-token": "mine",
    "openai-organization": "org-mine",
    "openai-project": "proj-mine",
    "x-goog-user-project": "mine",
    "chatgpt-account-id": "mine",
    "helicone-target-url": "http://evil.example",
    "x-portkey-custom-host": "http://evil.example",
    "x-target-url": "http://evil.example",
    "accept-encoding": "zstd",
    "content-encoding": "gzip",
    "trailer": "x",
    "te\x00": "x",
}


def gateway(answer=OK, **provider):
    config = configuration()
    config["providers"]["openai-chat"].update(provider)
    return direct(lambda _: answer, config=config)


@pytest.mark.parametrize("path", [b"/providers/openai-chat/files", b"/v1/images/generations"])
@pytest.mark.parametrize("name", HOSTILE)
async def test_no_header_of_a_caller_bends_a_passed_request(path, name):
    running, transport = gateway()
    sent = {name: HOSTILE[name], "authorization": f"Bearer {KEY}"}
    body = dumped({"model": "m-openai-chat"})
    got = await asked(running, "POST", path, body, sent)
    assert got.status == 200
    (request,) = transport.sent
    assert request.method == "POST"
    assert request.origin.host == "openai-chat.example"
    headers = dict(request.headers)
    assert len(headers) == len(request.headers)
    assert headers[b"authorization"] == f"Bearer {PROVIDER_KEY}".encode()
    assert name.encode() not in headers.keys() - {b"authorization"}
    assert HOSTILE[name].encode() not in headers.values()
    assert KEY not in repr(request)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND"])
@pytest.mark.parametrize("path", [b"/providers/openai-chat/files", b"/v1/moderations"])
async def test_no_other_method_passes(method, path):
    running, transport = gateway()
    assert (await asked(running, method, path)).status in (404, 405)
    assert not transport.sent


@pytest.mark.parametrize(
    "path",
    [
        b"/providers/openai-chat/%2e%2e/admin",
        b"/providers/openai-chat/..;/admin",
        b"/providers/openai-chat/a/%2E./b",
        b"/providers/openai-chat/a%2f..%2fb",
        b"/providers/openai-chat/a%5cb",
        b"/providers/openai-chat/a\\b",
        b"/providers/openai-chat//evil.example/x",
        b"/providers/openai-chat/a#b",
        b"/providers/openai-chat/a b",
        b"/providers/openai-chat/a\r\nx-evil: 1",
        b"/providers/openai-chat/%0d%0ax",
        b"/providers/openai-chat/%00",
        b"/providers/openai-chat/%",
        b"/providers/openai-chat/\xc3\xa9",
        b"/providers/openai-chat",
        b"/providers/openai-chat%2ffiles",
        b"/providers/openai-chat@evil.example/x",
        b"/providers/%6fpenai-chat%00/x",
        b"/providers/../v1/models",
        b"/providers//x",
        b"/PROVIDERS/openai-chat/x",
        b"/v1/../providers/openai-chat/x",
    ],
)
async def test_a_path_that_could_be_read_in_two_ways_is_refused(path):
    running, transport = gateway()
    got = await asked(running, "POST", path, dumped({"model": "m-openai-chat"}))
    for request in transport.sent:
        # what is left of it is one plain segment below the provider's own prefix
        assert request.origin.host == "openai-chat.example"
        assert request.target in ("/v1/..;/admin", "/v1/%0d%0ax", "/v1/%00")
    assert transport.sent or got.status in (400, 404)


@pytest.mark.parametrize(
    ("query", "target"),
    [
        (b"tier=mine&a=1", "/v1/files?tier=gold&a=1"),
        (b"TIER=mine", "/v1/files?tier=gold"),
        (b"%74ier=mine", "/v1/files?tier=gold"),
        (b"key=mw-x&api_key=y&access_token=z&API-KEY=w&b=2", "/v1/files?tier=gold&b=2"),
        (b"%6bey=mw-x", "/v1/files?tier=gold"),
        (b"a=1#b", None),
        (b"a=1 HTTP/1.1\r\nx: y", None),
    ],
)
async def test_a_query_repeats_nothing_of_the_operator_s_and_carries_no_key(query, target):
    running, transport = gateway(query={"tier": "gold"})
    got = await asked(running, "GET", b"/providers/openai-chat/files", query=query)
    if target is None:
        assert (got.status, transport.sent) == (400, [])
    else:
        assert [request.target for request in transport.sent] == [target]


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "", "application/vnd.api+json", "Application/JSON"]
)
async def test_json_is_read_whatever_its_type_says(kind):
    running, transport = gateway()
    private = {"model": "x", "image_url": {"url": "http://169.254.169.254/"}}
    path = b"/providers/openai-chat/chat"
    got = await asked(running, "POST", path, dumped(private), {"content-type": kind})
    assert (got.status, transport.sent) == (403, [])
    other = {"model": "m-openai-chat"}
    path = b"/v1/images/generations"
    got = await asked(running, "POST", path, dumped(other), {"content-type": kind})
    assert json.loads(transport.sent[0].body) == {"model": "upstream-model"}


async def test_a_form_s_url_is_a_place_too():
    running, transport = gateway()
    form = (
        b'--e\r\nContent-Disposition: form-data; name="url"\r\n\r\nhttp://127.0.0.1/a.wav\r\n--e--'
    )
    kind = {"content-type": "multipart/form-data; boundary=e"}
    got = await asked(running, "POST", b"/providers/openai-chat/audio", form, kind)
    assert (got.status, transport.sent) == (403, [])


async def test_of_an_answer_only_what_describes_it_comes_back():
    said = {
        b"content-type": b"image/png",
        b"content-range": b"bytes 0-1/2",
        b"set-cookie": b"a=b",
        b"server": b"x",
        b"location": b"http://evil.example",
        b"access-control-allow-origin": b"*",
        b"www-authenticate": b"Basic",
        b"openai-organization": b"org-of-the-operator",
        b"strict-transport-security": b"x",
        b"content-security-policy": b"x",
        b"connection": b"close",
        b"transfer-encoding": b"chunked",
        b"x-modelway-provider": b"forged",
        b"clear-site-data": b"*",
    }
    running, _ = gateway(Told(200, said.items(), b"ab"))
    got = await asked(running, "GET", b"/providers/openai-chat/files/a/content")
    assert got.body == b"ab"
    assert got.headers.pop(b"x-modelway-provider") == b"openai-chat"
    assert got.headers.keys() <= {
        b"content-type",
        b"content-range",
        b"x-request-id",
        b"x-modelway-model",
    }


async def test_a_redirect_is_not_followed_nor_shown():
    for status in (301, 302, 303, 304, 307, 308):
        running, transport = gateway(
            Told(status, ((b"location", b"http://10.0.0.1/"),), b"10.0.0.1")
        )
        got = await asked(running, "GET", b"/providers/openai-chat/files")
        assert got.status >= 400
        assert len(transport.sent) == 1
        assert b"location" not in got.headers


async def test_a_failed_post_is_tried_as_often_as_its_provider_says():
    running, transport = gateway(Told(500, (), b"{}"))
    got = await asked(running, "POST", b"/providers/openai-chat/fine_tuning/jobs", b"{}")
    assert got.status == 503
    assert len(transport.sent) == 1
