"""Messages of AWS event streams, written on their own account: what is tested reads with other code.

Source: https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-
stream and https://smithy.io/2.0/aws/amazon-eventstream.html, 2026-11-21.
"""

from __future__ import annotations

import struct
from zlib import crc32

_STRING = 7


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One message whose headers are all strings."""
    written = b""
    for name, value in headers.items():
        said = value.encode()
        written += bytes([len(name)]) + name.encode()
        written += struct.pack(">BH", _STRING, len(said)) + said
    return _sealed(written, payload)


def halved(message: bytes) -> bytes:
    """The same message with half of its payload, and right checksums."""
    end = 12 + int.from_bytes(message[4:8], "big")
    payload = message[end:-4]
    return _sealed(message[12:end], payload[: len(payload) // 2])


def _sealed(headers: bytes, payload: bytes) -> bytes:
    lengths = struct.pack(">II", 12 + len(headers) + len(payload) + 4, len(headers))
    message = lengths + struct.pack(">I", crc32(lengths)) + headers + payload
    return message + struct.pack(">I", crc32(message))
