"""YAML text → nodes that know their lines. Tags, duplicate keys and alias bombs are refused."""

from __future__ import annotations

import math
from typing import Any

from modelway.config.nodes import MAX_DEPTH, MAX_NODES, Node, Scalar, UnreadableError, join

_PREFIX = "tag:yaml.org,2002:"
_PLAIN = {_PREFIX + name for name in ("str", "int", "float", "bool", "null", "timestamp")}


def read(text: str, name: str) -> Node:
    """The document's nodes; UnreadableError says which line is at fault."""
    import yaml  # noqa: PLC0415 - 15 ms that a start without a file does not need

    try:
        document = _compose(yaml.SafeLoader(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise UnreadableError(
            f"not valid YAML: {error.problem or error.context}", line=line
        ) from None
    except yaml.YAMLError:
        raise UnreadableError(
            "not valid YAML: it holds characters that YAML does not allow"
        ) from None
    if document is None:
        return Node(value={}, origin=name)
    return _Reading(name).node(document, "", 0)


def _compose(loader: Any) -> Any:
    """The document's node, given up as soon as it is too deep or too long, not once all is read."""
    compose_node = loader.compose_node
    depth = count = 0

    def bounded(parent: object, index: object) -> object:
        nonlocal depth, count
        depth += 1
        count += 1
        if depth > MAX_DEPTH + 1:
            raise UnreadableError(f"nested more than {MAX_DEPTH} deep", line=loader.line + 1)
        if count > MAX_NODES:
            raise UnreadableError(f"more than {MAX_NODES} keys and values", line=loader.line + 1)
        node = compose_node(parent, index)
        depth -= 1
        return node

    loader.compose_node = bounded
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


class _Reading:
    """One document's way from PyYAML's nodes to ours, counting as aliases are expanded."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0

    def node(self, node: object, path: str, depth: int) -> Node:
        import yaml  # noqa: PLC0415

        assert isinstance(node, yaml.Node)  # noqa: S101 - what compose returns
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            raise UnreadableError(
                "its aliases expand without end, or it is nested too deeply", line=line
            )
        value: dict[str, Node] | list[Node] | Scalar
        if isinstance(node, yaml.MappingNode) and node.tag == _PREFIX + "map":
            value = self._mapping(node.value, path, depth)
        elif isinstance(node, yaml.SequenceNode) and node.tag == _PREFIX + "seq":
            value = [
                self.node(item, join(path, number), depth + 1)
                for number, item in enumerate(node.value)
            ]
        elif isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN:
            value = _scalar(node.tag.removeprefix(_PREFIX), node.value, line, path)
        else:
            raise UnreadableError(
                "tags such as !!python/object or !name are not read", line=line, path=path
            )
        return Node(value=value, path=path, origin=f"{self._name}:{line}", line=line)

    def _mapping(
        self, pairs: list[tuple[object, object]], path: str, depth: int
    ) -> dict[str, Node]:
        import yaml  # noqa: PLC0415

        fields: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, item in pairs:
            assert isinstance(key, yaml.Node)  # noqa: S101 - what compose returns
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise UnreadableError("a key must be plain text", line=line, path=path)
            if key.tag == _PREFIX + "merge":
                below = self.node(item, path, depth + 1)
                for part in below.items or [below]:
                    merged = {**part.fields, **merged}
            elif key.value in fields:
                raise UnreadableError(
                    "the same key stands here twice", line=line, path=join(path, key.value)
                )
            else:
                fields[key.value] = self.node(item, join(path, key.value), depth + 1)
        return {**merged, **fields}


def _scalar(tag: str, text: str, line: int, path: str) -> Scalar:
    try:
        match tag:
            case "null":
                return None
            case "bool":
                return text.casefold() in {"yes", "true", "on"}
            case "int":
                return _integer(text)
            case "float":
                return _floating(text)
            case _:
                return text
    except ValueError:
        raise UnreadableError(
            "not a number that modelway reads; quote it if it is text", line=line, path=path
        ) from None


def _integer(text: str) -> int:
    plain = text.replace("_", "")
    digits = plain.lstrip("+-")
    if ":" in plain:
        raise ValueError(text)
    if digits.startswith("0") and digits.isdigit() and digits != "0":
        return int(plain, 8)
    return int(plain, 0)


def _floating(text: str) -> float:
    plain = text.replace("_", "").casefold()
    if plain.endswith((".inf", ".nan")):
        plain = plain.replace(".", "", 1)
    number = float(plain)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
