"""The CDK app of the installed package: `cdk deploy --app "python -m homing_cdk"`."""

from __future__ import annotations

from .application import synthesize

synthesize()
