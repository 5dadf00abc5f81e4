"""Log groups that AWS services write to: those of Step Functions, and the access logs of APIs.

Such a log group needs an entry in a resource policy of CloudWatch Logs. An account has ten such
policies per region, with 5,120 characters each, and deployments fail once they are full. Groups
under `/aws/vendedlogs/` share one entry, any other group adds one ("Enable logging from AWS
services", Amazon CloudWatch Logs User Guide).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Fn
from aws_cdk import aws_logs as logs

if TYPE_CHECKING:
    from constructs import Construct

    from .settings import NamedSettings


def vended_logs(
    scope: Construct, construct_id: str, settings: NamedSettings, *, service: str
) -> logs.LogGroup:
    """Return a log group below `/aws/vendedlogs/`.

    Its name ends with the unique part of the stack's id, so that a stack which is deployed again
    does not conflict with the group that an earlier deployment kept.

    Args:
        scope: its parent construct.
        construct_id: its construct id.
        settings: the name of Homing, how long logs are kept, and what happens to them on deletion.
        service: the folder of the log group, `states` or `apis`.
    """
    unique = Fn.select(2, Fn.split("/", Aws.STACK_ID))
    name = f"{settings.name}-{scope.node.id}{construct_id}-{unique}"
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=f"/aws/vendedlogs/{service}/{name}",
        retention=settings.log_retention,
        removal_policy=settings.removal_policy,
    )
