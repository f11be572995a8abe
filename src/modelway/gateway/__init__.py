"""The HTTP gateway: clients of several dialects in, the same engine behind."""
