"""Models that run in this process, out of GGUF files: llama.cpp behind the transport's port."""
