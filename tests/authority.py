"""A certificate authority for tests."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from homing.http.tls import default_tls
from homing.sending.webhook_client import utc_now

if TYPE_CHECKING:
    from pathlib import Path

_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """A certificate authority that only the tests trust.

    Like some public root certificates, it has no subject key identifier, which RFC 5280 requires.
    """

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        role = x509.BasicConstraints(ca=True, path_length=None)
        self.certificate = self._certify(self._name, self._key, 1, [role, _SIGNS_CERTIFICATES])

    def trusted(self) -> ssl.SSLContext:
        """Return the TLS context of the webhook client, which here also trusts this authority."""
        context = default_tls.__wrapped__()
        context.load_verify_locations(cadata=_pem(self.certificate).decode())
        return context

    def context_for(self, host: str, folder: Path, *, days: int = 1) -> ssl.SSLContext:
        """Return the context of a server whose certificate names a host."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([_general_name(host)])
        return _server_context(self._certify(x509.Name([]), key, days, [names]), key, folder)

    def context_of_its_own(self, folder: Path) -> ssl.SSLContext:
        """Return the context of a server whose certificate is signed by itself."""
        return _server_context(self.certificate, self._key, folder)

    def _certify(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        days: int,
        extensions: list[x509.ExtensionType],
    ) -> x509.Certificate:
        now = utc_now()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=10))
            .not_valid_after(now + dt.timedelta(days=days))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self._key, hashes.SHA256())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _server_context(
    certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, folder: Path
) -> ssl.SSLContext:
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(_pem(certificate) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
