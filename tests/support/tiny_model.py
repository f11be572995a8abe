"""A real language model of four megabytes, made here: llama.cpp loads and serves it like any other.

It has the llama architecture. Its output matrix is the bigram model of a few hundred made-up
sentences, so it writes readable text that ends by itself, and a little random attention makes the
text depend on the whole prompt.
"""

from __future__ import annotations

import collections
import itertools
import re
from pathlib import Path

import gguf
import numpy as np

SUBJECTS = "the cat|a dog|the model|our gateway|the user|a small robot|the weather|this server"
VERBS = "likes|reads|answers|sends|finds|keeps|opens|shows|makes|knows"
OBJECTS = (
    "a short story|the blue house|a clear answer|many tokens|the new price|a warm day|good news"
)
ALSO = ("Hello! How can I help you today?", '{"name": "Paris", "city": true, "count": 12}')
SENTENCES = 500
MERGES = 220
CONTEXT_TOKENS = 8192
HEADS = 8
FEED_FORWARD = 64
END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CALL_START, CALL_END = "<tool_call>", "</tool_call>"
_WORD = re.compile(r" ?[A-Za-z]+| ?\d+| ?[^\sA-Za-z\d]+|\s+")


def sentences(random: np.random.Generator) -> list[str]:
    made = [
        f"{subject} {verb} {thing}."
        for subject in SUBJECTS.split("|")
        for verb in VERBS.split("|")
        for thing in OBJECTS.split("|")
    ]
    random.shuffle(made)
    return made[:SENTENCES]


