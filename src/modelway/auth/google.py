"""Tokens for Google Cloud, by application default credentials, and the project that they are of.

Source: https://cloud.google.com/docs/authentication/application-default-credentials, 2026-11-21.
A file that is named, else that of ``gcloud auth application-default login``, else the metadata
service. Files of service accounts and users are read; federated and impersonated ones are not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from modelway.auth.assertion import assertion
from modelway.auth.bearer import BearerSigner, Token
from modelway.auth.refreshing import Lease, Refreshing
from modelway.auth.surroundings import (
    Surroundings,
    accepted,
    ask_metadata,
    decoded,
    named_part,
    post_form,
    read_file,
)
from modelway.errors import ConfigError, MissingKeyError, UnsupportedError
from modelway.ports import Headers, Origin

_TOKENS = Origin("https", "oauth2.googleapis.com", 443)
"""Never where a file says: it would get the signed statement or the refresh token."""
_AUDIENCE = "https://oauth2.googleapis.com/token"
_METADATA = Origin("http", "metadata.google.internal", 80)
_METADATA_HEADERS: Headers = ((b"metadata-flavor", b"Google"),)
_ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default/token"
_PROJECT = "/computeMetadata/v1/project/project-id"
_WHO = "Google's token endpoint"
_MACHINE = "the Google Cloud metadata service"
_HOW = (
    "set GOOGLE_APPLICATION_CREDENTIALS to a service account's file, "
    "or run `gcloud auth application-default login`"
)


class GoogleSettings(Struct, frozen=True, kw_only=True):
    """What was said about Google Cloud; what was not is looked for."""

    credentials_file: str = ""
    project: str = ""
    scope: str = "https://www.googleapis.com/auth/cloud-platform"


class _File(Struct):
    """Of a credentials file, what is needed."""

    type: str = ""
    project_id: str = ""
    quota_project_id: str = ""
    client_email: str = ""
    private_key: str = ""
    private_key_id: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    universe_domain: str = "googleapis.com"

    def __repr__(self) -> str:
        return f"_File(type={self.type!r})"


class _Granted(Struct):
    access_token: str
    expires_in: float = 3600.0

    def __repr__(self) -> str:
        return "_Granted()"


def google_signer(settings: GoogleSettings, around: Surroundings) -> BearerSigner:
    """A ``ports.Signer`` by an OAuth token."""
    return BearerSigner(Refreshing(lambda: _token(settings, around), around.clock))


async def google_project(settings: GoogleSettings, around: Surroundings) -> str:
    """The project that was said, in settings, environment, file or metadata; else ConfigError."""
    project = settings.project or around.named("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
    if not project:
        file = await _find_file(settings, around)
        if file is not None:
            project = file.project_id or file.quota_project_id
        else:
            answer = await _ask(around, _PROJECT)
            project = answer.decode("utf-8", "replace").strip()
    if not project:
        raise ConfigError(
            "no Google Cloud project is known; set `project` or GOOGLE_CLOUD_PROJECT",
            param="project",
        )
    return named_part(project, "project")


async def _token(settings: GoogleSettings, around: Surroundings) -> Lease[Token]:
    file = await _find_file(settings, around)
    if file is None:
        return _lease(await _ask(around, _ACCOUNT), around, _MACHINE)
    if file.universe_domain != "googleapis.com":
        raise UnsupportedError("credentials of another cloud than googleapis.com cannot be used")
    match file.type:
        case "service_account":
            fields = _by_account(file, settings.scope, around.clock.time())
        case "authorized_user":
            fields = {
                "grant_type": "refresh_token",
                "client_id": file.client_id,
                "client_secret": file.client_secret,
                "refresh_token": file.refresh_token,
            }
        case other:
            raise UnsupportedError(
                f"Google credentials of the type {other[:40]!r} cannot be used; {_HOW}, "
                "or bring your own token function"
            )
    headers: Headers = ()
    if file.type == "authorized_user" and file.quota_project_id:
        name = named_part(file.quota_project_id, "project")
        headers = ((b"x-goog-user-project", name.encode()),)
    body = await post_form(around, _TOKENS, "/token", fields, _WHO)
    return _lease(body, around, _WHO, headers)


def _by_account(file: _File, scope: str, now_s: float) -> dict[str, str]:
    """Source: https://developers.google.com/identity/protocols/oauth2/service-account, 2026-11-21."""
    if not file.client_email or not file.private_key:
        raise ConfigError("the service account's file has no client_email or no private_key")
    claims = {
        "iss": file.client_email,
        "scope": scope,
        "aud": _AUDIENCE,
        "iat": int(now_s),
        "exp": int(now_s) + 3600,
    }
    header = {"kid": file.private_key_id} if file.private_key_id else {}
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": assertion(claims, file.private_key, header),
    }


async def _find_file(settings: GoogleSettings, around: Surroundings) -> _File | None:
    """The credentials file; ``None`` where none is named and none is at the usual place."""
    said = settings.credentials_file or around.named("GOOGLE_APPLICATION_CREDENTIALS")
    path = Path(said) if said else _usual_path(around)
    if not said and not path.is_file():
        return None
    content = await read_file(path, "the Google credentials file")
    file: Any = decoded(content, _File, "the Google credentials file")
    return file  # type: ignore[no-any-return]


def _usual_path(around: Surroundings) -> Path:
    if said := around.named("CLOUDSDK_CONFIG"):
        folder = Path(said)
    elif windows := around.named("APPDATA"):
        folder = Path(windows) / "gcloud"
    else:
        folder = around.home() / ".config" / "gcloud"
    return folder / "application_default_credentials.json"


async def _ask(around: Surroundings, target: str) -> bytes:
    try:
        answer = await ask_metadata(around, _METADATA, target, _METADATA_HEADERS, who=_MACHINE)
    except MissingKeyError as error:
        raise MissingKeyError(f"{error.message}; {_HOW}") from None
    if 400 <= answer.status < 500 and answer.status != 429:
        raise MissingKeyError(f"no credential is configured, and {_MACHINE} has none; {_HOW}")
    return accepted(answer, _MACHINE)


def _lease(body: bytes, around: Surroundings, who: str, headers: Headers = ()) -> Lease[Token]:
    granted: Any = decoded(body, _Granted, who)
    token = Token(granted.access_token, headers)
    return Lease(token, around.clock.time() + granted.expires_in)
