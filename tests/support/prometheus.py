"""Prometheus' text read back, by its specification and not by our code."""

from __future__ import annotations

import re

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)\Z", re.DOTALL)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|\Z)')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}

Labels = tuple[tuple[str, str], ...]


def series(text: bytes) -> dict[tuple[str, Labels], float]:
    """Every sample by name and labels; each is there once, and each line is one or a comment."""
    found: dict[tuple[str, Labels], float] = {}
    assert text.endswith(b"\n")
    for line in text.decode().split("\n")[:-1]:
        if line.startswith("#"):
            continue
        matched = _LINE.fullmatch(line)
        assert matched, line
        name, said, value = matched.groups()
        labels = []
        at = 0
        while said and at < len(said):
            label = _LABEL.match(said, at)
            assert label, line
            text_ = re.sub(r'\\[\\"n]', lambda one: _ESCAPES[one[0]], label[2])
            labels.append((label[1], text_))
            at = label.end()
        key = (name, tuple(sorted(labels)))
        assert key not in found, line
        found[key] = float(value)
    return found
