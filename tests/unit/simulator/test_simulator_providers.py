"""What is each provider's own: signatures, stages, listings, embeddings, and whose path it is."""

import base64
import json
import math
import struct

import pytest

from modelway.simulator.app import Simulator
from modelway.simulator.magic import MAGIC
from modelway.simulator.script import ListedModel, Script


def send(simulator, path, body=None, *headers, method=None):
    method = method or ("GET" if body is None else "POST")
    data = b"" if body is None else json.dumps(body).encode()
    response = simulator.handle(method, path, headers, data)
    return response.status, json.loads(b"".join(response.steps))


def ask(path, body, *headers):
    status, answer = send(Simulator(), path, body, *headers)
    assert status == 200, answer
    return answer


def near(one, other):
    return sum([a * b for a, b in zip(one, other, strict=True)])


# ---------------------------------------------------------------- gemini

DECLARED = [{"functionDeclarations": [{"name": "get_weather", "description": "weather"}]}]
USER = {"role": "user", "parts": [{"text": "The weather?"}]}


def gemini(contents, model="gemini-3-pro", **fields):
    body = {"contents": contents, **fields}
    return send(Simulator(), f"/v1beta/models/{model}:generateContent", body)


def test_gemini_wants_a_calls_signature_back_as_it_was():
    _, answer = gemini([USER], tools=DECLARED)
    said = answer["candidates"][0]["content"]
    call = said["parts"][0]
    assert call["thoughtSignature"]
    result = {"name": "get_weather", "response": {"result": "sunny"}}
    back = {"role": "user", "parts": [{"functionResponse": result}]}
    status, answer = gemini([USER, said, back], tools=DECLARED)
    assert status == 200
    assert "sunny" in answer["candidates"][0]["content"]["parts"][0]["text"]
    bare = {"role": "model", "parts": [{"functionCall": call["functionCall"]}]}
    status, error = gemini([USER, bare, back], tools=DECLARED)
    assert (status, error["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "missing a thought_signature" in error["error"]["message"]
    assert gemini([USER, bare, back], "gemini-2.5-flash", tools=DECLARED)[0] == 200
    assert gemini([USER, bare, back, USER], tools=DECLARED)[0] == 200  # of a turn that is over
    other = {**call, "functionCall": {"name": "get_weather", "args": {"city": "Rome"}}}
    forged = {"role": "model", "parts": [other]}
    assert gemini([USER, forged, back], tools=DECLARED)[1]["error"]["message"].startswith(
        "Corrupted"
    )


def test_gemini_shows_thoughts_only_when_asked_and_signs_what_follows():
    config = {"thinkingConfig": {"thinkingBudget": 100, "includeThoughts": True}}
    parts = gemini([USER], generationConfig=config)[1]["candidates"][0]["content"]["parts"]
    assert [part.get("thought") for part in parts] == [True, None]
    assert parts[-1]["thoughtSignature"]
    config = {"thinkingConfig": {"thinkingBudget": 100}}
    _, answer = gemini([USER], generationConfig=config)
    assert len(answer["candidates"][0]["content"]["parts"]) == 1
    usage = answer["usageMetadata"]
    parts = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert usage["totalTokenCount"] == sum([usage[name] for name in parts])


def test_gemini_blocks_a_prompt_and_an_answer():
    _, answer = gemini([USER], "sim-refuse")
    assert answer["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"}
    assert "candidates" not in answer
    _, answer = gemini([USER], "sim-filter")
    assert answer["candidates"][0]["finishReason"] == "SAFETY"
    assert answer["candidates"][0]["safetyRatings"][0]["blocked"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"contents": []}, "contents is not specified"),
        ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "valid role: user, model"),
        ({"contents": [{"role": "user", "parts": []}]}, "must not be empty"),
        ({"contents": [{"role": "user", "parts": [{}]}]}, "oneof field 'data'"),
        (
            {"contents": [{"parts": [{"txt": "x"}]}]},
            "Unknown name \"txt\" at 'contents[0].parts[0]'",
        ),
        ({"contents": [USER], "generationConfig": {"temperature": 3}}, "range [0.0, 2.0]"),
        (
            {"contents": [USER], "tools": [{"functionDeclarations": [{"name": "1 x"}]}]},
            "Invalid function name",
        ),
        (
            {"contents": [USER], "generationConfig": {"responseSchema": {"type": "STRING"}}},
            "response_mime_type",
        ),
        (
            {"contents": [USER], "generationConfig": {"responseJsonSchema": {"required": [1]}}},
            "required is not an array of strings",
        ),
    ],
)
def test_gemini_refuses_in_its_words(body, said):
    status, error = send(Simulator(), "/v1beta/models/m:generateContent", body)
    assert status == 400
    assert said in error["error"]["message"]


