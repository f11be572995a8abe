"""What hosts of Chat Completions add to it, in their recorded answers: nothing of it is lost."""

from __future__ import annotations

import json
import lzma
from functools import cache

import pytest

from modelway.call import Target
from modelway.catalog.load import providers
from modelway.dialects import dialect
from modelway.framing.fields import split
from modelway.types import ChatRequest, Message, Reasoning, Text, Thinking, ToolCall, ToolResult
from support import corpus, read
from support.checks import same

OPENAI = dialect("openai-chat")
HI = Message(role="user", parts=(Text(text="Hi"),))


@cache
def records():
    if not corpus.PATH.exists():
        return ()
    with lzma.open(corpus.PATH) as lines:
        found = [
            json.loads(line) for line in lines if b'"api": "chat"' in line or b'"chat"' in line
        ]
    return tuple(
        [
            one
            for one in found
            if one["api"] == "chat"
            and one["response"]["status"] == 200
            and one["id"] not in {*corpus.NOT_THIS_WIRE, *corpus.ERROR_IN_STREAM}
            and one["response"].get("body_text")
        ]
    )


@pytest.fixture(scope="module")
def of():
    if not records():
        pytest.skip(f"no recorded traffic at {corpus.PATH.name} beside the repository")
    return lambda *hosts: [one for one in records() if one["provider"] in hosts]


def chunks(record):
    """The answer's JSON objects, read apart from the dialect."""
    body = record["response"]["body_text"]
    if record["response"]["kind"] == "json":
        return [json.loads(body)]
    data = [line[5:].strip() for line in body.splitlines() if line.startswith("data:")]
    return [json.loads(one) for one in data if one and one != "[DONE]"]


def answer(record):
    body = record["response"]["body_text"].encode()
    if record["response"]["kind"] == "json":
        return read.decode_whole("openai-chat", body)
    return read.folded("openai-chat", [body])


def messages(record):
    return [
        choice.get("message") or choice.get("delta") or {}
        for chunk in chunks(record)
        for choice in chunk.get("choices") or ()
    ]


@pytest.mark.parametrize(
    ("hosts", "field", "at_least"),
    [
        (("deepseek", "alibaba", "xai", "llamacpp"), "reasoning_content", 10),
        (("groq", "cerebras", "vllm"), "reasoning", 10),
    ],
)
def test_reasoning_is_read_and_goes_back_in_a_tool_loop(of, hosts, field, at_least):
    found = 0
    for one in of(*hosts):
        thought = "".join([said.get(field) or "" for said in messages(one)])
        if not thought:
            continue
        found += 1
        response = answer(one)
        same(response.reasoning, thought, one["id"])
        if not response.tool_calls:
            continue
        results = [
            Message(role="tool", parts=(ToolResult(call_id=call.id, parts=(Text(text="1"),)),))
            for call in response.tool_calls
        ]
        row = providers()["qwen" if one["provider"] == "alibaba" else one["provider"]]
        request = ChatRequest(messages=(HI, response.message, *results))
        sent = OPENAI.upstream["chat"].encode(request, Target(model="m", quirks=row.quirks), False)
        back = json.loads(sent.body)["messages"][1]
        same(back[row.quirks.reasoning_field], thought, one["id"])
    assert found >= at_least


def test_openrouter_says_what_it_cost(of):
    """``usage.cost``, in credits, which are US dollars."""
    found = 0
    for one in of("openrouter"):
        costs = [
            (chunk.get("usage") or {}).get("cost")
            for chunk in chunks(one)
            if isinstance(chunk, dict)
        ]
        said = [cost for cost in costs if cost is not None]
        if said:
            found += 1
            usage = answer(one).usage
            same(usage.reported_cost_usd, float(said[-1]), one["id"])
            assert "cost" in usage.raw
    assert found > 60


def test_openrouters_preferences_pass(of):
    """``provider``, ``usage``, ``plugins``, ``web_search_options`` and ``reasoning`` reach it."""
    names = ("provider", "usage", "plugins", "web_search_options", "reasoning", "models")
    row = providers()["openrouter"]
    found = 0
    for one in of("openrouter"):
        asked = one["request"].get("json") or {}
        said = {name: asked[name] for name in names if name in asked}
        if not said:
            continue
        found += 1
        request = OPENAI.downstream["chat"].decode(split(json.dumps(asked).encode()))
        sent = OPENAI.upstream["chat"].encode(request, Target(model="m", quirks=row.quirks), False)
        body = json.loads(sent.body)
        same({name: body.get(name) for name in said}, said, one["id"])
    assert found > 30
    extra = {
        "models": ["a", "b"],
        "provider": {"order": ["x"], "sort": "price"},
        "transforms": ["middle-out"],
        "usage": {"include": True},
    }
    sent = OPENAI.upstream["chat"].encode(
        ChatRequest(messages=(HI,), extra=extra), Target(model="m", quirks=row.quirks), True
    )
    body = json.loads(sent.body)
    same({name: body[name] for name in extra}, extra)
    assert sent.warnings == ()


