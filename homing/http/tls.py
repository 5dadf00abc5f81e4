"""The TLS settings of attempts. All are explicit, so they do not depend on the Python version."""

from __future__ import annotations

import ssl
from functools import cache

# Authenticated ciphers with forward secrecy, as in Python's own default. They are listed here since
# distributions change the default. TLS 1.3 has its own suites.
_CIPHERS = (
    "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
)


@cache
def default_tls() -> ssl.SSLContext:
    """Return a TLS context that checks certificates and names, for TLS 1.2 or later.

    The call reads the system's root certificates from files.

    `ssl.create_default_context` is not used: from Python 3.13 on, it refuses some certificate
    chains that are trusted everywhere else but do not follow RFC 5280 strictly, such as a chain
    whose root has no subject key identifier.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= (
        ssl.OP_IGNORE_UNEXPECTED_EOF
    )  # accepts an end of the connection without close_notify
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context