def test_gemini_takes_both_spellings_of_names():
    config = {"max_output_tokens": 2, "response_mime_type": "text/plain"}
    body = {"contents": [USER], "generation_config": config, "system_instruction": USER}
    answer = ask("/v1beta/models/m:generateContent", body)
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_gemini_counts_and_embeds():
    one = {"content": {"parts": [{"text": "a cat sat"}]}, "outputDimensionality": 64}
    assert len(ask("/v1beta/models/e:embedContent", one)["embedding"]["values"]) == 64
    batch = {"requests": [{**one, "model": "models/e"}] * 2}
    first, second = ask("/v1beta/models/e:batchEmbedContents", batch)["embeddings"]
    assert first == second
    counted = ask("/v1beta/models/m:countTokens", {"contents": [USER]})
    within = {"generateContentRequest": {"model": "models/m", "contents": [USER]}}
    assert ask("/v1beta/models/m:countTokens", within) == counted


# ---------------------------------------------------------------- bedrock


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer bedrock-api-key-x", 200),
        (
            "AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/bedrock/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, Signature=" + "0a" * 32,
            200,
        ),
        ("AWS4-HMAC-SHA256 Credential=AKID, SignedHeaders=host, Signature=00", 403),
        (
            "AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/bedrock/aws4_request, "
            "SignedHeaders=host, Signature=" + "0a" * 32,
            403,
        ),
    ],
)
def test_bedrock_takes_a_bearer_or_what_has_a_signatures_form(authorization, status):
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    headers = (
        (b"authorization", authorization.encode()),
        (b"x-amz-date", b"20261121T120000Z"),
    )
    response = Simulator().handle("POST", "/model/m/converse", headers, json.dumps(body).encode())
    assert response.status == status
    if status == 403:
        kind = dict(response.headers)[b"x-amzn-errortype"]
        assert kind.startswith(b"IncompleteSignatureException:")


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "must start with a user message"),
        ([("assistant", {"text": "x"})], "must start with a user message"),
        ([("user", {"text": "x"}), ("user", {"text": "y"})], "must alternate"),
        ([("user", {"text": "  "})], "is blank"),
        ([("user", {"text": "x", "image": None}), ("assistant", {})], "must set one of"),
        (
            [
                ("user", {"text": "x"}),
                ("assistant", {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}),
            ],
            "Expected toolResult blocks at messages.2.content for the following Ids: t",
        ),
    ],
)
def test_bedrock_refuses_in_its_words(messages, said):
    turns = [{"role": role, "content": [block]} for role, block in messages]
    status, error = send(Simulator(), "/model/m/converse", {"messages": turns})
    assert status == 400
    assert said in error["message"]


def test_bedrock_counts_either_request_and_embeds():
    converse = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
    counted = ask("/model/m/count-tokens", {"input": {"converse": converse}})
    assert counted["inputTokens"] == ask("/model/m/converse", converse)["usage"]["inputTokens"]
    message = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
    body = base64.b64encode(json.dumps(message).encode()).decode()
    assert ask("/model/m/count-tokens", {"input": {"invokeModel": {"body": body}}})["inputTokens"]
    assert (
        len(ask("/model/titan/invoke", {"inputText": "a", "dimensions": 256})["embedding"]) == 256
    )
    assert len(ask("/model/c/invoke", {"texts": ["a", "b"]})["embeddings"]) == 2


# ---------------------------------------------------------------- embeddings and ranks


def test_equal_texts_have_equal_vectors_and_alike_texts_are_nearer():
    body = {"model": "e", "input": ["The cat sat.", "The cat sat.", "A cat sits.", "Tax law"]}
    data = [each["embedding"] for each in ask("/v1/embeddings", body)["data"]]
    assert data[0] == data[1]
    assert near(data[0], data[2]) > near(data[0], data[3])
    assert math.isclose(near(data[0], data[0]), 1.0)


