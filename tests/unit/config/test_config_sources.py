"""YAML, TOML and dicts → nodes: lines kept, what is dangerous refused."""

import pytest

from modelway.config import toml_source, yaml_source
from modelway.config.nodes import UnreadableError, from_plain


def test_yaml_values_know_their_lines_and_paths():
    root = yaml_source.read("a:\n  b: [1, {c: x}]\n", "f.yaml")
    c = root.fields["a"].fields["b"].items[1].fields["c"]
    assert (c.value, c.line, c.path, c.origin) == ("x", 2, "a.b[1].c", "f.yaml:2")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("0x10", 16),
        ("010", 8),
        ("1_000", 1000),
        ("-1.5", -1.5),
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("2026-11-21", "2026-11-21"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("gpt-4o", "gpt-4o"),
    ],
)
def test_yaml_scalars(text, value):
    assert yaml_source.read(f"x: {text}", "f").fields["x"].value == value


def test_yaml_merge_keys_and_aliases():
    root = yaml_source.read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n", "f")
    assert {name: node.value for name, node in root.fields["b"].fields.items()} == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("x: !!python/object/apply:os.system [ls]", 1, "tags"),
        ("a: 1\nx: !mine {}", 2, "tags"),
        ("x: !!binary aGk=", 1, "tags"),
        ("a: 1\nb: 2\na: 3", 3, "twice"),
        ("a:\n\tb: 1", 2, "YAML"),
        ("a: 1\n---\nb: 1", 2, "YAML"),
        ("? [1]\n: 2", 1, "plain text"),
        ("a: &a {b: *a}", 1, "nested"),
        ("a: .nan", 1, "number"),
        ("a: 60:30", 1, "number"),
        ("[" * 60 + "]" * 60, 1, "nested"),
        ("- " * 60, 1, "nested"),
        ("a: 1\nb:\n  - [" + "1," * 60_000 + "]", 3, "more than 50000"),
    ],
)
def test_yaml_that_is_refused(text, line, word):
    with pytest.raises(UnreadableError, match=word) as caught:
        yaml_source.read(text, "f")
    assert caught.value.line == line


def test_yaml_alias_bomb_is_refused_before_it_expands():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(UnreadableError, match="aliases"):
        yaml_source.read("\n".join(lines), "f")


TOML = """\
top = 1
[providers.openai]
api_key = "k"
"quoted" = 2
limits = { requests_per_minute = 5 }

[[list]]
a = 1
[[list]]
a = 2
[list.inner]
b.c = 3
"""


def test_toml_lines_are_found():
    root = toml_source.read(TOML, "f.toml")
    openai = root.fields["providers"].fields["openai"]
    second = root.fields["list"].items[1]
    assert root.fields["top"].line == 1
    assert openai.fields["api_key"].line == 3
    assert openai.fields["quoted"].line == 4
    assert openai.fields["limits"].fields["requests_per_minute"].line == 5
    assert second.fields["a"].line == 10
    assert second.fields["inner"].fields["b"].fields["c"].line == 12
    assert second.fields["a"].origin == "f.toml:10"


@pytest.mark.parametrize(("text", "line"), [("a = 1\na = 2", 2), ("a = 1\nb =", 2), ("x", 1)])
def test_toml_that_is_refused(text, line):
    with pytest.raises(UnreadableError, match="TOML") as caught:
        toml_source.read(text, "f")
    assert caught.value.line == line


def test_a_dict_may_hold_only_plain_values():
    with pytest.raises(UnreadableError, match="set") as caught:
        from_plain({"a": [{"b": {1}}]})
    assert caught.value.path == "a[0].b"
    circular: dict[str, object] = {}
    circular["self"] = circular
    with pytest.raises(UnreadableError, match="nested"):
        from_plain(circular)
