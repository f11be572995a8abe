"""X-S2, X-S6: every field of every client's dialect that can hold a URL, and how one may be hidden."""

import json

import pytest

from modelway.dialects import dialect
from modelway.errors import BadRequestError, ForbiddenError
from modelway.gateway.ingress import call_of

USER = {"role": "user"}
TEXT = {"type": "text", "text": "x"}
PRIVATE = [
    "http://127.0.0.1/x",
    "http://0/",
    "http://0.0.0.0/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://169.254.169.254/latest/meta-data",
    "http://[fd00:ec2::254]/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://localhost./",
    "http://user:pass@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://127.0.0.1\\@example.com/",
    "ht\ntp://127.0.0.1/",
    "\t\x01http://127.0.0.1/",
    " " * 100 + "http://127.0.0.1/",
    "h" + "\n" * 100 + "ttp://127.0.0.1/",
    "file:///etc/passwd",
    "gopher://example.com/",
]


def part(**held):
    return {"messages": [{**USER, "content": [TEXT, held]}]}


def said(*items, **more):
    return {"input": [{**USER, "content": list(items)}], **more}


def gemini(**held):
    return {"contents": [{**USER, "parts": [held]}]}


def bedrock(held):
    return {"messages": [{**USER, "content": [held]}]}


FIELDS = {
    ("openai-chat", "chat"): [
        lambda u: part(type="image_url", image_url={"url": u}),
        lambda u: part(type="image_url", image_url=u),
        lambda u: part(type="video_url", video_url={"url": u}),
        lambda u: part(type="input_audio", input_audio={"data": u, "format": "wav"}),
        lambda u: part(type="file", file={"file_data": u, "filename": "a.pdf"}),
        lambda u: part(type="file", file={"url": "https://example.com/", "file_url": u}),
        lambda u: part(type="video", video=["https://example.com/1", u]),
        lambda u: part(type="image", image=u),
    ],
    ("openai-chat", "embed"): [
        lambda u: {"input": [{"image": u}]},
        lambda u: {"input": "x", **part(type="image_url", image_url={"url": u})},
    ],
    ("openai-chat", "rerank"): [lambda u: {"query": "x", "documents": [{"image": u}]}],
    ("openai-responses", "chat"): [
        lambda u: said({"type": "input_image", "image_url": u}),
        lambda u: said({"type": "input_file", "file_url": u}),
        lambda u: said({"type": "input_file", "file_data": u}),
        lambda u: said({"type": "input_audio", "input_audio": {"data": u}}),
        lambda u: {
            "input": [
                {
                    "type": "function_call_output",
                    "call_id": "c",
                    "output": [{"type": "input_image", "image_url": u}],
                }
            ]
        },
        lambda u: said(tools=[{"type": "mcp", "server_url": u}]),
        lambda u: said(prompt={"variables": {"a": {"type": "input_image", "image_url": u}}}),
    ],
    ("anthropic-messages", "chat"): [
        lambda u: part(type="image", source={"type": "url", "url": u}),
        lambda u: part(type="document", source={"type": "url", "url": u}),
        lambda u: part(
            type="document",
            source={
                "type": "content",
                "content": [{"type": "image", "source": {"type": "url", "url": u}}],
            },
        ),
        lambda u: part(
            type="tool_result",
            tool_use_id="t",
            content=[{"type": "image", "source": {"type": "url", "url": u}}],
        ),
        lambda u: {"messages": [USER], "mcp_servers": [{"type": "url", "url": u, "name": "x"}]},
    ],
    ("gemini", "chat"): [
        lambda u: gemini(fileData={"fileUri": u}),
        lambda u: gemini(file_data={"file_uri": u}),
        lambda u: {**gemini(text="x"), "systemInstruction": gemini(fileData={"fileUri": u})},
        lambda u: {**gemini(text="x"), "system_instruction": gemini(file_data={"file_uri": u})},
        lambda u: {**gemini(text="x"), "tools": [{"retrieval": {"externalApi": {"endpoint": u}}}]},
        lambda u: gemini(
            functionResponse={"name": "f", "parts": [{"fileData": {"fileUri": u}}]},
        ),
    ],
    ("gemini", "count_tokens"): [
        lambda u: gemini(fileData={"fileUri": u}),
        lambda u: {"generateContentRequest": gemini(fileData={"fileUri": u})},
    ],
    ("gemini", "embed"): [
        lambda u: {"requests": [{"content": {"parts": [{"fileData": {"fileUri": u}}]}}]}
    ],
    ("bedrock-converse", "chat"): [
        lambda u: bedrock({"video": {"source": {"s3Location": {"uri": u}}}}),
        lambda u: bedrock({"toolResult": {"content": [{"image": {"source": {"url": u}}}]}}),
    ],
    ("bedrock-converse", "count_tokens"): [
        lambda u: {
            "input": {"converse": bedrock({"image": {"source": {"s3Location": {"uri": u}}}})}
        }
    ],
    ("cohere", "chat"): [
        lambda u: part(type="image_url", image_url={"url": u}),
        lambda u: {"messages": [USER], "documents": [{"data": {"image_url": u}}]},
    ],
    ("cohere", "embed"): [
        lambda u: {"images": [u]},
        lambda u: {"inputs": [{"content": [{"type": "image_url", "image_url": {"url": u}}]}]},
    ],
    ("ollama", "chat"): [lambda u: {"messages": [{**USER, "content": "x", "images": [u]}]}],
    ("ollama", "complete"): [lambda u: {"images": [u]}],
}
FORMS = [
    pytest.param(*face, form, id=f"{'-'.join(face)}-{number}")
    for face, forms in FIELDS.items()
    for number, form in enumerate(forms)
]


