"""llama.cpp's own HTTP server, out of the wheel ``xllamacpp``, in a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAME = "tiny"
CONTEXT_TOKENS = 4096
SLOTS = 2
"""Requests share the context: each has half of it."""


@contextlib.contextmanager
def llama_server(model: Path, purpose: str = "chat") -> Iterator[str]:
    """Serve the model on a free loopback port; gives the address, and ends the server after.

    A server made to ``embed`` or to ``rerank`` does nothing else.
    """
    process = subprocess.Popen(
        [sys.executable, __file__, str(model), purpose],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError(f"llama.cpp's server did not start: exit code {process.wait(10)}")
        yield address
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def serve(model: str, purpose: str) -> None:
    """Runs until standard input closes."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = SLOTS
    parameters.n_gpu_layers = 0
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.warmup = False
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.use_jinja = True
    parameters.verbosity = 0
    parameters.model_alias = type(parameters.model_alias)([NAME])
    if purpose != "chat":
        pooling = {"embed": "MEAN", "rerank": "RANK"}[purpose]
        parameters.embedding = True
        parameters.pooling_type = getattr(
            xllamacpp.llama_pooling_type, f"LLAMA_POOLING_TYPE_{pooling}"
        )
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
