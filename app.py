"""The CDK app that deploys Homing as a separate stack: context -> settings -> stack."""

from __future__ import annotations

from stacks.application import synthesize

if __name__ == "__main__":
    synthesize()
