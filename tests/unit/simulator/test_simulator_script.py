"""Scripts are read whole or refused with the place of the fault."""

import pytest

from modelway.errors import ConfigError
from modelway.simulator.script import (
    Fault,
    Match,
    Pace,
    Reply,
    Rule,
    Script,
    ScriptedCall,
    ScriptedError,
    load_script,
    parse_script,
)

YAML = """
models: [{id: gpt-4o-mini, context_tokens: 128000}]
api_keys: [sk-test]
pace: {latency_s: 0.01}
rules:
  - match: {model: "gpt-*", contains: weather}
    reply:
      - {tool_calls: [{name: get_weather, arguments: {city: Paris}}]}
      - {text: "It is {tool_result}."}
  - match: {headers: {x-team: "search*"}}
    reply: {error: {status: 529, retry_after_s: 0.5}, fail_times: 2}
  - reply: {text: Hi, fault: {cut_after_chunks: 3}}
"""


def test_yaml_is_read_into_values(tmp_path):
    path = tmp_path / "demo.yaml"
    path.write_text(YAML)
    script = load_script(path)
    assert script.models[0].context_tokens == 128000
    assert script.pace == Pace(latency_s=0.01)
    assert script.rules == (
        Rule(
            match=Match(model="gpt-*", contains="weather"),
            reply=(
                Reply(tool_calls=(ScriptedCall(name="get_weather", arguments={"city": "Paris"}),)),
                Reply(text="It is {tool_result}."),
            ),
        ),
        Rule(
            match=Match(headers={"x-team": "search*"}),
            reply=Reply(error=ScriptedError(status=529, retry_after_s=0.5), fail_times=2),
        ),
        Rule(reply=Reply(text="Hi", fault=Fault(cut_after_chunks=3))),
    )


def test_json_and_nothing_are_scripts_too():
    assert parse_script('{"rules": [{"reply": {"text": "Hi"}}]}').rules[0].reply.text == "Hi"
    assert parse_script("") == Script()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: [{match: {modle: x}}]", r"modle.*\$\.rules\[0\]\.match"),
        ("rules: [{reply: {fault: {cut_after_chunks: soon}}}]", r"cut_after_chunks"),
        ("rule: []", r"rule.*rules, models"),
        ("- a\n- b", r"Expected `object`"),
        ("rules: [", r"neither YAML nor JSON.*line 1"),
        ("rules: [{reply: {text: !!python/object/apply:os.getcwd []}}]", r"neither YAML nor JSON"),
    ],
)
def test_a_fault_is_told_with_its_place(text, told):
    with pytest.raises(ConfigError) as caught:
        parse_script(text, "demo.yaml")
    assert "demo.yaml" in str(caught.value)
    import re

    assert re.search(told, str(caught.value), re.DOTALL)


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_script(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8: bad byte at 0"):
        load_script(tmp_path / "binary.yaml")
