"""The bucket for payloads that are too large for queue messages and executions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from homing.payloads.reference import LIFETIMES

from ..exceptions import except_from

if TYPE_CHECKING:
    from ..functions.function import PythonFunction
    from ..settings import NamedSettings


class Payloads(Construct):
    """A private, encrypted bucket, accessible over TLS only. All its objects expire.

    Args:
        settings: the removal policy.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: NamedSettings) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            lifecycle_rules=[
                *(_expiry(prefix, life.days) for prefix, life in LIFETIMES.items()),
                s3.LifecycleRule(
                    id="broken-uploads", abort_incomplete_multipart_upload_after=Duration.days(1)
                ),
            ],
            removal_policy=settings.removal_policy,
        )
        except_from(
            self.bucket,
            "S1",
            "Only functions of this stack use the bucket; a log would cost as much as the bucket.",
        )

    def allow(self, function: PythonFunction, *actions: str) -> None:
        """Allow a function to perform these actions on the objects."""
        objects = self.bucket.arn_for_objects("*")
        function.add_to_role_policy(iam.PolicyStatement(actions=list(actions), resources=[objects]))
        name = Stack.of(self).get_logical_id(self.bucket.node.default_child)  # type: ignore[arg-type]
        except_from(
            function.own_role,
            f"IAM5[Resource::<{name}.Arn>/*]",
            "Any object of this one bucket; the key is derived from the message.",
        )

    def allow_renewal(self, function: PythonFunction) -> None:
        """Allow a function to renew objects by copying them in place, and to detect missing ones.

        Without ListBucket, S3 returns 403 for a missing object (S3 API reference, HeadObject).
        """
        self.allow(function, "s3:GetObject", "s3:PutObject")
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.bucket.bucket_arn])
        )


def _expiry(prefix: str, days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(id=prefix, prefix=f"{prefix}/", expiration=Duration.days(days))
