"""TLS of both transports: verified by default, custom CA, client certificate."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from modelway.errors import APIConnectionError
from modelway.ports import Origin
from modelway.transport.settings import TLS
from support.origin_server import plain, serve
from support.transports import KINDS, transport, wire

pytestmark = pytest.mark.parametrize("kind", KINDS)

HELLO = plain(b"hello")


class Authority:
    """A certificate authority that lives as long as a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's CA")])
        usage = x509.KeyUsage(
            key_cert_sign=True,
            crl_sign=True,
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        self.certificate = (
            _builder(self.name, self.name, self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        self.file = folder / "ca.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, *names: str) -> Path:
        """A PEM file with a key and a certificate for these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = (
            _builder(subject, self.name, key.public_key())
            .add_extension(x509.SubjectAlternativeName(list(map(_name, names))), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )
        file = self.folder / f"{names[0]}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return file


def _builder(subject, issuer, key):
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
    )


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def server_context(authority: Authority, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.issue(*names))
    return context


async def test_custom_authority(kind, authority):
    tls = TLS(ca_file=str(authority.file))
    context = server_context(authority, "127.0.0.1")
    async with (
        serve(HELLO, tls=context) as origin,
        transport(kind, origin.proxy_port, tls=tls) as client,
    ):
        for _ in range(2):
            assert await (await client.send(wire(origin.origin))).read() == b"hello"
        assert origin.connections == 1


async def test_authority_as_text(kind, authority):
    tls = TLS(ca_pem=authority.file.read_text())
    context = server_context(authority, "localhost")
    async with (
        serve(HELLO, tls=context) as origin,
        transport(kind, origin.proxy_port, tls=tls) as client,
    ):
        named = Origin("https", "localhost", origin.port)
        assert await (await client.send(wire(named))).read() == b"hello"


async def test_unknown_authority_is_refused(kind, authority):
    context = server_context(authority, "127.0.0.1")
    async with (
        serve(HELLO, tls=context) as origin,
        transport(kind, origin.proxy_port) as client,
    ):
        with pytest.raises(APIConnectionError, match="not trusted") as caught:
            await client.send(wire(origin.origin))
        assert caught.value.code == "tls"
        assert origin.requests == []


async def test_certificate_of_another_host_is_refused(kind, authority):
    tls = TLS(ca_file=str(authority.file))
    context = server_context(authority, "elsewhere.example", "127.0.0.2")
    async with (
        serve(HELLO, tls=context) as origin,
        transport(kind, origin.proxy_port, tls=tls) as client,
    ):
        with pytest.raises(APIConnectionError, match="not trusted"):
            await client.send(wire(origin.origin))
        assert origin.requests == []


async def test_verification_can_be_turned_off(kind, authority):
    context = server_context(authority, "elsewhere.example")
    async with (
        serve(HELLO, tls=context) as origin,
        transport(kind, origin.proxy_port, tls=TLS(verify=False)) as client,
    ):
        assert await (await client.send(wire(origin.origin))).read() == b"hello"


async def test_client_certificate(kind, authority):
    context = server_context(authority, "127.0.0.1")
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    ours = str(authority.issue("client.example"))
    async with serve(HELLO, tls=context) as origin:
        tls = TLS(ca_file=str(authority.file), certificate_file=ours)
        async with transport(kind, origin.proxy_port, tls=tls) as client:
            assert await (await client.send(wire(origin.origin))).read() == b"hello"
        async with transport(
            kind, origin.proxy_port, tls=TLS(ca_file=str(authority.file))
        ) as client:
            with pytest.raises(APIConnectionError):
                await client.send(wire(origin.origin))
