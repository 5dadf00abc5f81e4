"""The CDK app: it makes the stack from the settings in the context. It does not call AWS."""

from __future__ import annotations

import sys

from aws_cdk import App

from stacks.delivery_stack import DeliveryStack
from stacks.settings import InvalidSettingsError, StackSettings


def build(app: App) -> DeliveryStack:
    """Add Homing's stack to an app, with the settings of its context.

    Raises:
        InvalidSettingsError: when the context is not valid.
    """
    settings = StackSettings.from_context(app.node.get_all_context())
    return DeliveryStack(app, settings=settings)


def synthesize() -> None:
    """Synthesize the app for the CDK CLI; report an invalid context without a traceback."""
    app = App()
    try:
        build(app)
    except InvalidSettingsError as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    synthesize()
