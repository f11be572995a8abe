"""X-A5: kept responses of somebody else, under odd ids, in a damaged or full file, by many at once."""

import asyncio
import json
import logging

import pytest

from modelway.gateway.stored import Kept, Responses
from modelway.types import Message, Text
from support.direct import KEY, OTHER, Told, asked, direct, dumped

EVENTS = (
    b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":%b}\n\n'
    b"event: response.output_text.delta\n"
    b'data: {"type":"response.output_text.delta","sequence_number":1,"item_id":"m","output_index":0,'
    b'"content_index":0,"delta":"Blue."}\n\n'
    b'event: response.completed\ndata: {"type":"response.completed","sequence_number":2,"response":%b}\n\n'
)
SECRET = "what only one tenant may know"


def response(id_="resp_1"):
    return {
        "id": id_,
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": [
            {
                "type": "message",
                "id": "m",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": SECRET, "annotations": []}],
            }
        ],
        "usage": {
            "input_tokens": 3,
            "output_tokens": 2,
            "total_tokens": 5,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def answering(id_="resp_1", *, stream=False):
    body = dumped(response(id_))
    if stream:
        return lambda _: Told(
            200, ((b"content-type", b"text/event-stream"),), EVENTS % (body, body)
        )
    return lambda _: Told(200, ((b"content-type", b"application/json"),), body)


async def ask(gateway, *, key=KEY, model="m-openai-responses", **more):
    body = dumped({"model": model, "input": "One.", **more})
    return await asked(gateway, "POST", b"/v1/responses", body, key=key)


@pytest.mark.parametrize("path", [b"", b"/input_items"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_another_tenant_s_response_is_nowhere(method, path):
    gateway, transport = direct(answering())
    assert (await ask(gateway, store=True)).status == 200
    for model in ("m-openai-responses", "m-openai-chat"):
        got = await ask(gateway, key=OTHER, model=model, previous_response_id="resp_1")
        assert got.status == 404
        assert SECRET.encode() not in got.body
    assert len(transport.sent) == 1
    if method == "GET" or not path:
        got = await asked(gateway, method, b"/v1/responses/resp_1" + path, key=OTHER)
        assert got.status == 404
        assert SECRET.encode() not in got.body
    kept = await asked(gateway, "GET", b"/v1/responses/resp_1")
    assert json.loads(kept.body)["output"][0]["content"][0]["text"] == SECRET


async def test_an_id_that_somebody_has_is_not_taken_over_and_it_is_said():
    gateway, _ = direct(answering())
    await ask(gateway, store=True)
    taken = await ask(gateway, key=OTHER, store=True)
    assert taken.status == 200
    assert b"could not be kept" in taken.headers[b"x-modelway-warnings"]
    assert (await asked(gateway, "GET", b"/v1/responses/resp_1", key=OTHER)).status == 404


@pytest.mark.parametrize(
    "id_",
    [
        "resp_' OR 1=1 --",
        "resp_%",
        "resp_1\x00",
        "é\u2028",
        "../resp_1",
        "a/b",
        "x" * 10_000,
        "resp_1 ",
        "RESP_1",
        "%2e",
    ],
)
async def test_an_odd_id_is_nobody_s(id_):
    gateway, _ = direct(answering())
    await ask(gateway, store=True)
    assert (await ask(gateway, previous_response_id=id_)).status == 404
    path = "".join([f"%{byte:02x}" for byte in id_.encode()]).encode()
    for method, more in (("GET", b""), ("GET", b"/input_items"), ("DELETE", b"")):
        got = await asked(gateway, method, b"/v1/responses/" + path + more)
        assert got.status == 404
        assert b"SELECT" not in got.body
    assert (await asked(gateway, "GET", b"/v1/responses/resp_1")).status == 200


@pytest.mark.parametrize("id_", ["", 5, None])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_response_without_an_id_is_given_and_not_kept(id_, stream):
    gateway, _ = direct(answering(id_, stream=stream))
    got = await ask(gateway, store=True, stream=stream)
    unreadable = stream and id_ != ""
    assert got.status == (502 if unreadable else 200)
    assert (SECRET.encode() in got.body) is not unreadable
    if not stream:
        assert b"could not be kept" in got.headers[b"x-modelway-warnings"]
    assert (await ask(gateway, previous_response_id="")).status == 404


def damaged(path):
    path.write_bytes(b"this is no database" * 1000)


@pytest.mark.parametrize("how", ["damaged", "absent", "full"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["m-openai-responses", "m-openai-chat"])
async def test_an_answer_that_cannot_be_kept_arrives_and_says_so(
    tmp_path, how, stream, model, caplog
):
    path = tmp_path / "responses.sqlite"
    if how == "damaged":
        damaged(path)
    elif how == "absent":
        path.mkdir()
    responses = Responses(path)
    if how == "full":
        connection = responses._open()
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    chat = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": SECRET},
                "finish_reason": "stop",
            }
        ],
    }
    chunk = {**chat, "object": "chat.completion.chunk"}
    chunk["choices"] = [{"index": 0, "delta": {"content": SECRET}, "finish_reason": "stop"}]
    if model == "m-openai-responses":
        answer = answering(stream=stream)
    elif stream:
        data = b"data: %b\n\ndata: [DONE]\n\n" % dumped(chunk)
        answer = lambda _: Told(200, ((b"content-type", b"text/event-stream"),), data)  # noqa: E731
    else:
        answer = lambda _: Told(200, ((b"content-type", b"application/json"),), dumped(chat))  # noqa: E731
    gateway, _ = direct(answer, responses=responses)
    got = await ask(gateway, model=model, store=True, stream=stream, input="x" * 10_000)
    assert (got.status, got.whole) == (200, True)
    assert SECRET.encode() in got.body
    if stream:
        before, said, after = got.body.partition(b": modelway could not keep this response\n\n")
        assert said
        assert before.endswith((b"", b"\n\n")[bool(before)])
        assert b"event: response.completed" in after
    else:
        assert b"could not be kept" in got.headers[b"x-modelway-warnings"]
    assert "responses.sqlite cannot be used" in caplog.text
    assert not [record for record in caplog.records if record.exc_info]
    gone = await ask(gateway, previous_response_id="resp_1")
    assert gone.status == (404 if how == "full" else 503)
    assert str(tmp_path).encode() not in gone.body
    responses.close()


async def test_a_tampered_row_is_refused_in_words(tmp_path):
    responses = Responses(tmp_path / "responses.sqlite")
    kept = Kept(id="r", tenant="local", messages=(Message(role="user", parts=(Text(text="x"),)),))
    await responses.keep(kept)
    gateway, _ = direct(answering(), responses=responses)
    for value in (b"\xff", b"\x91\x01", b""):
        with responses._open() as connection:
            connection.execute("UPDATE responses SET messages = ?", (value,))
        assert (await asked(gateway, "GET", b"/v1/responses/r")).status == 503
        assert (await ask(gateway, previous_response_id="r")).status == 503
    responses.close()


@pytest.mark.parametrize("kept", ["null", "5", "[1, null]", '{"a": 1}', '[{"role": 5}]', '"x"'])
async def test_any_input_is_listed(kept):
    gateway, _ = direct(answering())
    await ask(gateway, store=True, input=json.loads(kept))
    listed = await asked(gateway, "GET", b"/v1/responses/resp_1/input_items")
    assert listed.status in (200, 404)
    assert json.loads(listed.body)


async def test_responses_that_follow_each_other_in_a_circle_end():
    gateway, transport = direct(answering())
    await ask(gateway, store=True)
    await ask(gateway, store=True, previous_response_id="resp_1")
    await ask(gateway, model="m-openai-chat", previous_response_id="resp_1")
    texts = transport.sent[-1].body.count(SECRET.encode())
    assert texts == 1


async def test_many_write_at_once(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    first, second = (Responses(tmp_path / "responses.sqlite") for _ in range(2))
    await asyncio.gather(
        *[
            one.keep(Kept(id=f"r{number}", tenant=f"t{number % 3}", body=b"%d" % number))
            for number in range(60)
            for one in (first, second)
        ]
    )
    for number in range(60):
        assert (await second.find(f"r{number}", f"t{number % 3}")).body == b"%d" % number
    assert not caplog.records
    first.close()
    second.close()
