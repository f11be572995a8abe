"""Law 5 over recorded answers: every one decodes, and nothing it says is lost."""

from __future__ import annotations

import json

from modelway.dialects import dialect
from modelway.framing.sse import Events
from modelway.testing.contracts import counted
from modelway.types import ModelListing, TokenCount
from support import corpus, read
from support.checks import check_all, same
from support.essence import answer, arguments

OPENAI_FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
    "network_error": "error",
    "sensitive": "content_filter",
    "eos": "stop",
    "max_tokens": "length",
    "insufficient_system_resource": "error",
}
ANTHROPIC_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "content_filter",
}


RESPONSES_FINISH = {"max_output_tokens": "length", "content_filter": "content_filter"}


def of_openai(body):
    """An independent reading of a chat.completion's choices."""
    found = []
    for choice in body["choices"]:
        message = choice.get("message") or {}  # Azure leaves a filtered one out
        content = message.get("content")
        if isinstance(content, list):
            content = "".join([p["text"] for p in content if p.get("type") == "text"])
        found.append(
            {
                "text": content or "",
                "refusal": message.get("refusal") or "",
                "calls": [
                    (c.get("id") or "", c["function"]["name"], c["function"]["arguments"])
                    for c in message.get("tool_calls") or ()
                ],
                "finish": OPENAI_FINISH.get(
                    choice.get("finish_reason") or choice.get("finish_details", {}).get("type"),
                    "other",
                ),
            }
        )
    return found


def of_anthropic(body):
    blocks = body["content"]
    return [
        {
            "text": "".join([b["text"] for b in blocks if b["type"] == "text"]),
            "reasoning": "".join([b["thinking"] for b in blocks if b["type"] == "thinking"]),
            "refusal": "",
            "calls": [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"],
            "finish": ANTHROPIC_FINISH.get(body["stop_reason"], "other"),
        }
    ]


def of_responses(body):
    said = {"text": "", "refusal": "", "calls": [], "finish": "stop"}
    for item in body["output"]:
        if item["type"] == "message":
            for part in item["content"]:
                said["text"] += part.get("text") or ""
                said["refusal"] += part.get("refusal") or ""
        elif item["type"] == "function_call":
            said["calls"].append((item["call_id"], item["name"], item["arguments"]))
            said["finish"] = "tool_calls"
        elif item["type"] == "custom_tool_call":
            said["finish"] = "tool_calls"
    if body["status"] == "incomplete":
        said["finish"] = RESPONSES_FINISH[body["incomplete_details"]["reason"]]
    return [said]


GEMINI_FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}
GEMINI_FINISH |= {1: "stop", 2: "length"}  # enums as numbers


class Anything:
    """Arguments that came in pieces with paths; they are put together in a test of their own."""

    def __eq__(self, other):
        return isinstance(other, dict)

    __hash__ = None


def of_gemini(body):
    return gemini_stream(body if isinstance(body, list) else [body])[0]


def gemini_stream(chunks):
    choices, usage = {}, {}
    for chunk in chunks:
        usage |= chunk.get("usageMetadata") or {}
        answer_id = "".join(c for c in chunk.get("responseId", "") if c.isalnum() or c in "-_")[:24]
        for candidate in chunk.get("candidates") or ():
            kept = choices.setdefault(
                candidate.get("index", 0),
                {"text": "", "reasoning": "", "refusal": "", "calls": [], "finish": "other"},
            )
            for part in candidate.get("content", {}).get("parts", ()):
                if "text" in part:
                    kept["reasoning" if part.get("thought") else "text"] += part["text"]
                call = part.get("functionCall") or {}
                if "name" in call:
                    made_up = f"call_{answer_id}_{len(kept['calls']) + 1}"
                    args = Anything() if call.get("willContinue") else call.get("args", {})
                    kept["calls"].append((call.get("id", made_up), call["name"], args))
            if "finishReason" in candidate:
                kept["finish"] = GEMINI_FINISH[candidate["finishReason"]]
    for kept in choices.values():
        if kept["calls"] and kept["finish"] == "stop":
            kept["finish"] = "tool_calls"
    return [kept for _, kept in sorted(choices.items())], usage


def assert_gemini_usage_kept(usage, said):
    def total(*names):
        found = [said[name] for name in names if name in said]
        return sum(found) if found else None

    inputs = total("promptTokenCount", "toolUsePromptTokenCount")
    outputs = total("candidatesTokenCount", "thoughtsTokenCount")
    if "totalTokenCount" in said:
        same((inputs or 0) + (outputs or 0), said["totalTokenCount"], "the recording's own sum")
        inputs, outputs = inputs or 0, outputs or 0
    same(usage.input_tokens, inputs)
    same(usage.output_tokens, outputs)
    same(usage.cached_tokens, said.get("cachedContentTokenCount"))
    same(usage.reasoning_tokens, said.get("thoughtsTokenCount"))
    for typed, name in (
        (usage.input_audio_tokens, "promptTokensDetails"),
        (usage.output_audio_tokens, "candidatesTokensDetails"),
    ):
        sound = [one["tokenCount"] for one in said.get(name, ()) if one["modality"] == "AUDIO"]
        same(typed, sound[0] if sound else None, name)


