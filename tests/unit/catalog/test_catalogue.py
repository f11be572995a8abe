"""The provider rows: valid, found by any spelling, quick to read."""

import time

import msgspec
import pytest

from modelway import hosting
from modelway.call import Target
from modelway.catalog import check
from modelway.catalog.check import faults, main
from modelway.catalog.load import parse, provider, providers, serves

HOSTS = {
    *("openai", "anthropic", "gemini", "openrouter", "groq", "together", "moonshot", "moonshot-cn"),
    *("deepseek", "mistral", "qwen", "qwen-cn", "xai", "fireworks", "cerebras", "perplexity"),
    *("huggingface", "ollama", "lmstudio", "vllm", "llamacpp", "sglang"),
    *("openai-compatible", "simulator"),
}


def test_the_rows_are_valid():
    assert faults(providers().values()) == []
    assert main() == 0


def test_every_host_has_a_row():
    assert set(HOSTS) <= set(providers())


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("openai", "openai"),
        ("OpenAI", "openai"),
        ("lm_studio", "lmstudio"),
        ("LM-Studio", "lmstudio"),
        ("llama.cpp", "llamacpp"),
        ("google", "gemini"),
        ("mock", "simulator"),
        ("local", "local"),
        ("hf", "huggingface"),
        ("x.ai", "xai"),
    ],
)
def test_spellings(spelling, name):
    assert provider(spelling).name == name


def test_unknown():
    assert provider("opnai") is None
    assert provider("") is None


def test_patterns():
    row = provider("openai")
    assert serves(row, "gpt-4o-mini")
    assert serves(row, "ft:gpt-4o:org::id")
    assert not serves(row, "claude-opus-4")


def test_no_model_pattern_of_one_vendor_is_anothers():
    vendors = ["openai", "anthropic", "gemini", "mistral", "deepseek", "xai", "moonshot", "qwen"]
    for model in [provider(name).default_model for name in vendors]:
        assert len([name for name in vendors if serves(provider(name), model)]) == 1, model


@pytest.mark.parametrize(
    "text",
    [
        '[x]\nbase_url = "http://h"\n',
        '[x]\nbase_url = "http://h"\ndialects = []\nquirks = {oops = true}\n',
        "[x]\nbase_url = 3\ndialects = []\n",
    ],
)
def test_a_row_of_the_wrong_form_is_refused(text):
    with pytest.raises(msgspec.ValidationError):
        parse(text)


def test_faults_are_told():
    text = """
[bad]
base_url = "http://far.example/"
dialects = ["smtp"]
base_urls = {other = "ftp://x"}
docs = "http://insecure"
checked = "3026-01-01"
[bad-two]
title = "t"
base_url = "https://h"
dialects = ["openai-chat", "anthropic-messages"]
aliases = ["BAD"]
api_key_env = ["K"]
quirks = {rename = {max_tokens = "x"}}
docs = "https://d"
checked = "soon"
"""
    assert len(faults(parse(text).values())) == 12


ROW = """
[cloud]
title = "Cloud"
base_url = "https://{resource}.cloud.example"
dialects = ["openai-chat"]
api_key_env = ["K"]
docs = "https://docs.cloud.example"
checked = "2026-11-21"
"""


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("", "resource is needed"),
        ("places = {resource = {}, region = {}}", "the place region is in no URL"),
        ("places = {resource = {}}\nhostings = {openai-chat = 'ftp'}", "there is no hosting ftp"),
        ("places = {resource = {}}\nhostings = {gemini = 'vertex-gemini'}", "hostings names a dialect"),
        ("places = {resource = {}}\nhostings = {openai-chat = 'azure-openai'}", "api_version is needed"),
        ("places = {resource = {}}\nbase_url_at = {x = 'https://{region}.y'}", "region is needed"),
        ("places = {resource = {}}\nbase_url_at = {x = 'http://y'}", "only local servers"),
    ],
)  # fmt: skip
def test_faults_of_places_and_hostings_are_told(more, fault):
    found = faults(parse(ROW + more).values())
    assert any(fault in one for one in found), found


def test_the_gate_knows_the_hostings():
    assert check._HOSTINGS.keys() == set(hosting.NAMES)
    for name, needed in check._HOSTINGS.items():
        target = Target(model="m", places=dict.fromkeys(needed, "p"))
        assert hosting.hosting(name).path("/models/m:x", "chat", target, False)


def test_reading_is_quick():
    text_time = min(_timed() for _ in range(5))
    assert text_time < 0.05, "15 ms on an idle machine"


def _timed():
    providers.cache_clear()
    start = time.process_time()
    providers()
    return time.process_time() - start
