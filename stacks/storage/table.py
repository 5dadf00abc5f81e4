"""The DynamoDB tables of the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam

from ..exceptions import except_from

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from constructs import Construct

    from ..functions.function import PythonFunction
    from ..settings import NamedSettings


def table(  # noqa: PLR0913 -- keyword arguments only
    scope: Construct,
    construct_id: str,
    settings: NamedSettings,
    *,
    sort_key: str | None = None,
    ttl: str | None = None,
    encryption_key: kms.Key | None = None,
    streams: bool = False,
) -> dynamodb.Table:
    """Return a table with the partition key `pk`.

    It is billed per request and can be restored to any second of the last 35 days. Unless a key is
    given, it is encrypted with DynamoDB's own key, which costs nothing.

    Args:
        scope: its parent construct.
        construct_id: its construct id.
        settings: deletion protection and removal policy.
        sort_key: the attribute of the sort key, if it has one.
        ttl: the attribute with the expiry of items, if they expire.
        encryption_key: a customer managed key.
        streams: whether it has a stream, with each item before and after its change.
    """
    return dynamodb.Table(
        scope,
        construct_id,
        partition_key=string("pk"),
        sort_key=string(sort_key) if sort_key else None,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption_key=encryption_key,
        stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if streams else None,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        time_to_live_attribute=ttl,
        deletion_protection=settings.termination_protection,
        removal_policy=settings.removal_policy,
    )


def string(name: str) -> dynamodb.Attribute:
    """Return a key attribute of type string."""
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def grant(to: dynamodb.Table, grantee: iam.IGrantable, *actions: str) -> None:
    """Allow actions on a table, but not on its indexes, which `Table.grant` would include."""
    dynamodb.TableGrants(table=to, has_index=False).actions(grantee, *actions)


def allow_stream(of: dynamodb.Table, function: PythonFunction) -> str:
    """Allow a function to read the stream of a table, and return the stream's ARN."""
    stream = of.table_stream_arn
    if stream is None:
        raise ValueError(f"{of.node.path} has no stream")
    read = ("DescribeStream", "GetRecords", "GetShardIterator")
    streams = f"{of.table_arn}/stream/*"
    name = Stack.of(function).get_logical_id(of.node.default_child)  # type: ignore[arg-type]
    except_from(
        function.own_role,
        f"IAM5[Resource::<{name}.Arn>/stream/*]",
        "ListStreams applies to all streams of this one table.",
    )
    for actions, resource in ((read, stream), (("ListStreams",), streams)):
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=[f"dynamodb:{each}" for each in actions], resources=[resource]
            )
        )
    return stream
