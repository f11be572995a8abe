"""Whose credentials authorise a provider's requests where no key is given: AWS, Google or Entra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelway.catalog.rows import Provider, SignerKind
from modelway.config.nodes import Node
from modelway.config.reading import Context, Level, Table, WrongError, flag, line_of_text
from modelway.errors import BadRequestError
from modelway.transport.url import check_name

if TYPE_CHECKING:
    from modelway.auth import AwsSettings, EntraSettings, GoogleSettings


def _tenant(node: Node, context: Context) -> str:
    """A tenant's id or domain, which becomes part of a path."""
    try:
        return check_name(line_of_text(node, context), "tenant_id")
    except BadRequestError as error:
        raise WrongError(node, error.message) from None


AWS: Table = {
    "profile": line_of_text,
    "access_key_id": line_of_text,
    "secret_access_key": line_of_text,
    "session_token": line_of_text,
    "role_arn": line_of_text,
    "role_session_name": line_of_text,
    "external_id": line_of_text,
    "web_identity_token_file": line_of_text,
    "run_process": flag,
}
GOOGLE: Table = {"credentials_file": line_of_text}
ENTRA: Table = {
    "tenant_id": _tenant,
    "client_id": line_of_text,
    "client_secret": line_of_text,
    "federated_token_file": line_of_text,
    "managed_identity": flag,
    "managed_identity_client_id": line_of_text,
    "authority": line_of_text,
    "scope": line_of_text,
}

_KINDS: tuple[SignerKind, ...] = ("aws", "google", "entra")
_SECRETS = frozenset(("secret_access_key", "session_token", "client_secret"))


def find(
    node: Node, level: Level, row: Provider, places: Mapping[str, str], context: Context
) -> AwsSettings | GoogleSettings | EntraSettings | None:
    """What was said of the row's signer; ``None`` where it has none."""
    for kind in _KINDS:
        if kind in level and kind != row.signer:
            context.notice(node.fields[kind], f"has no effect: {row.title} does not use it")
    if row.signer is None:
        return None
    said = _said(level, row.signer)
    if row.signer == "aws" and "region" in places:
        said["region"] = places["region"]
    if row.signer == "google" and "project" in places:
        said["project"] = places["project"]
    from modelway import auth  # noqa: PLC0415  # few providers need it

    match row.signer:
        case "aws":
            return auth.AwsSettings(**said)
        case "google":
            return auth.GoogleSettings(**said)
        case "entra":
            return auth.EntraSettings(**said)


def secrets(level: Level) -> list[str]:
    """What no output may have."""
    found = [_said(level, kind) for kind in _KINDS]
    return [said[name] for said in found for name in said.keys() & _SECRETS]


def _said(level: Level, kind: SignerKind) -> dict[str, Any]:
    if kind not in level:
        return {}
    return {name: setting.value for name, setting in level[kind].value.items()}
