"""One loaded model: llama.cpp in threads of this process, behind a private port of loopback.

The wheel's in-process calls cannot be cancelled before their first token, and its listener cannot
be switched off, so requests go by the listener, which sees a reader leave: a random port, a key of
its own, and no route but those that need the key.
"""

from __future__ import annotations

import ctypes
import functools
import os
import secrets
import weakref
from pathlib import Path
from typing import Any

from modelway.errors import ConfigError, LLMError, UnsupportedError
from modelway.local import files, gguf
from modelway.local.settings import LocalSettings
from modelway.ports import Headers, Origin

_USUAL_CONTEXT_TOKENS = 8192
_PROMPT_CACHE_MIB = 256
_HTTP_THREADS = 16
"""Each open request has one, those that wait for a slot too."""
_PIECE_BYTES = 8 * 1024 * 1024


class Engine:
    """Answers at ``origin`` with ``headers``. Freed by ``free``, with the object, or at exit."""

    def __init__(self, server: Any, key: str) -> None:
        host, _, port = server.listening_address.removeprefix("http://").rpartition(":")
        self.origin = Origin("http", host, int(port))
        self._authorization = (b"authorization", b"Bearer " + key.encode())
        self._asked: Headers = ()
        self._headers: Headers = (self._authorization,)
        # the finalizer alone holds the server, so that it is ended once, and never in a fork
        self.free = weakref.finalize(self, _free, server, os.getpid())

    def headers(self, asked: Headers) -> Headers:
        """A request's headers, with this engine's key for whatever key they had."""
        if asked is not self._asked:
            kept = [pair for pair in asked if pair[0] not in {b"authorization", b"x-api-key"}]
            self._asked, self._headers = asked, (*kept, self._authorization)
        return self._headers


def load(path: Path, name: str, settings: LocalSettings, *, embeddings: bool) -> Engine:
    """Read the model into memory; it takes as long as it takes, so call it in a thread.

    ``name`` is the file as it was asked for. ConfigError without the extra, UnsupportedError for a
    file that cannot be run, NotFoundError for one that has gone.
    """
    try:
        import xllamacpp  # type: ignore[import-not-found,import-untyped,unused-ignore] # noqa: PLC0415 - an extra, and large
    except ImportError as error:
        raise ConfigError(
            f"{name} is to run in this process, which needs: pip install 'modelway[local]'",
            model=name,
            code="missing_extra",
        ) from error
    header = files.header(path, name)
    context = settings.context_tokens or min(
        header.context_tokens or _USUAL_CONTEXT_TOKENS, _USUAL_CONTEXT_TOKENS
    )
    context_bytes = context * settings.slots * (header.cache_bytes_per_token or 0)
    if not _fits(context_bytes):  # asking for it might end the process
        raise _unloadable(name, header, context_bytes)
    key = secrets.token_hex(24)
    parameters = _parameters(xllamacpp, path, settings, context * settings.slots, key)
    if embeddings:
        parameters.embedding = True
        parameters.n_ubatch = parameters.n_batch = min(context, parameters.n_batch)
        if not header.pooled:
            parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    _touch(path)
    if _first_process() != os.getpid():
        raise ConfigError(
            f"{name} cannot run in this process: it was forked from one that had used llama.cpp, "
            "whose threads a fork does not have; fork before a local model is first asked, or spawn",
            model=name,
            code="fork",
        )
    try:
        server = xllamacpp.Server(parameters)
    except (RuntimeError, MemoryError):
        raise _unloadable(name, header, context_bytes) from None
    return Engine(server, key)


def _parameters(
    xllamacpp: Any, path: Path, settings: LocalSettings, context_tokens: int, key: str
) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.model_alias = type(parameters.model_alias)([path.name])
    parameters.n_ctx = context_tokens
    parameters.n_parallel = settings.slots
    if settings.gpu_layers is not None:
        parameters.n_gpu_layers = settings.gpu_layers
    if settings.threads is not None:
        parameters.cpuparams.n_threads = settings.threads
        parameters.cpuparams_batch.n_threads = settings.threads
    parameters.cache_ram_mib = _PROMPT_CACHE_MIB
    parameters.warmup = False
    parameters.offline = True
    parameters.use_jinja = True
    parameters.verbosity = -1
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.n_threads_http = settings.slots + _HTTP_THREADS
    parameters.endpoint_metrics = True
    parameters.ui = False
    return parameters


def _touch(path: Path) -> None:
    """Bring the file into the system's cache: llama.cpp holds Python's lock while it reads."""
    buffer = bytearray(_PIECE_BYTES)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _unloadable(name: str, header: gguf.Header, context_bytes: int) -> LLMError:
    """llama.cpp says only that it failed; whether memory was the reason is told by arithmetic."""
    needed = header.size_bytes + context_bytes
    if not _fits(needed):
        return UnsupportedError(
            f"the model {name} does not fit in memory: it needs about {needed / 1e9:.1f} GB, "
            f"{context_bytes / 1e9:.1f} of it for context; lower context_tokens or slots, or take a "
            "smaller quantization",
            model=name,
            code="out_of_memory",
        )
    return UnsupportedError(
        f"llama.cpp could not load {name} (architecture {header.architecture or 'not said'}): it "
        "is too new for this version of xllamacpp, or memory ran out; lower context_tokens, or "
        "update xllamacpp",
        model=name,
        code="load_failed",
    )


def _fits(needed: int) -> bool:
    """Whether this machine has so much memory at all; true where it does not say."""
    try:
        return needed <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return True


@functools.cache
def _first_process() -> int:
    """The process that used llama.cpp first; a fork of it inherits the answer."""
    return os.getpid()


def _free(server: object, pid: int) -> None:
    """The caller's reference is the last one; a fork, which has no threads to end, keeps its own."""
    if os.getpid() != pid:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(server))
