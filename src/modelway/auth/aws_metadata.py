"""AWS keys of the machine or container that we run in.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html and
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html, 2026-11-21.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from modelway.auth.refreshing import Lease
from modelway.auth.sigv4 import AwsKeys
from modelway.auth.surroundings import (
    Surroundings,
    accepted,
    ask_metadata,
    decoded,
    is_local,
    read_file,
    seconds_of,
)
from modelway.errors import AuthenticationError, ConfigError, MissingKeyError
from modelway.ports import Headers, Origin
from modelway.transport.url import quote_segment, split_url

_CONTAINER = Origin("http", "169.254.170.2", 80)
_INSTANCE = Origin("http", "169.254.169.254", 80)
_EKS_HOSTS = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23"})
_ROLES = "/latest/meta-data/iam/security-credentials/"


class MachineKeys(Struct, rename="pascal"):
    """Keys as endpoints and programs tell them."""

    access_key_id: str
    secret_access_key: str
    token: str = ""
    session_token: str = ""
    expiration: str = ""


def machine_lease(body: bytes, who: str) -> Lease[AwsKeys]:
    found: Any = decoded(body, MachineKeys, who)
    keys = AwsKeys(
        access_key_id=found.access_key_id,
        secret_access_key=found.secret_access_key,
        session_token=found.token or found.session_token,
    )
    return Lease(keys, seconds_of(found.expiration, who) if found.expiration else None)


async def container_keys(around: Surroundings) -> Lease[AwsKeys]:
    """Keys of an ECS task or an EKS pod. Its endpoint is on this machine, or spoken to by TLS."""
    who = "the container's credential endpoint"
    relative = around.named("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    full = around.named("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if relative:
        origin, path, query = split_url(f"http://169.254.170.2{relative}")
        if origin != _CONTAINER:
            raise ConfigError("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with '/'")
    elif full:
        origin, path, query = split_url(full)
        if origin.scheme != "https" and not (is_local(origin.host) or origin.host in _EKS_HOSTS):
            raise ConfigError(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI must be on this machine, or begin with https://"
            )
    else:
        raise MissingKeyError("there is no AWS container endpoint in the environment")
    headers = await _container_token(around)
    answer = await ask_metadata(around, origin, (path or "/") + query, headers, who=who)
    return machine_lease(accepted(answer, who), who)


async def _container_token(around: Surroundings) -> Headers:
    token = around.named("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if file := around.named("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        content = await read_file(Path(file), "the container's token file")
        token = content.decode("utf-8", "replace").strip()
    if not token:
        return ()
    if not (token.isascii() and token.isprintable()):
        raise ConfigError("the container's token has characters that no header may have")
    return ((b"authorization", token.encode()),)


async def instance_keys(around: Surroundings) -> Lease[AwsKeys]:
    """Keys of an EC2 instance, by version 2 of its metadata service only."""
    who = "the EC2 metadata service"
    answer = await ask_metadata(
        around,
        _INSTANCE,
        "/latest/api/token",
        ((b"x-aws-ec2-metadata-token-ttl-seconds", b"21600"),),
        who=who,
        method="PUT",
    )
    token = accepted(answer, who).strip()
    if not (token.isascii() and token.decode("ascii").isprintable()):
        raise AuthenticationError(f"{who} gave a token that no header may have")
    headers: Headers = ((b"x-aws-ec2-metadata-token", token),)
    answer = await ask_metadata(around, _INSTANCE, _ROLES, headers, who=who)
    role = answer.body.decode("utf-8", "replace").strip()
    if answer.status == 404 or not role:
        raise MissingKeyError("this EC2 instance has no role")
    role = quote_segment(accepted(answer, who).decode("utf-8", "replace").strip(), "role")
    answer = await ask_metadata(around, _INSTANCE, _ROLES + role, headers, who=who)
    return machine_lease(accepted(answer, who), who)
