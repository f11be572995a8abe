"""AWS keys from each place that they may be in, in order, from endpoints on loopback."""

from __future__ import annotations

import asyncio
import json
import re
import sys

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from modelway.auth import AwsSettings, aws_region, aws_signer
from modelway.auth.aws import find_keys
from modelway.errors import (
    AuthenticationError,
    ConfigError,
    LLMError,
    MissingKeyError,
    OverloadedError,
    UnsupportedError,
)
from support.endpoints import API, header, told, world
from support.origin_server import plain

US = AwsSettings(region="us-east-1")
KEYS = {
    "AccessKeyId": "AKFOUND",
    "SecretAccessKey": "canary-secret",
    "Token": "canary-token",
    "Expiration": "2026-11-18T12:06:40Z",  # an hour after the clock's beginning
}
STS = """<Response><Result><Credentials><AccessKeyId>AKROLE</AccessKeyId>
<SecretAccessKey>canary+/secret</SecretAccessKey><SessionToken>canary==</SessionToken>
<Expiration>2026-11-18T12:06:40Z</Expiration></Credentials></Result></Response>"""


def never(asked):
    raise AssertionError(asked.url)


def machine(asked):
    """IMDSv2, a container's endpoint and STS in one."""
    url = asked.url
    if url == "PUT http://169.254.169.254:80/latest/api/token":
        assert asked.received.header("x-aws-ec2-metadata-token-ttl-seconds") == "21600"
        return plain(b"session-1")
    if url.startswith("GET http://169.254.169.254:80/latest/meta-data/iam/security-credentials/"):
        if asked.received.header("x-aws-ec2-metadata-token") != "session-1":
            return plain(b"", status=b"401 Unauthorized")
        return told({"Code": "Success", **KEYS}) if url.endswith("/a-role") else plain(b"a-role\n")
    if "//sts." in url:
        return plain(STS.encode())
    return told(KEYS)


async def key_id(settings, world_):
    return (await find_keys(settings, world_.around)).value.access_key_id


@pytest.fixture
def files(tmp_path):
    def write(config="", credentials=""):
        config_file, credentials_file = tmp_path / "config", tmp_path / "credentials"
        config_file.write_text(config)
        credentials_file.write_text(credentials)
        return {
            "AWS_CONFIG_FILE": str(config_file),
            "AWS_SHARED_CREDENTIALS_FILE": str(credentials_file),
        }

    return write


