"""Exceptions from the rules of cdk-nag. Each is declared next to its construct, with its reason.

`tests/stacks/test_nag.py` runs the rules (AwsSolutions). An exception is declared with a feature of
the CDK itself (`acknowledge`), so synthesis does not need cdk-nag.
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
        rule: the name of the rule, such as `L1`. For a rule with several findings, it includes the
            finding, such as `IAM5[Resource::*]`.
        reason: why the rule does not apply, or how its purpose is met in another way.
    """
    Validations.of(construct).acknowledge(
        Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason)
    )