def test_vectors_come_as_base64_and_in_a_wanted_length():
    plain = ask("/v1/embeddings", {"model": "e", "input": "x", "dimensions": 8})
    packed = {"model": "e", "input": "x", "dimensions": 8, "encoding_format": "base64"}
    data = base64.b64decode(ask("/v1/embeddings", packed)["data"][0]["embedding"])
    assert struct.unpack("<8f", data) == pytest.approx(plain["data"][0]["embedding"])


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
def test_documents_are_ranked_by_their_nearness(path):
    documents = ["Dogs bark.", "Paris is the capital of France.", "Tax law"]
    body = {"model": "r", "query": "capital of France", "documents": documents, "top_n": 2}
    results = ask(path, body)["results"]
    assert results[0]["index"] == 1
    assert len(results) == 2
    assert results[0]["relevance_score"] > results[1]["relevance_score"]


def test_cohere_and_ollama_embed():
    forms = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
    body = {
        "model": "e",
        "texts": ["a", "b"],
        "input_type": "search_query",
        "embedding_types": forms,
    }
    made = ask("/v2/embed", {**body, "output_dimension": 256})["embeddings"]
    assert [len(made[form]) for form in forms] == [2] * 6
    assert len(made["binary"][0]) == 32
    assert len(ask("/api/embed", {"model": "e", "input": ["a", "b"]})["embeddings"]) == 2
    assert len(ask("/api/embeddings", {"model": "e", "prompt": "a"})["embedding"]) == 768


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "sim-429", "input": "x"}),
        ("/v1/rerank", {"model": "sim-429", "query": "x", "documents": ["y"]}),
        ("/v1/completions", {"model": "sim-429", "prompt": "x"}),
        ("/v1/images/generations", {"model": "sim-429", "prompt": "x"}),
        ("/v1/moderations", {"model": "sim-429", "input": "x"}),
        ("/v1beta/models/sim-429:embedContent", {"content": {"parts": [{"text": "x"}]}}),
        ("/v2/embed", {"model": "sim-429", "texts": ["x"], "input_type": "image"}),
        ("/api/embed", {"model": "sim-429", "input": "x"}),
        ("/api/generate", {"model": "sim-429", "prompt": "x"}),
        ("/v1/models/x/sim-429/predictions", {"input": {"prompt": "x"}}),
    ],
)
def test_magic_models_work_in_all_operations(path, body):
    assert send(Simulator(), path, body)[0] == 429


# ---------------------------------------------------------------- openai's others


def test_a_prompt_is_continued_whole_and_streamed():
    body = {"model": "m", "prompt": ["Once", "Twice"], "max_tokens": 100, "echo": True}
    choices = ask("/v1/completions", body)["choices"]
    assert choices[0]["text"].startswith("Once")
    assert choices[1]["text"].startswith("Twice")
    data = json.dumps({**body, "stream": True}).encode()
    told = b"".join(Simulator().handle("POST", "/v1/completions", (), data).steps).split(b"\n\n")
    chunks = [json.loads(each[6:])["choices"][0] for each in told if each.startswith(b"data: {")]
    first = "".join([chunk["text"] for chunk in chunks if chunk["index"] == 0])
    assert first == choices[0]["text"]
    assert told[-2] == b"data: [DONE]"


def test_media_are_real_in_their_form():
    image = ask("/v1/images/generations", {"prompt": "a cat"})["data"][0]["b64_json"]
    assert base64.b64decode(image).startswith(b"\x89PNG")
    body = json.dumps({"model": "m", "input": "x", "voice": "v", "response_format": "wav"})
    spoken = Simulator().handle("POST", "/v1/audio/speech", (), body.encode())
    assert dict(spoken.headers)[b"content-type"] == b"audio/wav"
    assert b"".join(spoken.steps).startswith(b"RIFF")
    form = b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper\r\n--b\r\n'
    form += (
        b'content-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n'
    )
    media = ((b"content-type", b"multipart/form-data; boundary=b"),)
    heard = Simulator().handle("POST", "/v1/audio/transcriptions", media, form)
    assert json.loads(b"".join(heard.steps))["text"]
    assert ask("/v1/moderations", {"input": ["kill", "hi"]})["results"][0]["flagged"]


# ---------------------------------------------------------------- ollama, replicate