async def test_the_first_source_with_keys_is_used(files, tmp_path):
    token = tmp_path / "token"
    token.write_text("a.b.c\n")
    shared = files(credentials="[default]\naws_access_key_id=AKFILE\naws_secret_access_key=s")
    identity = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"}
    environment = {"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "s"}
    container = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x?y=1"}
    explicit = AwsSettings(region="us-east-1", access_key_id="AKSAID", secret_access_key="s")
    everything = {**shared, **identity, **environment, **container}
    async with world(machine, **everything) as w:
        assert await key_id(explicit, w) == "AKSAID"
        assert await key_id(AwsSettings(region="us-east-1", profile="default"), w) == "AKFILE"
        assert await key_id(US, w) == "AKENV"
    async with world(machine, **shared, **identity, **container) as w:
        assert await key_id(US, w) == "AKROLE"
    async with world(machine, **shared, **container) as w:
        assert await key_id(US, w) == "AKFILE"
        assert w.urls == []
    async with world(machine, **container) as w:
        assert await key_id(US, w) == "AKFOUND"
        assert w.urls == ["GET http://169.254.170.2:80/v2/credentials/x?y=1"]
    async with world(machine) as w:
        assert await key_id(US, w) == "AKFOUND"
        assert len(w.urls) == 3


async def test_a_signed_request_is_one_that_botocore_would_send():
    async with world(machine) as w:
        signed = await aws_signer(US, w.around).sign(API)
    aws = AWSRequest("POST", f"https://{API.origin.host}{API.target}", data=API.body)
    aws.headers["content-type"] = "application/json"
    aws.headers["X-Amz-Date"] = header(signed, b"x-amz-date")
    signer = SigV4Auth(
        Credentials("AKFOUND", "canary-secret", "canary-token"), "bedrock", "us-east-1"
    )
    aws.headers["X-Amz-Security-Token"] = "canary-token"
    aws.context["timestamp"] = header(signed, b"x-amz-date")
    text = signer.string_to_sign(aws, signer.canonical_request(aws))
    assert header(signed, b"authorization").endswith(signer.signature(text, aws))


async def test_a_hundred_requests_ask_the_machine_once_and_again_before_the_end():
    async with world(machine) as w:
        signer = aws_signer(US, w.around)
        w.gate = asyncio.Event()
        waiting = [asyncio.create_task(signer.sign(API)) for _ in range(100)]
        await asyncio.sleep(0.05)
        w.gate.set()
        await asyncio.gather(*waiting)
        assert len(w.asked) == 3
        w.clock.now_s = 1_795_003_600.0 - 200
        w.down = True
        await signer.sign(API)
        await asyncio.sleep(0.05)
        assert header(await signer.sign(API), b"x-amz-security-token") == "canary-token"
        w.clock.now_s += 1_000_000
        with pytest.raises(MissingKeyError, match="AWS_ACCESS_KEY_ID"):
            await signer.sign(API)


async def test_a_container_sends_its_token(tmp_path):
    file = tmp_path / "token"
    file.write_text("Bearer canary\n")
    async with world(
        machine,
        AWS_CONTAINER_CREDENTIALS_FULL_URI="http://169.254.170.23/v1/credentials",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(file),
    ) as w:
        assert await key_id(US, w) == "AKFOUND"
        assert w.asked[0].received.header("authorization") == "Bearer canary"


@pytest.mark.parametrize(
    ("variable", "uri"),
    [
        ("FULL", "http://example.com/"),
        ("FULL", "http://10.0.0.1/"),
        ("FULL", "http://169.254.170.2@example.com/"),
        ("FULL", "file:///etc/passwd"),
        ("RELATIVE", "@example.com/x"),
        ("RELATIVE", ".example.com/x"),
        ("RELATIVE", ":81/x"),
    ],
)
async def test_a_container_endpoint_elsewhere_is_refused(variable, uri):
    async with world(never, **{f"AWS_CONTAINER_CREDENTIALS_{variable}_URI": uri}) as w:
        with pytest.raises(ConfigError):
            await find_keys(US, w.around)
        assert w.urls == []


async def test_a_web_identity_becomes_a_role(tmp_path):
    token = tmp_path / "token"
    token.write_text("a.b.c\n")
    async with world(
        machine, AWS_WEB_IDENTITY_TOKEN_FILE=str(token), AWS_ROLE_ARN="arn:aws:iam::1:role/r"
    ) as w:
        lease = await find_keys(AwsSettings(region="cn-north-1"), w.around)
        assert lease.value.session_token == "canary=="
        assert lease.expires_at == 1_795_003_600.0
        assert w.urls == ["POST https://sts.cn-north-1.amazonaws.com.cn:443/"]
        assert w.asked[0].form == {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": "arn:aws:iam::1:role/r",
            "RoleSessionName": "modelway",
            "WebIdentityToken": "a.b.c",
        }
        assert w.asked[0].received.header("authorization") is None


async def test_a_profile_reaches_its_role_through_others(files):
    shared = files(
        config=(
            "[profile app]\nrole_arn=arn:aws:iam::1:role/app\nsource_profile=middle\n"
            "region=eu-west-1\nexternal_id=x-1\n"
            "[profile middle]\nrole_arn=arn:aws:iam::1:role/middle\nsource_profile=base\n"
            "[profile self]\nrole_arn=arn:aws:iam::1:role/self\nsource_profile=self\n"
            "aws_access_key_id=AKSELF\naws_secret_access_key=s\n"
            "[profile machine]\nrole_arn=arn:aws:iam::1:role/m\ncredential_source=Ec2InstanceMetadata\n"
        ),
        credentials="[base]\naws_access_key_id=AKBASE\naws_secret_access_key=s\n",
    )
    async with world(machine, **shared, AWS_PROFILE="app") as w:
        assert await key_id(AwsSettings(), w) == "AKROLE"
        assert [asked.form["RoleArn"][-6:] for asked in w.asked] == ["middle", "le/app"]
        assert w.asked[1].form["ExternalId"] == "x-1"
        assert "Credential=AKBASE/" in w.asked[0].received.header("authorization")
        assert "Credential=AKROLE/" in w.asked[1].received.header("authorization")
        assert await aws_region(AwsSettings(), w.around) == "eu-west-1"
        assert await key_id(AwsSettings(profile="self"), w) == "AKROLE"
        assert "Credential=AKSELF/" in w.asked[2].received.header("authorization")
        assert await key_id(AwsSettings(profile="machine"), w) == "AKROLE"


@pytest.mark.parametrize(
    ("config", "error", "says"),
    [
        ("sso_session=x", UnsupportedError, "export-credentials"),
        ("credential_process=/bin/x", UnsupportedError, "run_process"),
        ("role_arn=a\nmfa_serial=b\nsource_profile=q", UnsupportedError, "second factor"),
        ("role_arn=a", ConfigError, "no source of keys"),
        ("role_arn=a\nsource_profile=p2", ConfigError, "its own source"),
        ("role_arn=a\nsource_profile=none", ConfigError, "no AWS profile 'none'"),
        ("aws_access_key_id=a", MissingKeyError, "two parts"),
        ("region=r", MissingKeyError, "has no keys"),
    ],
)
async def test_a_profile_that_cannot_be_used_says_why(files, config, error, says):
    loop = "\n[profile p2]\nrole_arn=b\nsource_profile=p\n"
    async with world(never, **files(config=f"[profile p]\n{config}{loop}")) as w:
        with pytest.raises(error, match=says):
            await find_keys(AwsSettings(profile="p"), w.around)


async def test_a_program_is_run_where_it_may_be(files):
    printed = json.dumps({"Version": 1, "AccessKeyId": "AKRUN", "SecretAccessKey": "s"})
    code = f"print({printed!r})".replace('"', '\\"')
    command = f'{sys.executable} -c "{code}"'
    failing = f'{sys.executable} -c "raise SystemExit(3)"'
    shared = files(
        config=f"[profile p]\ncredential_process={command}\n[profile f]\ncredential_process={failing}\n"
        "[profile n]\ncredential_process=/nonexistent/x\n"
    )
    async with world(never, **shared) as w:
        assert await key_id(AwsSettings(profile="p", run_process=True), w) == "AKRUN"
        with pytest.raises(AuthenticationError, match="status 3"):
            await find_keys(AwsSettings(profile="f", run_process=True), w.around)
        with pytest.raises(ConfigError, match="cannot be started"):
            await find_keys(AwsSettings(profile="n", run_process=True), w.around)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            plain(b"<Error><Code>AccessDenied</Code>canary</Error>", status=b"403 F"),
            AuthenticationError,
        ),
        (plain(b"canary", status=b"503 U"), OverloadedError),
        (plain(b"<AccessKeyId>canary</AccessKeyId>"), LLMError),
        (plain(b"\xff\xfe"), LLMError),
    ],
)
async def test_a_refusal_quotes_nothing(answer, error):
    settings = AwsSettings(
        region="us-east-1", access_key_id="AK", secret_access_key="canary", role_arn="arn:x"
    )
    async with world(lambda _: answer) as w:
        with pytest.raises(error) as caught:
            await find_keys(settings, w.around)
    assert "canary" not in f"{caught.value}{caught.value!r}{settings!r}"
    if b"AccessDenied" in answer:
        assert caught.value.code == "AccessDenied"


@pytest.mark.parametrize("region", ["us.evil.com/", "a#", "", "x" * 64, "us-east-1."])
async def test_a_region_cannot_bend_a_host(region):
    settings = AwsSettings(
        region=region, access_key_id="AK", secret_access_key="s", role_arn="arn:x"
    )
    async with world(never) as w:
        with pytest.raises(ConfigError):
            await find_keys(settings, w.around)
        assert w.urls == []


async def test_a_broken_file_is_not_quoted(files):
    async with world(never, **files(credentials="canary-key-without-section")) as w:
        with pytest.raises(ConfigError) as caught:
            await find_keys(US, w.around)
    assert "canary" not in re.sub(r"/\S+", "", str(caught.value))


async def test_metadata_may_be_switched_off():
    async with world(never, AWS_EC2_METADATA_DISABLED="true") as w:
        with pytest.raises(MissingKeyError, match="AWS_BEARER_TOKEN_BEDROCK"):
            await find_keys(US, w.around)


async def test_an_instance_without_role_says_so():
    def answers(asked):
        return plain(b"t") if "PUT" in asked.url else plain(b"", status=b"404 N")

    async with world(answers) as w:
        with pytest.raises(MissingKeyError, match="has no role"):
            await find_keys(US, w.around)