def asked(name, operation, body):
    raw = body if isinstance(body, bytes) else json.dumps({"model": "m", **body}).encode()
    return call_of(raw, id_="1", dialect=dialect(name), operation=operation, model="m")


@pytest.mark.parametrize(("name", "operation", "form"), FORMS)
def test_no_field_of_any_dialect_names_a_private_place(name, operation, form):
    for url in PRIVATE:
        with pytest.raises(ForbiddenError) as caught:
            asked(name, operation, form(url))
        assert caught.value.param
    asked(name, operation, form("https://example.com/cat.png"))
    asked(name, operation, form("data:image/png;base64,AAAA"))


@pytest.mark.parametrize("data", ["//uQZAAAAAAA", "/9j/4AAQ", "iVBORw0KGgo=", "A" * 100])
def test_content_is_not_taken_for_a_place(data):
    asked("openai-chat", "chat", part(type="input_audio", input_audio={"data": data}))
    asked("ollama", "chat", {"messages": [{**USER, "content": "x", "images": [data]}]})
    asked("openai-responses", "chat", {"input": "http://localhost:3000 does not answer, why?"})
    asked("openai-chat", "embed", {"input": ["http://localhost:3000/ is down"]})


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (
            "openai-chat",
            (
                b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":'
                b'{"url":"http://127.0.0.1/","url":"https://example.com/"}}]}]}'
            ),
        ),
        (
            "openai-chat",
            (
                b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":'
                b'{"url":"http:\\/\\/127.0.0.1/"}}],"content":"hi"}]}'
            ),
        ),
        (
            "gemini",
            (
                b'{"contents":[{"parts":[{"fileData":{"fileUri":"http\\u003a//127.0.0.1/"},'
                b'"fileData":{}}]}]}'
            ),
        ),
        ("cohere", b'{"model":"m","messages":[],"documents":[{"url":"http://[::1]/","url":""}]}'),
    ],
)
def test_a_field_given_twice_hides_no_place(name, body):
    with pytest.raises(BadRequestError, match="twice"):
        asked(name, "chat", body)


@pytest.mark.parametrize(
    "more",
    [
        {"providerOptions": {"openai": {"baseURL": "http://evil"}}},
        {"extraBody": {"api_base": "http://evil"}},
        {"extra-body": {"x": [{"apiBase": "http://evil"}]}},
        {"additionalModelRequestFields": {"base_url": "http://evil"}},
        {"additionalModelRequestFields": {"litellm_params": {"region": "x"}}},
        {"additional_model_request_fields": {"endpoint": "http://evil"}},
        {"options": {"host": "evil"}},
        {"Options": {"deep": [{"project": "p"}]}},
        {"extra_headers": {"host": "evil"}},
    ],
)
@pytest.mark.parametrize("name", ["openai-chat", "bedrock-converse", "ollama", "cohere"])
def test_no_bag_of_any_spelling_holds_a_host(name, more):
    with pytest.raises(ForbiddenError):
        asked(name, "chat", {"messages": [], **more})


def test_a_bag_with_a_field_twice_is_refused():
    with pytest.raises(BadRequestError, match="twice"):
        asked("ollama", "chat", b'{"model":"m","messages":[],"options":{"a":{},"a":1}}')


def test_a_model_s_own_fields_pass():
    fields = {"top_k": 5, "thinking": {"type": "enabled"}, "anthropic_beta": ["x"]}
    asked("bedrock-converse", "chat", {"messages": [], "additionalModelRequestFields": fields})
    asked("ollama", "chat", {"messages": [], "options": {"num_ctx": 5, "stop": ["x"]}})
