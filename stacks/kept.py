"""Marks resources that are kept when the stack is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnDeletionPolicy, CfnResource

if TYPE_CHECKING:
    from constructs import Construct

    from .settings import NamedSettings


def mark_what_is_kept(scope: Construct, settings: NamedSettings) -> None:
    """Add metadata to those resources in a construct that are kept when the stack is deleted.

    CloudFormation ignores a change to a deletion policy unless another attribute of the resource,
    such as its metadata, changes with it ("DeletionPolicy attribute", User Guide).
    """
    if not settings.deletion_protection:
        return
    for construct in scope.node.find_all():
        if (
            isinstance(construct, CfnResource)
            and construct.cfn_options.deletion_policy is CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE
        ):
            construct.add_metadata("homing:kept", value=True)