MARKS = {"gemini": ("responseId", "modelVersion", "usageMetadata")}
"""Where an answer says its id, its model and its usage, if not at ``id``, ``model`` and ``usage``."""


def assert_says(got, expected):
    for mine, theirs in zip(got, expected, strict=True):
        for field, value in theirs.items():
            if field == "calls":
                same([call[:2] for call in mine["calls"]], [call[:2] for call in value])
                for call, other in zip(mine["calls"], value, strict=True):
                    wanted = other[2]
                    wanted = arguments(wanted) if isinstance(wanted, str) else wanted
                    same(call[2], wanted)
            else:
                same(mine[field], value, field)


def assert_usage_kept(usage, said, one):
    """Each number of the usage object is in ``raw``, and the common ones are typed."""
    if not said:
        return
    same(usage.raw, said, "raw usage")
    if one.dialect == "gemini":
        assert_gemini_usage_kept(usage, said)
        return
    details = {
        "openai-chat": ("prompt_tokens", "completion_tokens"),
        "anthropic-messages": ("input_tokens", "output_tokens"),
        "openai-responses": ("input_tokens", "output_tokens"),
    }[one.dialect]
    inputs, outputs = said.get(details[0]), said.get(details[1])
    if one.dialect == "anthropic-messages" and inputs is not None:
        inputs += said.get("cache_read_input_tokens") or 0
        inputs += said.get("cache_creation_input_tokens") or 0
    total = said.get("total_tokens")
    sound = (said.get("prompt_tokens_details") or {}).get("audio_tokens")
    if total is not None and sound and total == inputs + outputs + sound:
        inputs += sound  # Mistral counts sound beside prompt_tokens; the total tells it
    same(usage.input_tokens, inputs, "input tokens")
    if outputs is not None:
        # xAI counts reasoning beside completion_tokens; the total tells it.
        beside = (said.get("total_tokens") or 0) - (inputs or 0) - outputs
        reasoning = (said.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
        same(usage.output_tokens, outputs + (reasoning if beside == reasoning else 0))
    cached = said.get("cache_read_input_tokens")
    if one.dialect == "openai-chat":
        cached = (said.get("prompt_tokens_details") or {}).get("cached_tokens")
    if one.dialect == "openai-responses":
        cached = (said.get("input_tokens_details") or {}).get("cached_tokens")
        thought = (said.get("output_tokens_details") or {}).get("reasoning_tokens")
        same(usage.reasoning_tokens, thought)
    if cached is not None:
        same(usage.cached_tokens, cached)
    reasoning = (said.get("completion_tokens_details") or {}).get("reasoning_tokens")
    if reasoning is not None:
        same(usage.reasoning_tokens, reasoning)


def test_every_answer_decodes_and_nothing_is_lost(answers):
    def check(one):
        response = read.decode_whole(one.dialect, one.body)
        body = one.json
        expected = WHOLE[one.dialect](body)
        assert_says(answer(response), expected)
        id_, model, used = MARKS.get(one.dialect, ("id", "model", "usage"))
        last = body[-1] if isinstance(body, list) else body
        same(response.id, (last.get(id_) or ""))
        same(response.model, (last.get(model) or ""))
        assert_usage_kept(response.usage, last.get(used), one)
        said = response.usage if last.get(used) else None
        same(
            counted(dialect(one.dialect).upstream["chat"].usage(one.body)),
            counted(said),
            "usage() and decode() differ",
        )

    check_all("law 5, whole answers", answers, check, at_least=600)


def test_every_stream_decodes_and_nothing_is_lost(streams):
    def check(one):
        response = read.folded(one.dialect, [one.body])
        events = Events()
        data = [e.data for e in [*events.feed(one.body), *events.close()]]
        chunks = [json.loads(d) for d in data if d.strip() != b"[DONE]"]
        expected, usage = STREAMED[one.dialect](chunks)
        assert_says(answer(response), expected)
        assert_usage_kept(response.usage, usage, one)

    check_all("law 5, streams", streams, check, at_least=350)


def openai_stream(chunks):
    choices, usage = {}, None
    for chunk in chunks:
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage") or usage
        for choice in chunk.get("choices") or ():
            kept = choices.setdefault(
                choice.get("index") or 0, {"text": "", "refusal": "", "calls": {}, "finish": None}
            )
            delta = choice.get("delta") or {}
            content = delta.get("content")
            if isinstance(content, list):
                content = "".join([p["text"] for p in content if p.get("type") == "text"])
            kept["text"] += content or ""
            kept["refusal"] += delta.get("refusal") or ""
            for place, call in enumerate(delta.get("tool_calls") or ()):
                index = call.get("index")
                index = place if index is None else index
                if (
                    call.get("id")
                    and index in kept["calls"]
                    and (kept["calls"][index][0] != call["id"])
                ):
                    index = len(kept["calls"])
                entry = kept["calls"].setdefault(index, ["", "", ""])
                function = call.get("function") or {}
                entry[0] = call.get("id") or entry[0]
                entry[1] = function.get("name") or entry[1]
                entry[2] += function.get("arguments") or ""
            kept["finish"] = choice.get("finish_reason") or kept["finish"]
    expected = []
    for _, kept in sorted(choices.items()):
        kept["calls"] = [tuple(call) for _, call in sorted(kept["calls"].items())]
        kept["finish"] = OPENAI_FINISH.get(kept["finish"], "other")
        expected.append(kept)
    return expected, usage


def anthropic_stream(chunks):
    blocks, usage, stop = {}, {}, None
    for chunk in chunks:
        match chunk["type"]:
            case "message_start":
                usage = dict(chunk["message"]["usage"])
            case "content_block_start":
                blocks[chunk["index"]] = dict(chunk["content_block"])
            case "content_block_delta":
                block, delta = blocks[chunk["index"]], chunk["delta"]
                for field, name in (("text", "text"), ("thinking", "thinking")):
                    if name in delta:
                        block[field] = block.get(field, "") + delta[name]
                if "partial_json" in delta:
                    block["json"] = block.get("json", "") + delta["partial_json"]
            case "message_delta":
                stop = chunk["delta"].get("stop_reason") or stop
                usage |= {k: v for k, v in chunk["usage"].items() if v is not None}
    for block in blocks.values():
        if block.get("json"):
            block["input"] = block["json"]
    body = {"content": list(blocks.values()), "stop_reason": stop}
    return of_anthropic(body), usage


def responses_stream(chunks):
    """By the deltas, which must say what the response says at its end."""
    texts, refusals, arguments_ = {}, {}, {}
    for chunk in chunks:
        at = (chunk.get("output_index"), chunk.get("content_index"))
        match chunk["type"]:
            case "response.output_text.delta":
                texts[at] = texts.get(at, "") + chunk["delta"]
            case "response.refusal.delta":
                refusals[at] = refusals.get(at, "") + chunk["delta"]
            case "response.function_call_arguments.delta":
                arguments_[at] = arguments_.get(at, "") + chunk["delta"]
            case "response.completed" | "response.incomplete":
                final = chunk["response"]
    expected = of_responses(final)
    same("".join(texts.values()), expected[0]["text"])
    same("".join(refusals.values()), expected[0]["refusal"])
    if arguments_:
        same(list(arguments_.values()), [call[2] for call in expected[0]["calls"]])
    return expected, final["usage"]


WHOLE = {
    "openai-chat": of_openai,
    "openai-responses": of_responses,
    "anthropic-messages": of_anthropic,
    "gemini": of_gemini,
}
STREAMED = {
    "openai-chat": openai_stream,
    "openai-responses": responses_stream,
    "anthropic-messages": anthropic_stream,
    "gemini": gemini_stream,
}


def test_an_error_in_a_stream_is_typed(exchanges):
    def check(one):
        events, error = read.decode_stream(one.dialect, [one.body])
        assert events, "what came before the error is kept"
        assert error is not None
        same(error.code, corpus.ERROR_IN_STREAM[one.id])

    broken = [one for one in exchanges if one.id in corpus.ERROR_IN_STREAM]
    check_all("law 5, errors in streams", broken, check)


def test_every_model_list_decodes(exchanges):
    def check(one):
        decode = dialect(one.dialect).upstream["models"].decode
        models = decode(one.body)
        if one.dialect == "gemini":
            listed = [m["name"].removeprefix("models/") for m in one.json["models"]]
        else:
            listed = one.json if one.id in corpus.BARE_LIST else one.json["data"]
            listed = [m["id"] for m in listed]
        same([m.id for m in models], listed)
        assert all(isinstance(m, ModelListing) for m in models)

    lists = [one for one in exchanges if one.operation == "models" and one.status < 400]
    check_all("law 5, model lists", lists, check, at_least=10)


def test_every_token_count_decodes(exchanges):
    def check(one):
        counted = dialect(one.dialect).upstream["count_tokens"].decode(one.body)
        said = one.json.get("input_tokens", one.json.get("totalTokens"))
        same(counted, TokenCount(input_tokens=said))

    counts = [one for one in exchanges if one.operation == "count_tokens" and one.status < 400]
    check_all("law 5, token counts", counts, check, at_least=10)