def byte_alphabet() -> dict[int, str]:
    """GPT-2's printable letter for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = {byte: chr(byte) for byte in plain}
    others = [byte for byte in range(256) if byte not in alphabet]
    alphabet.update({byte: chr(256 + number) for number, byte in enumerate(others)})
    return alphabet


class Tokenizer:
    """Byte-level BPE, trained on the sentences."""

    def __init__(self, text: list[str]) -> None:
        self.alphabet = byte_alphabet()
        self.merges: list[tuple[str, str]] = []
        words = collections.Counter(
            tuple(self._letters(word)) for line in text for word in _WORD.findall(line)
        )
        for _ in range(MERGES):
            pairs: collections.Counter[tuple[str, str]] = collections.Counter()
            for word, count in words.items():
                for pair in itertools.pairwise(word):
                    pairs[pair] += count
            if not pairs:
                break
            best = pairs.most_common(1)[0][0]
            self.merges.append(best)
            merged: collections.Counter[tuple[str, ...]] = collections.Counter()
            for word, count in words.items():
                merged[tuple(_merge(list(word), best))] += count
            words = merged
        line_end = self.alphabet[10]
        self.merges.append((line_end, line_end))  # a prompt that offers tools ends in two
        letters = sorted(self.alphabet.values(), key=ord)
        pairs_made = dict.fromkeys(left + right for left, right in self.merges)
        self.words = letters + [word for word in pairs_made if word not in letters]
        names = [*self.words, END_OF_TEXT, TURN_START, TURN_END, CALL_START, CALL_END]
        unused = -len(names) % 32
        self.names = names + [f"<|unused{number}|>" for number in range(unused)]
        self.unused = unused
        self.ids = {name: number for number, name in enumerate(self.names)}

    def _letters(self, word: str) -> list[str]:
        return [self.alphabet[byte] for byte in word.encode()]

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for word in _WORD.findall(text):
            letters = self._letters(word)
            for pair in self.merges:
                letters = _merge(letters, pair)
            ids += [self.ids[letter] for letter in letters]
        return ids

    def byte(self, value: int) -> int:
        return self.ids[self.alphabet[value]]


def _merge(letters: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    at = 0
    while at < len(letters):
        if tuple(letters[at : at + 2]) == pair:
            merged.append(pair[0] + pair[1])
            at += 2
        else:
            merged.append(letters[at])
            at += 1
    return merged


def bigrams(tokenizer: Tokenizer, text: list[str]) -> np.ndarray:
    """Log-probabilities of each token after each other; an answer is one or a few sentences."""
    size = len(tokenizer.names)
    ids = tokenizer.ids
    counts = np.full((size, size), 1e-4)
    counts[:, size - tokenizer.unused :] = 1e-9
    counts[:, [ids[TURN_START], ids[END_OF_TEXT]]] = 1e-9
    for byte in range(256):  # never write raw control or non-ASCII bytes
        if not 32 <= byte < 127:
            counts[:, tokenizer.byte(byte)] = 1e-8
    line_end = tokenizer.byte(10)
    for number, line in enumerate(text):
        tokens = tokenizer.encode(" " + line)
        following = tokenizer.encode(" " + text[(number + 1) % len(text)])
        counts[line_end, tokens[0]] += 1
        for left, right in itertools.pairwise(tokens):
            counts[left, right] += 1
        counts[tokens[-1], following[0]] += 0.6
        counts[tokens[-1], ids[TURN_END]] += 0.5
    call, call_end = ids[CALL_START], ids[CALL_END]
    two_ends = ids[tokenizer.alphabet[10] * 2]
    counts[:, [call, call_end]] = 1e-8
    counts[two_ends] = counts[line_end]
    counts[two_ends, call] = 3 * len(text)
    counts[call, line_end] = 9
    counts[call_end, ids[TURN_END]] = 9
    for close in ('"', '"}', "}"):
        if close in ids:
            counts[ids[close], call_end] = 0.01
    return np.log(counts / counts.sum(1, keepdims=True))


def build(path: Path, seed: int = 0) -> Path:
    """Write the model to ``path``: about 4 MB in under a second."""
    random = np.random.default_rng(seed)
    text = sentences(random)
    tokenizer = Tokenizer([*text, *ALSO])
    size = len(tokenizer.names)
    writer = gguf.GGUFWriter(path, "llama")
    _write_facts(writer, tokenizer)
    for name, tensor in _tensors(bigrams(tokenizer, text), size, random).items():
        writer.add_tensor(name, np.ascontiguousarray(tensor, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_facts(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    size = len(tokenizer.names)
    width = size // HEADS // 2 * 2
    writer.add_name("tiny-bigram")
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(size)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(size)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokenizer.names)
    kinds = gguf.TokenType
    writer.add_token_types(
        [kinds.NORMAL] * len(tokenizer.words)
        + [kinds.CONTROL] * 3
        + [kinds.USER_DEFINED] * 2
        + [kinds.UNUSED] * tokenizer.unused
    )
    writer.add_token_merges([f"{left} {right}" for left, right in tokenizer.merges])
    writer.add_bos_token_id(tokenizer.ids[END_OF_TEXT])
    writer.add_eos_token_id(tokenizer.ids[TURN_END])
    writer.add_add_bos_token(False)
    writer.add_chat_template(Path(__file__).with_name("chat_template.jinja").read_text("utf-8"))


def _tensors(table: np.ndarray, size: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    width = size // HEADS // 2 * 2
    return {
        "token_embd.weight": np.eye(size),
        "output.weight": table.T / np.sqrt(size),
        "output_norm.weight": np.ones(size),
        "blk.0.attn_norm.weight": np.ones(size),
        "blk.0.ffn_norm.weight": np.ones(size),
        "blk.0.attn_q.weight": random.normal(0, 0.02, (HEADS * width, size)),
        "blk.0.attn_k.weight": random.normal(0, 0.02, (width, size)),
        "blk.0.attn_v.weight": random.normal(0, 0.02, (width, size)),
        "blk.0.attn_output.weight": random.normal(0, 0.004, (size, HEADS * width)),
        "blk.0.ffn_gate.weight": np.zeros((FEED_FORWARD, size)),
        "blk.0.ffn_up.weight": np.zeros((FEED_FORWARD, size)),
        "blk.0.ffn_down.weight": np.zeros((size, FEED_FORWARD)),
    }
