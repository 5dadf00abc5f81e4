"""Homing as a separate stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack

from .homing_construct import Homing

if TYPE_CHECKING:
    from constructs import Construct

    from .settings import StackSettings


class DeliveryStack(Stack):
    """A stack with one Homing and nothing else, for any account and region.

    Args:
        settings: the settings of this deployment; they also name the stack.
    """

    def __init__(self, scope: Construct, *, settings: StackSettings) -> None:
        super().__init__(
            scope,
            settings.stack_id,
            description="Homing: delivers webhooks and notifications, with retries",
            termination_protection=settings.termination_protection,
        )
        # W3005 would report that each function depends on its role twice. CDK generates both
        # dependencies: one on the role itself, one on the role's policy.
        self.template_options.metadata = {"cfn-lint": {"config": {"ignore_checks": ["W3005"]}}}
        # CDK leaves the id `Default` out of logical ids and outputs.
        self.homing = Homing(self, "Default", settings=settings)
