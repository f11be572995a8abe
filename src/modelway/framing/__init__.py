"""How bytes are cut into messages: JSON objects, server-sent events, lines. No dialect's meaning."""
