"""Exceptions from the rules of cdk-nag, each made next to the construct and with its reason.

`tests/stacks/test_nag.py` runs the rules (AwsSolutions). CDK keeps the acknowledgements itself, so
synth needs no cdk-nag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations

if TYPE_CHECKING:
    from constructs import Construct


def except_from(construct: Construct, rule: str, reason: str) -> None:
    """Exempt a construct and its contents from a rule.

    Args:
        construct: the construct.
        rule: such as `L1`, or with the finding `IAM5[Resource::*]`.
        reason: why the rule does not apply, or how it is complied with differently.
    """
    Validations.of(construct).acknowledge(
        Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason)
    )
