"""The CDK app that deploys Homing as a separate stack, with settings from the CDK context."""

from __future__ import annotations

from stacks.application import synthesize

if __name__ == "__main__":
    synthesize()
