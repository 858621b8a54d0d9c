"""Certificates for a test's TLS: an authority, a broker and a client of it, and an authority nobody trusts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificates:
    """PEM files. The broker's certificate names 127.0.0.1 and no other host; `broker.pem` is for Kafka alone."""

    folder: Path

    @property
    def authority(self) -> Path:
        """The certificate that vouches for broker and client."""
        return self.folder / "ca.pem"

    @property
    def stranger(self) -> Path:
        """An authority that vouches for neither."""
        return self.folder / "stranger.pem"

    @property
    def client(self) -> tuple[Path, Path]:
        """A client's certificate and its key."""
        return self.folder / "client.pem", self.folder / "client.key"


def make_certificates(folder: Path) -> Certificates:
    """Write a set of certificates that hold for a day."""
    folder.mkdir(parents=True)
    authority, stranger = _authority("test authority"), _authority("a stranger")
    broker, client = _vouched("broker", authority), _vouched("client", authority)
    made = Certificates(folder)
    made.authority.write_bytes(_pem(authority[0]))
    made.stranger.write_bytes(_pem(stranger[0]))
    (folder / "broker.pem").write_bytes(_key(broker[1]) + _pem(broker[0]) + _pem(authority[0]))
    made.client[0].write_bytes(_pem(client[0]))
    made.client[1].write_bytes(_key(client[1]))
    return made


_Signed = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _authority(name: str) -> _Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256()), key


def _vouched(name: str, authority: _Signed) -> _Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority[1].public_key())
    builder = _builder(name, str(issuer), key).add_extension(host, critical=False)
    return builder.add_extension(by, critical=False).sign(authority[1], hashes.SHA256()), key


def _builder(name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
