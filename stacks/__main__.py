"""The CDK app from the wheel, without a checkout: `cdk deploy --app "python -m homing_cdk"`."""

from __future__ import annotations

from .application import synthesize

synthesize()
