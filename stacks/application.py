"""Homing's own CDK app, which reads settings from the context and creates one stack.

It calls no AWS service, and uses the construct as any other app does.
"""

from __future__ import annotations

import sys

from aws_cdk import App

from .delivery_stack import DeliveryStack
from .settings import InvalidSettingsError, StackSettings


def build(app: App) -> DeliveryStack:
    """Add Homing's stack to an app, with the settings of its context.

    Raises:
        InvalidSettingsError: when the context is not valid.
    """
    settings = StackSettings.from_context(app.node.get_all_context())
    return DeliveryStack(app, settings=settings)


def synthesize() -> None:
    """Synthesize the app for the CDK CLI. If the context is invalid, exit with an error message."""
    app = App()
    try:
        build(app)
    except InvalidSettingsError as error:
        sys.exit(str(error))
    app.synth()
