"""The outputs with which the command line and the client find a Homing in a stack."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

# The CDK leaves this id out of logical ids.
_HIDDEN = "Default"


def path_in_stack(construct: Construct) -> list[str]:
    """Return the ids of the constructs on the path from the stack to a construct.

    Ids that the CDK leaves out of logical ids are left out.
    """
    stack = Stack.of(construct).node.path
    path = construct.node.path[len(stack) :].strip("/")
    return [each for each in path.split("/") if each != _HIDDEN]


def add_outputs(construct: Construct, values: Mapping[str, str]) -> None:
    """Add outputs whose names begin with the construct's path, such as `WebhooksApiUrl`.

    `homing.stack_outputs` reads them.
    """
    prefix = re.sub(r"[^A-Za-z0-9]", "", "".join(path_in_stack(construct)))
    for name, value in values.items():
        CfnOutput(construct, name, value=value).override_logical_id(f"{prefix}{name}")
