"""A GGUF header: what it says, where it is damaged, and that nothing makes reading it run away."""

import contextlib
import struct

import gguf as reference
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.local import gguf
from modelway.local.gguf import NotGGUFError, read


def written(path, *, kind=reference.LlamaFileType.MOSTLY_Q4_K_M, **more):
    writer = reference.GGUFWriter(path, "llama")
    writer.add_name("a model")
    writer.add_context_length(4096)
    writer.add_block_count(2)
    writer.add_embedding_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_token_list([f"token {number}" for number in range(100)])
    writer.add_array("llama.other", [1.5, 2.5])
    writer.add_bool("llama.flag", True)
    for name, value in more.items():
        writer.add_uint32(f"llama.{name}", value)
    writer.add_file_type(kind)
    writer.add_tensor("a", np.zeros((64, 64), dtype=np.float32))
    writer.add_tensor("b", np.zeros((64, 32), dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return written(tmp_path_factory.mktemp("gguf") / "whole.gguf").read_bytes()


def told(directory, data):
    path = directory / "file.gguf"
    path.write_bytes(data)
    return read(path)


def test_what_it_says(tmp_path):
    header = read(written(tmp_path / "m.gguf"))
    assert (header.architecture, header.name, header.quantization) == ("llama", "a model", "Q4_K_M")
    assert header.context_tokens == 4096
    assert header.size_bytes == (tmp_path / "m.gguf").stat().st_size
    assert header.cache_bytes_per_token == 2 * 2 * 2 * (16 + 16)
    assert not header.pooled


def test_a_model_for_embeddings(tmp_path):
    assert read(written(tmp_path / "m.gguf", pooling_type=1)).pooled


@pytest.mark.parametrize("kind", list(reference.LlamaFileType))
def test_each_quantization_has_the_name_that_people_use(kind):
    if kind.name == "GUESSED" or kind.value > 38:
        assert kind.value not in gguf._QUANTIZATIONS
        return
    name = kind.name.removeprefix("ALL_").removeprefix("MOSTLY_").removesuffix("_MOE")
    assert gguf._QUANTIZATIONS[kind.value] == name


def test_block_sizes_are_those_of_the_format():
    known = {int(kind): size for kind, size in reference.GGML_QUANT_SIZES.items()}
    assert {kind: known[kind] for kind in gguf._BLOCKS} == gguf._BLOCKS


@given(st.data())
def test_any_shorter_file_is_damaged(tmp_path_factory, whole, data):
    length = data.draw(st.integers(0, len(whole) - 1 - 64))
    with pytest.raises(NotGGUFError):
        told(tmp_path_factory.mktemp("cut"), whole[:length])


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path_factory, data, as_gguf):
    if as_gguf:
        data = b"GGUF" + struct.pack("<I", 3) + data
    with pytest.raises(NotGGUFError):
        told(tmp_path_factory.mktemp("any"), data + b"\xff" * 8)


@given(st.integers(0, 600), st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused(tmp_path_factory, whole, at, value):
    changed = whole[:at] + bytes([value]) + whole[at + 1 :]
    with contextlib.suppress(NotGGUFError):
        told(tmp_path_factory.mktemp("changed"), changed)


HUGE = 2**63


@pytest.mark.parametrize(
    "body",
    [
        struct.pack("<QQ", HUGE, 0),
        struct.pack("<QQ", 0, HUGE),
        struct.pack("<QQQ", 0, 1, HUGE),
        struct.pack("<QQQ", 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 8, HUGE),
        struct.pack("<QQQ", 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 9, 1),
        struct.pack("<QQQ", 0, 1, 1) + b"k" + struct.pack("<I", 77),
        struct.pack("<QQQ", 1, 0, 1) + b"t" + struct.pack("<I", HUGE % 2**32 + 99),
    ],
)
def test_counts_beyond_reason_are_refused_at_once(tmp_path, body):
    with pytest.raises(NotGGUFError, match=r"damaged|truncated"):
        told(tmp_path, b"GGUF" + struct.pack("<I", 3) + body + b"\0" * 64)


def test_versions(tmp_path, whole):
    with pytest.raises(NotGGUFError, match="version 1 is not 2 or 3"):
        told(tmp_path, whole[:4] + struct.pack("<I", 1) + whole[8:])
