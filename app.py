"""The CDK app of a Homing that is a stack of its own: context -> settings -> stack."""

from __future__ import annotations

from stacks.application import synthesize

if __name__ == "__main__":
    synthesize()
