"""The key of one local cloud. It signs calls, and proves the identity of the cloud.

The secret is never sent. Requests are signed (SigV4); the response to a signed request for
`IDENTITY_PATH` is an HMAC of that signature, which only a cloud with the key can compute.
"""

from __future__ import annotations

import hmac
import secrets
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

REGION = "us-east-1"
IDENTITY_PATH = "/_homing/identity"


@dataclass(frozen=True, slots=True)
class LocalKey:
    """An access key that is valid only at the local cloud that was started with it."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def random(cls) -> Self:
        """Return a random key."""
        return cls(f"LOCAL{secrets.token_hex(8).upper()}", secrets.token_urlsafe(32))

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> Self:
        """Build the key from the content of a state file; raise KeyError if it contains none."""
        return cls(str(record["accessKeyId"]), str(record["secretAccessKey"]))

    def to_record(self) -> dict[str, str]:
        """Return the key in the form that a state file contains."""
        return {"accessKeyId": self.access_key_id, "secretAccessKey": self.secret_access_key}

    def sign(self, request: AWSRequest, service: str) -> dict[str, str]:
        """Return the headers of a request with a signature for an AWS service."""
        credentials = Credentials(self.access_key_id, self.secret_access_key)
        SigV4Auth(credentials, service, REGION).add_auth(request)
        return dict(request.headers.items())

    def proof(self, signature: str) -> str:
        """Return the response to an identity request; it proves that the cloud has the key.

        Args:
            signature: the signature of the request.
        """
        return hmac.digest(self.secret_access_key.encode(), signature.encode(), "sha256").hex()


def answers(endpoint: str, key: LocalKey, timeout: float) -> bool:
    """Return whether the local cloud with this key responds at an endpoint.

    Another program that listens there, such as the local cloud of another project, cannot prove
    that it has the key.
    """
    headers = key.sign(AWSRequest("GET", endpoint + IDENTITY_PATH), "homing")
    signature = headers["Authorization"].rpartition("Signature=")[2]
    with closing(HTTPConnection(urlsplit(endpoint).netloc, timeout=timeout)) as connection:
        try:
            connection.request("GET", IDENTITY_PATH, headers=headers)
            proof = connection.getresponse().read(100)
        except (OSError, HTTPException):
            return False
    return hmac.compare_digest(proof, key.proof(signature).encode())
