"""The bucket of large payloads. This module imports botocore, which takes a long time."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from homing.aws import client
from homing.errors import AcceptanceError, DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.payloads.reference import PayloadReference


def s3_client() -> Any:
    """Return an S3 client; only large payloads need one."""
    return client("s3", read_seconds=3, tries=3)


class PayloadStore:
    """The bucket of large payloads.

    Args:
        bucket: its name.
        client: makes an S3 client when one is first needed.
    """

    def __init__(self, bucket: str, client: Callable[[], Any] = s3_client) -> None:
        self._bucket = bucket
        self._make = client
        self._made: Any = None
        self._making = Lock()  # botocore cannot create two clients concurrently

    @property
    def _client(self) -> Any:
        with self._making:
            self._made = self._made or self._make()
        return self._made

    def keep(self, claim: PayloadReference, body: bytes) -> None:
        """Store a payload.

        Raises:
            AcceptanceError: when it cannot be stored; the message must not be accepted.
        """
        try:
            self._client.put_object(Bucket=self._bucket, Key=claim.key, Body=body)
        except (BotoCoreError, ClientError) as error:
            raise AcceptanceError(f"payload not kept: {type(error).__name__}: {error}") from error

    def fetch(self, claim: PayloadReference) -> str:
        """Return a payload.

        Raises:
            DependencyError: when it cannot be read, or is not what was stored.
        """
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=claim.key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise DependencyError(f"payload not read: {type(error).__name__}: {error}") from error
        if not claim.holds(body):
            raise DependencyError(
                "payload not read: its SHA-256 is not that of the accepted payload"
            )
        text: str = body.decode()
        return text

    def renew(self, claim: PayloadReference) -> bool:
        """Renew the retention of a payload; return False if the payload is gone.

        S3 counts an object's age from when it was written, so the object is copied onto itself.
        This needs `s3:GetObject` and `s3:PutObject`, and also `s3:ListBucket`, without which S3
        reports a missing object as forbidden.

        Raises:
            BotoCoreError, ClientError: when a call to S3 fails; it can be retried.
        """
        try:
            self._client.copy_object(
                Bucket=self._bucket,
                Key=claim.key,
                CopySource={"Bucket": self._bucket, "Key": claim.key},
                MetadataDirective="REPLACE",  # S3 refuses a copy onto itself that changes nothing
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return False
        return True
