"""The URLs of a deployed stack, read from its outputs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from homing.client.errors import StackError
from homing.stack_outputs import NotInStackError, homing_outputs

if TYPE_CHECKING:
    from collections.abc import Mapping

# A program waits for this call at its start: at most 2 tries, each 3 s to connect and 10 s to read.
_CONFIG = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2}
)


def aws_session(region: str | None, profile: str | None) -> Session:
    """Return a session; its region is `region`, else AWS_REGION, else that of the profile."""
    session = Session(profile=profile)
    # botocore itself reads only AWS_DEFAULT_REGION; the AWS CLI, CDK and Lambda use AWS_REGION.
    if region := region or os.environ.get("AWS_REGION"):
        session.set_config_variable("region", region)
    return session


def stack_outputs(session: Session, stack: str, construct: str | None) -> Mapping[str, str]:
    """Return the outputs of a Homing construct. The caller needs `cloudformation:DescribeStacks`.

    Raises:
        StackError: when there is no such stack or no such construct in it, or AWS refuses the call.
    """
    try:
        client: Any = session.create_client("cloudformation", config=_CONFIG)
        [found] = client.describe_stacks(StackName=stack)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"the stack {stack} cannot be read: {error}") from error
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    try:
        return homing_outputs(outputs, construct)
    except NotInStackError as error:
        raise StackError(f"the stack {stack} {error}") from error
