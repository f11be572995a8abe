"""What a GGUF file says of itself, read from its header with bounds; no weight is read.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, 2026-11-21.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path
from typing import Any

from msgspec import Struct

_ALIGNMENT = 32
_MAX_FACTS = 4096
_MAX_TENSORS = 65_536
_MAX_KEY_BYTES = 65_535
_MAX_TEXT_BYTES = 4 * 1024 * 1024
_MAX_ITEMS = 4_000_000
_TEXT, _ARRAY = 8, 9
_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i",
    6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 40), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4),
    27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66),
    39: (32, 17),
}  # fmt: skip
"""Type of a tensor → elements and bytes of a block. Of a type not here only the start is checked."""
_QUANTIZATIONS = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S",
    17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS",
    23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip


class NotGGUFError(Exception):
    """The bytes are not a whole GGUF file; the message says what is wrong with them."""


class Header(Struct, frozen=True, kw_only=True):
    """A model's own facts; ``None``: not said."""

    size_bytes: int
    architecture: str | None = None
    name: str | None = None
    quantization: str | None = None
    context_tokens: int | None = None
    pooled: bool = False
    """Made for embeddings: it says how its tokens become one vector."""
    cache_bytes_per_token: int | None = None
    """What one token of context needs in memory, with 16 bits a number."""


def read(path: Path) -> Header:
    """The header of the file. OSError where it cannot be read, NotGGUFError where it is damaged."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < 24:
            raise NotGGUFError("it is not a GGUF file: it is too short")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data, size).header()


class _Reader:
    def __init__(self, data: mmap.mmap, size: int) -> None:
        self._data = data
        self._size = size
        self._at = 0

    def header(self) -> Header:
        if self._data[:4] != b"GGUF":
            raise NotGGUFError("it is not a GGUF file: it does not begin with GGUF")
        self._at = 4
        version = self._number("<I")
        if version not in {2, 3}:
            raise NotGGUFError(f"its GGUF version {version} is not 2 or 3")
        tensors, facts = self._number("<Q"), self._number("<Q")
        if tensors > _MAX_TENSORS or facts > _MAX_FACTS:
            raise NotGGUFError("its header is damaged: it has too many entries")
        told: dict[str, Any] = {}
        for _ in range(facts):
            key = self._text(_MAX_KEY_BYTES)
            told[key] = self._value(self._number("<I"))
        self._check_tensors(tensors, told.get("general.alignment"))
        return _header(told, self._size)

    def _check_tensors(self, count: int, alignment: Any) -> None:
        """The file is as long as its tensors need it to be."""
        end = 0
        for _ in range(count):
            self._text(_MAX_KEY_BYTES)
            dimensions = self._number("<I")
            if dimensions > 8:
                raise NotGGUFError("its header is damaged: a tensor has too many dimensions")
            elements = 1
            for _ in range(dimensions):
                elements *= self._number("<Q")
            kind, offset = self._number("<I"), self._number("<Q")
            per_block, block_bytes = _BLOCKS.get(kind, (1, 0))
            end = max(end, offset + elements // per_block * block_bytes)
        step = alignment if isinstance(alignment, int) and alignment > 0 else _ALIGNMENT
        needed = self._at + -self._at % step + end
        if needed > self._size:
            raise NotGGUFError(
                f"it is truncated: {self._size:,} bytes of at least {needed:,}; download it again"
            )

    def _number(self, form: str) -> int:
        return int(self._scalar(form))

    def _scalar(self, form: str) -> Any:
        start = self._skip(struct.calcsize(form))
        return struct.unpack_from(form, self._data, start)[0]

    def _skip(self, count: int) -> int:
        start = self._at
        if count > self._size - start:
            raise NotGGUFError(f"it is truncated: its header does not end in {self._size:,} bytes")
        self._at = start + count
        return start

    def _text(self, most: int) -> str:
        length = self._number("<Q")
        if length > most:
            raise NotGGUFError("its header is damaged: a text is too long")
        start = self._skip(length)
        return self._data[start : self._at].decode("utf-8", "replace")

    def _value(self, kind: int) -> Any:
        if kind == _TEXT:
            return self._text(_MAX_TEXT_BYTES)
        if kind == _ARRAY:
            return self._items()
        form = _SCALARS.get(kind)
        if form is None:
            raise NotGGUFError(f"its header is damaged: there is no type {kind}")
        return self._scalar(form)

    def _items(self) -> int | None:
        """An array is passed over; of numbers, the largest is kept: heads may differ by layer."""
        kind, count = self._number("<I"), self._number("<Q")
        if count > _MAX_ITEMS or kind == _ARRAY:
            raise NotGGUFError("its header is damaged: an array is too long or too deep")
        if kind == _TEXT:
            for _ in range(count):
                self._skip(self._number("<Q"))
            return None
        form = _SCALARS.get(kind)
        if form is None:
            raise NotGGUFError(f"its header is damaged: there is no type {kind}")
        start = self._skip(struct.calcsize(form) * count)
        if not count or count > 1024 or form in {"<f", "<d"}:
            return None
        return int(max(struct.unpack_from(f"<{count}{form[1]}", self._data, start)))


def _header(told: dict[str, Any], size: int) -> Header:
    architecture = _word(told.get("general.architecture"))

    def count(name: str) -> int | None:
        value = told.get(f"{architecture}.{name}")
        return (
            value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
        )

    heads, width = count("attention.head_count"), count("embedding_length")
    layers, kept = count("block_count"), count("attention.head_count_kv") or heads
    per_head = width // heads if heads and width else None
    key, value = (
        count("attention.key_length") or per_head,
        (count("attention.value_length") or per_head),
    )
    kind = told.get("general.file_type")
    return Header(
        size_bytes=size,
        architecture=architecture,
        name=_word(told.get("general.name")),
        quantization=_QUANTIZATIONS.get(kind) if isinstance(kind, int) else None,
        context_tokens=count("context_length"),
        pooled=bool(count("pooling_type")),
        cache_bytes_per_token=2 * layers * kept * (key + value)
        if layers and kept and key and value
        else None,
    )


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
