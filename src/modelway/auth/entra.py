"""Tokens for Azure by Microsoft Entra: a client's secret, a federated token, or a managed identity.

Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token,
2026-11-21. Certificates are not read here: bring a token function (``callback_signer``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from modelway.auth.bearer import BearerSigner, Token
from modelway.auth.refreshing import Lease, Refreshing
from modelway.auth.surroundings import (
    Surroundings,
    accepted,
    ask_metadata,
    decoded,
    is_local,
    named_part,
    post_form,
    read_file,
)
from modelway.errors import ConfigError, MissingKeyError, UnsupportedError
from modelway.ports import Headers, Origin
from modelway.transport.url import split_url

_AUTHORITIES = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.chinacloudapi.cn",
        "login.partner.microsoftonline.cn",
    }
)
_METADATA = Origin("http", "169.254.169.254", 80)
_WHO = "Microsoft Entra"
_MACHINE = "the Azure metadata service"
_SERVICE = "the App Service identity endpoint"
_HOW = (
    "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, an API key, or run where there is "
    "a managed identity"
)
_FEDERATED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class EntraSettings(Struct, frozen=True, kw_only=True):
    """What was said about Entra; what was not is looked for. The secret is in no ``repr``."""

    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = ""
    federated_token_file: str = ""
    managed_identity: bool = False
    """Use the machine's identity, whatever the environment has."""
    managed_identity_client_id: str = ""
    """Which one, where the machine has several; ``client_id`` is that of an application."""
    authority: str = ""
    """The host of another cloud's Entra; else AZURE_AUTHORITY_HOST, else the public one."""
    scope: str = "https://cognitiveservices.azure.com/.default"

    def __repr__(self) -> str:
        return f"EntraSettings(tenant_id={self.tenant_id!r}, client_id={self.client_id!r})"


class _Granted(Struct):
    """Endpoints of machines write numbers as text."""

    access_token: str
    expires_in: float | str | None = None
    expires_on: float | str | None = None

    def __repr__(self) -> str:
        return "_Granted()"


def entra_signer(settings: EntraSettings, around: Surroundings) -> BearerSigner:
    """A ``ports.Signer`` by an Entra token."""
    return BearerSigner(Refreshing(lambda: _token(settings, around), around.clock))


async def _token(settings: EntraSettings, around: Surroundings) -> Lease[Token]:
    if settings.managed_identity or settings.managed_identity_client_id:
        return await _of_machine(settings, around)
    tenant = settings.tenant_id or around.named("AZURE_TENANT_ID")
    client = settings.client_id or around.named("AZURE_CLIENT_ID")
    secret = settings.client_secret or around.named("AZURE_CLIENT_SECRET")
    file = settings.federated_token_file or around.named("AZURE_FEDERATED_TOKEN_FILE")
    said_here = settings.client_secret or settings.federated_token_file
    if said_here and not (tenant and client):
        raise ConfigError("an Entra client needs a tenant and a client id; set both")
    if tenant and client:
        # what was said here comes before the environment's
        if secret and not settings.federated_token_file:
            return await _granted(settings, around, tenant, client, {"client_secret": secret})
        if file:
            token = (await read_file(Path(file), "the federated token file")).strip()
            proof = {
                "client_assertion_type": _FEDERATED,
                "client_assertion": token.decode("utf-8", "replace"),
            }
            return await _granted(settings, around, tenant, client, proof)
        if around.named("AZURE_CLIENT_CERTIFICATE_PATH"):
            raise UnsupportedError(
                "Entra certificates are not read here; set a client secret or a federated token "
                "file, or bring a token function"
            )
    return await _of_machine(settings, around)


async def _granted(
    settings: EntraSettings, around: Surroundings, tenant: str, client: str, proof: dict[str, str]
) -> Lease[Token]:
    authority = settings.authority or around.named("AZURE_AUTHORITY_HOST")
    host = authority.removeprefix("https://").rstrip("/") or "login.microsoftonline.com"
    if host not in _AUTHORITIES:
        raise ConfigError(
            f"the Entra authority must be one of {', '.join(sorted(_AUTHORITIES))}",
            param="authority",
        )
    target = f"/{named_part(tenant, 'tenant_id')}/oauth2/v2.0/token"
    fields = {
        "grant_type": "client_credentials",
        "client_id": client,
        "scope": settings.scope,
        **proof,
    }
    body = await post_form(around, Origin("https", host, 443), target, fields, _WHO)
    return _lease(body, around, _WHO)


async def _of_machine(settings: EntraSettings, around: Surroundings) -> Lease[Token]:
    """A managed identity's token. These endpoints take a resource where Entra takes a scope."""
    query = {"resource": settings.scope.removesuffix("/.default")}
    client = settings.managed_identity_client_id or around.named("AZURE_CLIENT_ID")
    if client:
        query["client_id"] = client
    if endpoint := around.named("IDENTITY_ENDPOINT"):
        return await _of_service(around, endpoint, query)
    target = f"/metadata/identity/oauth2/token?{urlencode({'api-version': '2018-02-01', **query})}"
    headers: Headers = ((b"metadata", b"true"),)
    try:
        answer = await ask_metadata(around, _METADATA, target, headers, who=_MACHINE)
    except MissingKeyError as error:
        raise MissingKeyError(f"{error.message}; {_HOW}") from None
    asked_for = client or settings.managed_identity
    if 400 <= answer.status < 500 and answer.status != 429 and not asked_for:
        raise MissingKeyError(f"no credential is configured, and {_MACHINE} has none; {_HOW}")
    return _lease(accepted(answer, _MACHINE), around, _MACHINE)


async def _of_service(around: Surroundings, endpoint: str, query: dict[str, str]) -> Lease[Token]:
    """Source: https://learn.microsoft.com/azure/app-service/overview-managed-identity, 2026-11-21."""
    origin, path, before = split_url(endpoint)
    if not is_local(origin.host):
        raise ConfigError("IDENTITY_ENDPOINT must be on this machine")
    secret = around.named("IDENTITY_HEADER")
    if not (secret and secret.isascii() and secret.isprintable()):
        raise MissingKeyError("IDENTITY_ENDPOINT is set without a valid IDENTITY_HEADER")
    asked = urlencode({"api-version": "2019-08-01", **query})
    target = f"{path or '/'}{before}{'&' if before else '?'}{asked}"
    headers: Headers = ((b"x-identity-header", secret.encode()),)
    answer = await ask_metadata(around, origin, target, headers, who=_SERVICE)
    return _lease(accepted(answer, _SERVICE), around, _SERVICE)


def _lease(body: bytes, around: Surroundings, who: str) -> Lease[Token]:
    granted: Any = decoded(body, _Granted, who)
    now_s = around.clock.time()
    expires_at = now_s + (_number(granted.expires_in) or 3600.0)
    if granted.expires_in is None:
        expires_at = _number(granted.expires_on) or expires_at
    return Lease(Token(granted.access_token), expires_at)


def _number(told: float | str | None) -> float | None:
    try:
        return None if told is None else float(told)
    except ValueError:
        return None
