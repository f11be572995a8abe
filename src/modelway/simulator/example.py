"""A value that is valid under a JSON schema, made of the words and numbers of a prompt.

Not a validator: of ``pattern`` only what a short list of candidates can meet, and nothing of
``if``/``then``, ``not``, ``dependentRequired`` or ``patternProperties``.
"""

from __future__ import annotations

import math
import re
from typing import Any

_NAMES = re.compile(r"(?<=[^.!?\s])\s+([A-Z][\w'-]*(?:\s+[A-Z][\w'-]*)*)")
_WORDS = re.compile(r"[^\W\d_]{3,}")
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")
_WHOLE_PROMPT = {"query", "question", "text", "prompt", "message", "input", "content", "task"}
_FORMATS = {
    "date-time": "2026-01-01T12:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_CANDIDATES = ("a", "A", "1", "abc", "ABC", "123", "a1", "A1", "2026-01-01", "12:00", "00000")
_MAX_DEPTH = 8
_MAX_ITEMS = 100
_MAX_CHARACTERS = 10_000


def example(schema: Any, prompt: str = "") -> Any:
    """A valid value; optional properties are left out unless no property is required."""
    return _Maker(schema, prompt).make(schema, "", 0)


class _Maker:
    def __init__(self, root: Any, prompt: str) -> None:
        self._root = root
        self._prompt = " ".join(prompt.split())[:200]
        words = sorted(set(_WORDS.findall(self._prompt)), key=lambda word: (-len(word), word))
        self._words: list[str] = [*dict.fromkeys(_NAMES.findall(self._prompt)), *words]
        self._numbers = [float(text) for text in _NUMBERS.findall(self._prompt)]
        self._used_words = 0
        self._used_numbers = 0

    def make(self, schema: Any, name: str, depth: int) -> Any:
        schema = self._resolve(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._choose(schema["enum"])
        match self._kind(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer":
                return self._number(schema, whole=True)
            case "number":
                return self._number(schema, whole=False)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._string(schema, name)

    def _resolve(self, given: Any) -> dict[str, Any]:
        """The schema with references, ``allOf`` and the first alternative folded in."""
        schema: dict[str, Any] = given if isinstance(given, dict) else {}
        for _ in range(_MAX_DEPTH):
            reference = schema.get("$ref")
            if isinstance(reference, str):
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**self._find(reference), **rest}
            elif schema.get("allOf"):
                merged = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    merged = _merge(merged, self._resolve(part))
                schema = merged
            elif schema.get("anyOf") or schema.get("oneOf"):
                choices: list[Any] = schema.get("anyOf") or schema["oneOf"]
                real = [c for c in choices if not (isinstance(c, dict) and c.get("type") == "null")]
                rest = {k: v for k, v in schema.items() if k not in {"anyOf", "oneOf"}}
                schema = _merge(rest, self._resolve((real or choices)[0]))
            else:
                break
        return schema

    def _find(self, reference: str) -> dict[str, Any]:
        found = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if key:
                found = found.get(key, {}) if isinstance(found, dict) else {}
        return found if isinstance(found, dict) else {}

    @staticmethod
    def _kind(schema: dict[str, Any]) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((each for each in kind if each != "null"), "null")
        if kind is None:
            kind = (
                "object" if "properties" in schema else "array" if "items" in schema else "string"
            )
        return str(kind)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        names = schema.get("required")
        if names is None:
            names = list(properties) if depth < _MAX_DEPTH else []
        if depth > 4 * _MAX_DEPTH:  # a schema that requires itself has no finite value
            return {}
        return {each: self.make(properties.get(each, {}), each, depth + 1) for each in names}

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        fewest = schema.get("minItems", 0)
        prefix = schema.get("prefixItems") or []
        most = schema.get("maxItems", max(fewest, len(prefix), 1))
        if depth > _MAX_DEPTH:
            most = fewest
        wanted = min(max(fewest, len(prefix), 1), most, _MAX_ITEMS)
        schemas = [*prefix, *[schema.get("items", {})] * wanted][:wanted]
        made = [self.make(each, name, depth + 1) for each in schemas]
        if schema.get("uniqueItems"):
            made = [value for at, value in enumerate(made) if value not in made[:at]]
        return made

    def _choose(self, values: list[Any]) -> Any:
        lower = self._prompt.lower()
        said = [each for each in values if isinstance(each, str) and each and each.lower() in lower]
        return said[0] if said else values[0]

    def _number(self, schema: dict[str, Any], *, whole: bool) -> float | int:
        value = 1.0
        if self._used_numbers < len(self._numbers):
            value = self._numbers[self._used_numbers]
            self._used_numbers += 1
        step = schema.get("multipleOf") or (1 if whole else 0)
        low = schema.get("minimum", -math.inf)
        high = schema.get("maximum", math.inf)
        margin = step or 0.5
        if isinstance(schema.get("exclusiveMinimum"), int | float):
            low = max(low, schema["exclusiveMinimum"] + margin)
        if isinstance(schema.get("exclusiveMaximum"), int | float):
            high = min(high, schema["exclusiveMaximum"] - margin)
        value = min(max(value, low), high)
        if step and abs(value / step) < 2**53:
            value = math.ceil(value / step) * step
            if value > high:
                value = math.floor(high / step) * step
        return int(value) if whole or value == int(value) else value

    def _string(self, schema: dict[str, Any], name: str) -> str:
        form = str(schema.get("format"))
        if form in _FORMATS:
            return _FORMATS[form]
        value = self._say(name)
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            examples = schema.get("examples")
            given = [schema.get("default"), *(examples if isinstance(examples, list) else [])]
            tries = [value, *self._words, *map(str, given), *_CANDIDATES]
            value = next((each for each in tries if _matches(pattern, each)), value)
        shortest = min(schema.get("minLength", 0), _MAX_CHARACTERS)
        if len(value) < shortest:
            value = (value or "x") + "x" * (shortest - len(value))
        longest = schema.get("maxLength")
        return value if longest is None else value[: int(longest)]

    def _say(self, name: str) -> str:
        if name.lower() in _WHOLE_PROMPT and self._prompt:
            return self._prompt
        if not self._words:
            return name or "example"
        word = self._words[min(self._used_words, len(self._words) - 1)]
        self._used_words += 1
        return word


def _merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = {**other, **one}
    for key in ("properties", "required"):
        if key in one and key in other:
            both = one[key], other[key]
            if key == "properties":
                merged[key] = {**both[1], **both[0]}
            else:
                merged[key] = list(dict.fromkeys([*both[0], *both[1]]))
    return merged


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False
