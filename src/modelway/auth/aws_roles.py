"""Roles of AWS, taken on by its token service (STS).

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and
API_AssumeRoleWithWebIdentity.html, 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from modelway.auth.refreshing import Lease
from modelway.auth.sigv4 import AwsKeys, signed
from modelway.auth.surroundings import (
    FORM,
    TOKEN_TIMEOUTS,
    Answer,
    Surroundings,
    accepted,
    named_part,
    read_file,
    seconds_of,
    sent,
)
from modelway.errors import AuthenticationError, ResponseError
from modelway.ports import Origin, WireRequest
from modelway.transport.url import check_label

_WHO = "the AWS token service (STS)"
_FIELD = re.compile(
    rb"<(AccessKeyId|SecretAccessKey|SessionToken|Expiration)>\s*([!-;=?-~]+)\s*</\1>"
)
_CODE = re.compile(rb"<Code>([A-Za-z.]{1,64})</Code>")


async def assume_role(
    around: Surroundings,
    keys: AwsKeys,
    *,
    region: str,
    role: str,
    session: str,
    external_id: str = "",
) -> Lease[AwsKeys]:
    fields = {"RoleArn": role, "RoleSessionName": session}
    if external_id:
        fields["ExternalId"] = external_id
    request = _request("AssumeRole", region, fields)
    request = signed(request, keys, region=region, service="sts", now_s=around.clock.time())
    return _lease(await sent(around.transport, request))


async def assume_role_with_web_identity(
    around: Surroundings, region: str, role: str, session: str, token_file: str
) -> Lease[AwsKeys]:
    """The file is read each time: whoever wrote it writes a newer token before the old one ends."""
    token = (await read_file(Path(token_file), "the web identity token file")).strip()
    fields = {
        "RoleArn": role,
        "RoleSessionName": session,
        "WebIdentityToken": token.decode("utf-8", "replace"),
    }
    request = _request("AssumeRoleWithWebIdentity", region, fields)
    return _lease(await sent(around.transport, request))


def _request(action: str, region: str, fields: Mapping[str, str]) -> WireRequest:
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    origin = Origin("https", f"sts.{named_part(region, 'region', check_label)}.{domain}", 443)
    body = urlencode({"Action": action, "Version": "2011-06-15", **fields}).encode()
    return WireRequest("POST", origin, "/", FORM[:1], body, TOKEN_TIMEOUTS)


def _lease(answer: Answer) -> Lease[AwsKeys]:
    if 400 <= answer.status < 500 and answer.status != 429:
        code = _CODE.search(answer.body)
        raise AuthenticationError(
            f"{_WHO} refused the role; check its name, and that its trust policy names us",
            status=answer.status,
            code=code[1].decode() if code else None,
        )
    body = accepted(answer, _WHO)
    found = {name.decode(): value.decode() for name, value in _FIELD.findall(body)}
    if len(found) != 4:
        raise ResponseError(f"the answer of {_WHO} is not of the documented form")
    keys = AwsKeys(
        access_key_id=found["AccessKeyId"],
        secret_access_key=found["SecretAccessKey"],
        session_token=found["SessionToken"],
    )
    return Lease(keys, seconds_of(found["Expiration"], _WHO))
