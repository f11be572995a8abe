"""Where AWS keys come from, in the order of Amazon's own tools, and the signer that uses them.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html, 2026-11-21.
Explicit keys, environment, web identity, shared files, container, instance metadata. Sign-on (SSO)
is not done here: it needs a browser. ``credential_process`` is run only if ``run_process`` says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec import Struct

from modelway.auth.aws_files import Profile, find_profile
from modelway.auth.aws_metadata import container_keys, instance_keys
from modelway.auth.aws_process import process_keys
from modelway.auth.aws_roles import assume_role, assume_role_with_web_identity
from modelway.auth.refreshing import Lease, Refreshing
from modelway.auth.sigv4 import AwsKeys, signed
from modelway.auth.surroundings import Surroundings, named_part
from modelway.errors import ConfigError, MissingKeyError, UnsupportedError
from modelway.ports import WireRequest
from modelway.transport.url import check_label

_MOST_SOURCES = 5
"""Profiles that a profile's role may be reached through."""

_HOW = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile, or use a Bedrock API key "
    "(AWS_BEARER_TOKEN_BEDROCK)"
)


class AwsSettings(Struct, frozen=True, kw_only=True):
    """What was said about AWS; what was not is looked for. Secrets are in no ``repr``."""

    region: str = ""
    profile: str = ""
    """Where it is named here, keys in the environment do not count."""
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    role_arn: str = ""
    """A role to take on, with the keys that are found, or with the web identity."""
    role_session_name: str = "modelway"
    external_id: str = ""
    web_identity_token_file: str = ""
    run_process: bool = False
    """Whether a profile's ``credential_process`` may be run."""
    service: str = "bedrock"

    def __repr__(self) -> str:
        return (
            f"AwsSettings(region={self.region!r}, profile={self.profile!r}, "
            f"access_key_id={self.access_key_id!r}, role_arn={self.role_arn!r})"
        )


class _AwsSigner:
    def __init__(self, settings: AwsSettings, around: Surroundings) -> None:
        self._settings = settings
        self._around = around
        self._region = ""
        self._keys = Refreshing(lambda: find_keys(settings, around), around.clock)

    async def sign(self, request: WireRequest) -> WireRequest:
        if not self._region:
            self._region = await aws_region(self._settings, self._around)
        keys = await self._keys.get()
        return signed(
            request,
            keys,
            region=self._region,
            service=self._settings.service,
            now_s=self._around.clock.time(),
        )


def aws_signer(settings: AwsSettings, around: Surroundings) -> _AwsSigner:
    """A ``ports.Signer`` by Signature Version 4."""
    return _AwsSigner(settings, around)


async def aws_region(settings: AwsSettings, around: Surroundings) -> str:
    """The region that was said, in settings, environment or profile; ConfigError where none was."""
    region = settings.region or around.named("AWS_REGION", "AWS_DEFAULT_REGION")
    if not region:
        profile = await find_profile(around, settings.profile)
        region = profile.values.get("region", "")
    if not region:
        raise ConfigError("no AWS region is known; set `region` or AWS_REGION", param="region")
    return named_part(region, "region", check_label)


async def find_keys(settings: AwsSettings, around: Surroundings) -> Lease[AwsKeys]:
    """The keys of the first source that has some, with the role taken on if one is asked for."""
    if settings.web_identity_token_file:
        return await _by_web_identity(
            settings, around, settings.web_identity_token_file, settings.role_arn
        )
    lease = await _first_keys(settings, around)
    if not settings.role_arn:
        return lease
    region = await aws_region(settings, around)
    return await assume_role(
        around,
        lease.value,
        region=region,
        role=settings.role_arn,
        session=settings.role_session_name,
        external_id=settings.external_id,
    )