def test_ollama_streams_unless_told_not_to_and_loads_without_messages():
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    told = Simulator().handle("POST", "/api/chat", (), json.dumps(body).encode())
    assert dict(told.headers)[b"content-type"] == b"application/x-ndjson"
    lines = b"".join(told.steps).splitlines()
    assert [json.loads(line)["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert ask("/api/chat", {"model": "m", "stream": False})["done_reason"] == "load"
    shown = ask("/api/show", {"model": "sim-tiny"})
    assert shown["model_info"]["simulated.context_length"] == 64


def test_a_prediction_goes_a_stage_further_at_each_look():
    simulator = Simulator()
    path, body = "/replicate/v1/models/meta/llama/predictions", {"input": {"prompt": "Hi"}}
    status, begun = send(simulator, path, body, (b"host", b"here"))
    assert (status, begun["status"], "output" in begun) == (201, "starting", False)
    assert begun["urls"]["get"] == f"http://here/replicate/v1/predictions/{begun['id']}"
    look = begun["urls"]["get"].removeprefix("http://here")
    stages = [send(simulator, look)[1] for _ in range(3)]
    assert [each["status"] for each in stages] == ["processing", "succeeded", "succeeded"]
    assert "simulator" in "".join(stages[-1]["output"])
    stream = begun["urls"]["stream"].removeprefix("http://here")
    events = b"".join(simulator.handle("GET", stream, (), b"").steps)
    said = [line[6:].decode() for line in events.split(b"\n") if line.startswith(b"data: ")]
    assert "".join(said[:-1]) == "".join(stages[-1]["output"])
    assert send(simulator, look + "/cancel", {})[1]["status"] == "succeeded"


def test_a_prediction_can_be_waited_for_and_cancelled():
    simulator = Simulator()
    path, body = "/v1/predictions", {"version": "v", "input": {"prompt": "Hi"}}
    assert send(simulator, path, body, (b"prefer", b"wait=5"))[1]["status"] == "succeeded"
    name = send(simulator, path, body)[1]["id"]
    assert send(simulator, f"/v1/predictions/{name}/cancel", {})[1]["status"] == "canceled"
    assert send(simulator, f"/v1/predictions/{name}")[1]["status"] == "canceled"
    status, error = send(simulator, path, {"version": "v", "input": {}})
    assert (status, error["invalid_fields"][0]["field"]) == (422, "input.prompt")
    assert send(simulator, "/v1/predictions/none")[0] == 404


# ---------------------------------------------------------------- whose path it is


@pytest.mark.parametrize(
    ("path", "headers", "key"),
    [
        ("/v1/models", (), "object"),
        ("/openai/v1/models", ((b"x-api-key", b"k"),), "object"),
        ("/v1/models", ((b"anthropic-version", b"v"),), "has_more"),
        ("/v1/models", ((b"x-goog-api-key", b"k"),), "models"),
        ("/v1beta/models", (), "models"),
        ("/cohere/v1/models", (), "next_page_token"),
        ("/api/tags", (), "models"),
    ],
)
def test_each_lists_its_models_in_its_form(path, headers, key):
    listing = send(Simulator(), path, None, *headers)[1]
    assert key in listing
    listed = listing.get("data") or listing["models"]
    assert len(listed) in {20, len(MAGIC)}  # Anthropic's pages hold 20


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/models/{}", "id"),
        ("/v1beta/models/{}", "name"),
        ("/cohere/v1/models/{}", "name"),
    ],
)
def test_a_model_whose_name_has_a_slash_is_found(path, found):
    simulator = Simulator(Script(models=(ListedModel(id="a/b c"),)))
    assert send(simulator, path.format("a%2Fb%20c"))[1][found].endswith("a/b c")
    assert send(simulator, path.format("none"))[0] == 404


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/nothing", "Invalid URL (POST /v1/nothing)"),
        ("/v1/messages/nothing", "Not Found"),
        ("/v1beta/nothing", "Not Found"),
        ("/model/m/nothing", "Unable to determine the operation"),
        ("/v2/nothing", "resource not found"),
        ("/api/nothing", "404 page not found"),
        ("/replicate/v1/nothing", "could not be found"),
    ],
)
def test_an_unknown_path_is_told_as_its_provider_would(path, said):
    status, error = send(Simulator(), path, {})
    assert status == 404
    assert said in json.dumps(error)
