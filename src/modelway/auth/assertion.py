"""A signed statement of who we are (a JWT by RS256), which a token endpoint changes for a token.

The one thing here that the standard library cannot do is RSA; ``cryptography`` is imported for it.
Source: https://www.rfc-editor.org/rfc/rfc7523 and rfc7515, 2026-11-21.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from modelway.errors import ConfigError, MissingKeyError

_INSTALL = "signing with a private key needs one more package: pip install 'modelway[google]'"


def assertion(
    claims: Mapping[str, Any], private_key_pem: str, header: Mapping[str, str] = {}
) -> str:
    """The compact form of these claims, signed."""
    head = {"alg": "RS256", "typ": "JWT", **header}
    text = b".".join([_encoded(msgspec.json.encode(part)) for part in (head, dict(claims))])
    return b".".join([text, _encoded(_signature(text, private_key_pem))]).decode()


def _signature(text: bytes, private_key_pem: str) -> bytes:
    # heavy, and in an extra
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_private_key,
        )
    except ImportError:
        raise MissingKeyError(_INSTALL) from None
    try:
        key = load_pem_private_key(private_key_pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError("the private key is not an RSA key in PEM, without a password") from None
    return key.sign(text, PKCS1v15(), SHA256())


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