async def _first_keys(settings: AwsSettings, around: Surroundings) -> Lease[AwsKeys]:
    if settings.access_key_id or settings.secret_access_key:
        return Lease(
            _whole(settings.access_key_id, settings.secret_access_key, settings.session_token)
        )
    if settings.profile:
        found = await _of_profile(settings, around, settings.profile)
        if found is None:
            raise MissingKeyError(f"the AWS profile {settings.profile!r} has no keys; {_HOW}")
        return found
    if around.named("AWS_ACCESS_KEY_ID"):
        return await _of_environment(around)
    token_file = around.named("AWS_WEB_IDENTITY_TOKEN_FILE")
    if token_file:
        return await _by_web_identity(settings, around, token_file, around.named("AWS_ROLE_ARN"))
    found = await _of_profile(settings, around, "")
    if found is not None:
        return found
    if around.named("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return await container_keys(around)
    return await _of_instance(around)


async def _of_environment(around: Surroundings) -> Lease[AwsKeys]:
    return Lease(
        _whole(
            around.named("AWS_ACCESS_KEY_ID"),
            around.named("AWS_SECRET_ACCESS_KEY"),
            around.named("AWS_SESSION_TOKEN"),
        )
    )


async def _of_instance(around: Surroundings) -> Lease[AwsKeys]:
    if around.named("AWS_EC2_METADATA_DISABLED").lower() == "true":
        raise MissingKeyError(f"no AWS credential is found; {_HOW}")
    try:
        return await instance_keys(around)
    except MissingKeyError as error:
        raise MissingKeyError(f"{error.message}; {_HOW}") from None


async def _of_profile(
    settings: AwsSettings, around: Surroundings, name: str, depth: int = 0
) -> Lease[AwsKeys] | None:
    """The keys of a profile, its role taken on; ``None`` where it has none."""
    profile = await find_profile(around, name)
    values = profile.values
    if values.get("role_arn"):
        return await _of_role(settings, around, profile, depth)
    if values.get("aws_access_key_id"):
        return Lease(
            _whole(
                values["aws_access_key_id"],
                values.get("aws_secret_access_key", ""),
                values.get("aws_session_token", ""),
            )
        )
    if command := values.get("credential_process"):
        if not settings.run_process:
            raise UnsupportedError(
                f"the AWS profile {profile.name!r} runs a program for its keys (credential_process), "
                "which is not done unless `run_process` is set"
            )
        return await process_keys(command)
    if values.get("sso_session") or values.get("sso_start_url") or values.get("login_session"):
        raise UnsupportedError(
            f"the AWS profile {profile.name!r} signs on in a browser, which is not done here; run "
            "`aws configure export-credentials --format env` and set what it prints"
        )
    return None


async def _of_role(
    settings: AwsSettings, around: Surroundings, profile: Profile, depth: int
) -> Lease[AwsKeys]:
    values = profile.values
    role = values["role_arn"]
    if token_file := values.get("web_identity_token_file"):
        return await _by_web_identity(settings, around, token_file, role)
    if values.get("mfa_serial"):
        raise UnsupportedError(
            f"the role of the AWS profile {profile.name!r} wants a second factor (mfa_serial), which "
            "is not asked for here; take it on by the AWS tools and set the keys that they give"
        )
    source = values.get("source_profile", "")
    if source:
        if depth >= _MOST_SOURCES:
            raise ConfigError(f"the AWS profile {profile.name!r} is its own source, or too deep")
        if source == profile.name:
            # a profile that is its own source has keys of its own
            lease: Lease[AwsKeys] | None = Lease(
                _whole(
                    values.get("aws_access_key_id", ""),
                    values.get("aws_secret_access_key", ""),
                    values.get("aws_session_token", ""),
                )
            )
        else:
            lease = await _of_profile(settings, around, source, depth + 1)
    else:
        named = _NAMED.get(values.get("credential_source", ""))
        lease = None if named is None else await named(around)
    if lease is None:
        raise ConfigError(
            f"the role of the AWS profile {profile.name!r} has no source of keys; set "
            "source_profile or credential_source"
        )
    region = settings.region or around.named("AWS_REGION", "AWS_DEFAULT_REGION")
    return await assume_role(
        around,
        lease.value,
        region=region or values.get("region") or "us-east-1",
        role=role,
        session=values.get("role_session_name", settings.role_session_name),
        external_id=values.get("external_id", ""),
    )


_NAMED: dict[str, Callable[[Surroundings], Awaitable[Lease[AwsKeys]]]] = {
    "Environment": _of_environment,
    "EcsContainer": container_keys,
    "Ec2InstanceMetadata": _of_instance,
}


async def _by_web_identity(
    settings: AwsSettings, around: Surroundings, token_file: str, role: str
) -> Lease[AwsKeys]:
    if not role:
        raise ConfigError("a web identity needs a role; set AWS_ROLE_ARN", param="role_arn")
    region = await aws_region(settings, around)
    name = around.named("AWS_ROLE_SESSION_NAME") or settings.role_session_name
    return await assume_role_with_web_identity(around, region, role, name, token_file)


def _whole(access_key_id: str, secret_access_key: str, session_token: str) -> AwsKeys:
    if not access_key_id or not secret_access_key:
        raise MissingKeyError(
            "an AWS key has two parts, and one is missing; set both AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    return AwsKeys(
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        session_token=session_token,
    )
