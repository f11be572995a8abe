"""Endpoints that are not modelled, over real HTTP to a scripted provider: bytes both ways, and whose."""

import asyncio
import http.client
import json

import pytest

from support.origin_server import serve
from support.serving import KEY, served

PROVIDER_KEY = "sk-the-operators-own-0123456789"
IMAGE = b"\x89PNG" + bytes(range(256)) * 50
FORM = (
    b'--edge\r\nContent-Disposition: form-data; name="model"\r\n\r\nears\r\n'
    b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\n" + bytes(range(256)) + b"\r\n--edge--\r\n"
)
FORM_TYPE = {"content-type": "multipart/form-data; boundary=edge"}
JSON_TYPE = {"content-type": "application/json"}


def answer(body, kind=b"application/json", status=b"200 OK", more=b""):
    return (
        b"HTTP/1.1 %s\r\ncontent-type: %s\r\nset-cookie: a=b\r\n%scontent-length: %d\r\n\r\n%s"
        % (status, kind, more, len(body), body)
    )


def passed(tmp_path, answers, method, path, body=None, headers=(), *, key=KEY, sent=None):
    """(status, headers, body) of one request through the gateway, and what the provider was sent."""

    async def run():
        async with serve(*answers) as origin:
            config = {
                "providers": {
                    "house": {
                        "base_url": f"http://127.0.0.1:{origin.port}/base/v1",
                        "api_key": PROVIDER_KEY,
                        "retries": 0,
                        "query": {"tier": "gold"},
                    },
                    "off": {"like": "openai"},
                },
                "models": {"ears": "house/whisper-9"},
            }

            def ask():
                with served(config, tmp_path, max_body_bytes=200_000) as gateway:
                    connection = http.client.HTTPConnection(
                        gateway.url.removeprefix("http://"), timeout=10
                    )
                    told = {} if key is None else {"authorization": f"Bearer {key}"}
                    connection.request(method, path, body, {**told, **dict(headers)})
                    response = connection.getresponse()
                    try:
                        return response.status, response.headers, response.read()
                    except http.client.IncompleteRead as cut:
                        return response.status, response.headers, cut
                    finally:
                        connection.close()

            return await asyncio.to_thread(ask), origin.requests

    return asyncio.run(run())


def test_json_goes_to_the_model_s_provider_with_its_key_and_only_the_model_changed(tmp_path):
    body = b'{"model": "ears", "size": 1.50, "prompt": "a \\u00e9 cat"}'
    (status, headers, got), (request,) = passed(
        tmp_path,
        [answer(IMAGE, b"image/png")],
        "POST",
        "/v1/images/generations?user=1&key=mw-mine",
        body,
        {**JSON_TYPE, "cookie": "c=d", "openai-organization": "org-mine", "idempotency-key": "7"},
    )
    assert (status, headers["content-type"], got) == (200, "image/png", IMAGE)
    assert headers["set-cookie"] is None
    assert (headers["x-modelway-provider"], headers["x-modelway-model"]) == ("house", "whisper-9")
    assert request.target == "/base/v1/images/generations?tier=gold&user=1"
    assert json.loads(request.body) == {**json.loads(body), "model": "whisper-9"}
    assert b"1.50" in request.body
    assert request.header("authorization") == f"Bearer {PROVIDER_KEY}"
    assert request.header("idempotency-key") == "7"
    assert request.header("cookie") is None
    assert request.header("openai-organization") is None
    assert KEY not in str(request)


def test_a_form_goes_with_its_bytes(tmp_path):
    (status, _, got), (request,) = passed(
        tmp_path,
        [answer(b'{"text":"hello"}')],
        "POST",
        "/v1/audio/transcriptions",
        FORM,
        FORM_TYPE,
    )
    assert (status, json.loads(got)) == (200, {"text": "hello"})
    assert request.target == "/base/v1/audio/transcriptions?tier=gold"
    assert request.body == FORM.replace(b"ears", b"whisper-9")
    assert request.header("content-type") == FORM_TYPE["content-type"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST", "PUT", "PATCH"])
def test_any_path_of_a_provider_by_its_name(tmp_path, method):
    (status, _, got), (request,) = passed(
        tmp_path,
        [answer(b"made", b"text/plain", b"201 Created")],
        method,
        "/providers/house/files/file-1/content?after=a%2Fb",
        b'{"a":1}' if method in ("POST", "PUT", "PATCH") else None,
        JSON_TYPE,
    )
    assert (status, got) == (201, b"made")
    assert (request.method, request.target) == (
        method,
        "/base/v1/files/file-1/content?tier=gold&after=a%2Fb",
    )


def test_a_stream_comes_as_it_is_sent_and_a_cut_one_is_not_taken_for_whole(tmp_path):
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    event = b"data: {}\n\n"
    chunk = b"%x\r\n%s\r\n" % (len(event), event)
    body = json.dumps({"model": "ears", "stream": True}).encode()
    (status, headers, got), _ = passed(
        tmp_path,
        [[head, chunk, 0.05, chunk, b"0\r\n\r\n"]],
        "POST",
        "/v1/audio/speech",
        body,
        JSON_TYPE,
    )
    assert (status, headers["content-type"], got) == (200, "text/event-stream", event * 2)
    (status, _, got), _ = passed(
        tmp_path, [[head, chunk, "close"]], "POST", "/v1/audio/speech", body, JSON_TYPE
    )
    assert status == 200
    assert isinstance(got, http.client.IncompleteRead)


def test_a_refusal_is_told_in_the_client_s_dialect_without_the_key(tmp_path):
    told = json.dumps({"error": {"message": f"bad key {PROVIDER_KEY}", "code": "x"}}).encode()
    (status, _, got), _ = passed(
        tmp_path,
        [answer(told, status=b"400 Bad Request")],
        "POST",
        "/v1/moderations",
        b'{"model":"ears","input":"x"}',
        JSON_TYPE,
    )
    assert status == 400
    assert "bad key" in json.loads(got)["error"]["message"]
    assert PROVIDER_KEY.encode() not in got


@pytest.mark.parametrize(
    ("path", "body", "headers", "key", "status"),
    [
        ("/v1/images/generations", b'{"model":"ears"}', JSON_TYPE, None, 401),
        ("/providers/house/files", b"", {}, None, 401),
        ("/v1/images/generations", b'{"prompt":"x"}', JSON_TYPE, KEY, 404),
        ("/v1/images/generations", b'{"model":7}', JSON_TYPE, KEY, 400),
        ("/v1/images/generations", b"{", JSON_TYPE, KEY, 400),
        ("/v1/audio/transcriptions", b"junk", FORM_TYPE, KEY, 400),
        (
            "/v1/images/edits",
            b'{"model":"ears","image":{"url":"http://10.0.0.1/"}}',
            JSON_TYPE,
            KEY,
            403,
        ),
        ("/providers/house/../secret", b"", {}, KEY, 400),
        ("/providers/house/%2e%2e/secret", b"", {}, KEY, 400),
        ("/providers/house/a%2fb", b"", {}, KEY, 400),
        ("/providers/house/a//b", b"", {}, KEY, 400),
        ("/providers/nobody/files", b"", {}, KEY, 404),
        ("/providers/off/files", b"", {}, KEY, 500),
        ("/v1/audio/x", b"x" * 200_001, {}, KEY, 413),
    ],
)
def test_what_is_refused_reaches_no_provider(tmp_path, path, body, headers, key, status):
    (got, _, told), requests = passed(
        tmp_path, [answer(b"{}")], "POST", path, body, headers, key=key
    )
    assert (got, requests) == (status, []), told
