"""The CDK app that deploys a stack with only Homing in it, with settings from the CDK context."""

from __future__ import annotations

from stacks.application import synthesize

if __name__ == "__main__":
    synthesize()
