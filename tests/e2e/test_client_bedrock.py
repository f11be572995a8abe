"""AWS's SDK at the gateway, with providers of other wires behind it: tools, streams, refusals."""

import contextlib

import pytest
from botocore import UNSIGNED, session
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from support.clients import CITY, FAILURES, QUESTION, clients

ASK = [{"role": "user", "content": [{"text": QUESTION}]}]
WIRES = pytest.mark.parametrize("wire", ["messages", "chat", "responses", "gemini"])
TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": "get_weather",
                "description": "The weather.",
                "inputSchema": {"json": CITY},
            }
        }
    ]
}


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    with clients(tmp_path_factory.mktemp("state")) as running:
        yield running


def sdk(url, key):
    """It sends a bearer key by TLS alone, so here its requests are given theirs."""
    made = session.Session().create_client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )
    made.meta.events.register(
        "request-created.bedrock-runtime",
        lambda request, **_: request.headers.add_header("authorization", f"Bearer {key}"),
    )
    return made


@pytest.fixture
def aws(behind):
    made = sdk(behind.url, behind.key)
    yield made
    made.close()


def gathered(stream):
    """A stream's blocks, how it finished, and its usage."""
    blocks, finish, usage = {}, None, None
    for event in stream:
        for name, said in event.items():
            if name == "contentBlockStart":
                blocks[said["contentBlockIndex"]] = {"toolUse": {**said["start"]["toolUse"]}}
            elif name == "contentBlockDelta":
                block = blocks.setdefault(said["contentBlockIndex"], {})
                for kind, piece in said["delta"].items():
                    if kind == "toolUse":
                        call = block["toolUse"]
                        call["input"] = call.get("input", "") + piece["input"]
                    elif kind == "text":
                        block["text"] = block.get("text", "") + piece
            elif name == "messageStop":
                finish = said["stopReason"]
            elif name == "metadata":
                usage = said["usage"]
    return [blocks[at] for at in sorted(blocks)], finish, usage


@WIRES
def test_an_answer_and_its_stream_say_the_same(aws, wire):
    asked = {"modelId": f"{wire}/sim-demo", "messages": ASK, "system": [{"text": "Be brief."}]}
    whole = aws.converse(**asked)
    text = whole["output"]["message"]["content"][0]["text"]
    assert QUESTION in text
    blocks, finish, usage = gathered(aws.converse_stream(**asked)["stream"])
    assert blocks[0]["text"] == text
    assert finish == whole["stopReason"] == "end_turn"
    assert usage["outputTokens"] == whole["usage"]["outputTokens"] > 5


@WIRES
@pytest.mark.parametrize("stream", [False, True])
def test_tools_go_round(aws, wire, stream):
    model = f"{wire}/{'gemini-3-pro-preview' if wire == 'gemini' else 'sim-demo'}"
    asked = {"modelId": model, "messages": ASK, "toolConfig": TOOLS}
    first = aws.converse(**asked)
    assert first["stopReason"] == "tool_use"
    said = first["output"]["message"]
    [call] = [block["toolUse"] for block in said["content"] if "toolUse" in block]
    if stream:
        blocks, finish, _ = gathered(aws.converse_stream(**asked)["stream"])
        assert finish == "tool_use"
        [called] = [block["toolUse"] for block in blocks if "toolUse" in block]
        assert called["input"].replace(" ", "") == '{"city":"Paris"}'
        assert called["name"] == "get_weather"
    assert call["input"] == {"city": "Paris"}
    result = {"toolUseId": call["toolUseId"], "content": [{"text": "19 degrees"}]}
    turns = [*ASK, said, {"role": "user", "content": [{"toolResult": result}]}]
    after = aws.converse(**{**asked, "messages": turns})
    assert "19 degrees" in after["output"]["message"]["content"][0]["text"]


CODES = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalServerException",
}


@WIRES
@pytest.mark.parametrize("model", FAILURES)
def test_errors_have_their_code(aws, wire, model):
    with pytest.raises(ClientError) as told:
        aws.converse(modelId=f"{wire}/{model}", messages=ASK)
    code = told.value.response["Error"]["Code"]
    unavailable = {CODES[500], "ServiceUnavailableException"}
    assert code in unavailable if model == "sim-500" else code == CODES[FAILURES[model]]


@WIRES
def test_an_error_inside_a_stream(aws, wire):
    answer = aws.converse_stream(modelId=f"{wire}/sim-stream-error", messages=ASK)
    with contextlib.closing(answer["stream"]) as stream, pytest.raises(EventStreamError):
        list(stream)


def test_a_wrong_key(behind):
    stranger = sdk(behind.url, "wrong")
    with pytest.raises(ClientError) as told:
        stranger.converse(modelId="chat/sim-demo", messages=ASK)
    assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] in (401, 403)
    stranger.close()