def test_groq_says_a_stream_s_usage_where_it_likes(of):
    found = 0
    for one in of("groq"):
        told = chunks(one)
        inside = [(chunk.get("x_groq") or {}).get("usage") for chunk in told]
        beside = [chunk.get("usage") for chunk in told]
        said = [usage for usage in (*inside, *beside) if usage]
        if said and one["response"]["kind"] != "json":
            found += 1
            usage = answer(one).usage
            same(usage.input_tokens, said[-1]["prompt_tokens"], one["id"])
            same(usage.output_tokens, said[-1]["completion_tokens"], one["id"])
            assert "total_time" in usage.raw
    assert found > 10


def test_mistral_thinks_in_parts_of_its_content(of):
    """Content is a list of ``thinking`` (a list of texts) and ``text``."""
    found = 0
    for one in of("mistral"):
        thought, text = "", ""
        for said in messages(one):
            content = said.get("content")
            if isinstance(content, str):
                text += content
            for part in content if isinstance(content, list) else ():
                text += part.get("text") or "" if part["type"] == "text" else ""
                inner = part.get("thinking") or ()
                thought += "".join([each.get("text", "") for each in inner])
        if thought:
            found += 1
            response = answer(one)
            same((response.reasoning, response.text), (thought, text), one["id"])
    assert found >= 5


def test_perplexitys_sources_are_citations(of):
    found = 0
    for one in of("perplexity"):
        last = chunks(one)[-1]
        results = last.get("search_results") or []
        if not results:
            continue
        found += 1
        response = answer(one)
        cited = [
            citation
            for part in response.message.parts
            if isinstance(part, Text)
            for citation in part.citations
        ]
        same([each.url for each in cited], [each["url"] for each in results], one["id"])
        same([each.title for each in cited], [each.get("title") for each in results])
        cost = (last.get("usage") or {}).get("cost")
        if cost:
            same(response.usage.reported_cost_usd, float(cost["total_cost"]))
    assert found >= 5


def test_openrouters_annotations_are_citations(of):
    found = 0
    for one in of("openrouter"):
        said = [
            note.get("url_citation", {}).get("url")
            for message in messages(one)
            for note in message.get("annotations") or ()
            if note.get("type") == "url_citation"
        ]
        if said:
            found += 1
            cited = [
                citation.url
                for part in answer(one).message.parts
                if isinstance(part, Text)
                for citation in part.citations
            ]
            same(cited, said, one["id"])
    assert found


def test_xai_counts_reasoning_beside_the_output_and_says_its_cost(of):
    priced = 0
    for one in of("xai"):
        said = [chunk["usage"] for chunk in chunks(one) if chunk.get("usage")]
        if not said:
            continue
        usage, told = answer(one).usage, said[-1]
        thought = told["completion_tokens_details"]["reasoning_tokens"]
        beside = told["total_tokens"] - told["prompt_tokens"] - told["completion_tokens"]
        same(usage.output_tokens, told["completion_tokens"] + beside, one["id"])
        same(usage.reasoning_tokens, thought)
        assert usage.raw["num_sources_used"] == told["num_sources_used"]
        if "cost_in_usd_ticks" in told:
            priced += 1
            assert usage.reported_cost_usd == pytest.approx(told["cost_in_usd_ticks"] / 1e10)
    assert priced


@pytest.mark.parametrize(
    ("host", "counter"),
    [
        ("deepseek", "prompt_cache_hit_tokens"),
        ("together", "cached_tokens"),
        ("huggingface", "cached_tokens"),
    ],
)
def test_cached_tokens_under_other_names(of, host, counter):
    found = 0
    for one in of(host):
        said = [chunk["usage"] for chunk in chunks(one) if chunk.get("usage")]
        if said and said[-1].get(counter) is not None:
            found += 1
            same(answer(one).usage.cached_tokens, said[-1][counter], one["id"])
    assert found


def test_recorded_switches_of_reasoning_are_written_by_the_row(of):
    """What DeepSeek's clients send is what its row makes of ``thinking``."""
    row = providers()["deepseek"]
    written = {}
    for mode, effort in (("disabled", None), ("enabled", None), ("enabled", "high"), (None, "low")):
        request = ChatRequest(messages=(HI,), thinking=Thinking(mode=mode, effort=effort))
        sent = OPENAI.upstream["chat"].encode(request, Target(model="m", quirks=row.quirks), False)
        body = json.loads(sent.body)
        names = ("thinking", "reasoning_effort")
        written[mode, effort] = {name: body[name] for name in names if name in body}
        assert sent.warnings == ()
    asked = [one["request"].get("json") or {} for one in of("deepseek")]
    for said in written.values():
        assert any(
            {name: one[name] for name in ("thinking", "reasoning_effort") if name in one} == said
            for one in asked
        ), said


def test_calls_and_thoughts_of_every_host_survive_as_a_client_sees_them(of):
    """What is read is written back in the form that clients of these hosts know."""
    for one in of("groq", "cerebras", "deepseek", "together", "fireworks", "vllm", "huggingface"):
        response = answer(one)
        again = read.decode_whole("openai-chat", read.to_client("openai-chat", response))
        same(again.tool_calls, response.tool_calls, one["id"])
        kinds = (Reasoning, Text, ToolCall)
        same(
            [type(part) for part in again.message.parts if isinstance(part, kinds)],
            [type(part) for part in response.message.parts if isinstance(part, kinds)],
            one["id"],
        )
        same(again.reasoning, response.reasoning, one["id"])
