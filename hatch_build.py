"""Arranges the sources in the wheel so that all its top-level packages begin with `homing`.

The package `stacks` is called `homing_cdk` in the wheel. The sources of the Lambda functions are in
`homing_cdk/sources`, with the same layout as in the repository, so that the construct finds them
and the digest of their code is the same.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "homing_cdk"
SOURCES = ("homing", "lambdas", "statemachine")


class WheelLayout(BuildHookInterface[Any]):
    """Adds `homing_cdk` to the wheel. An editable installation uses the repository instead."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add `homing_cdk` and the functions' sources to the files of the wheel."""
        if version == "standard":
            inside = {name: f"{PACKAGE}/sources/{name}" for name in SOURCES}
            build_data["force_include"] |= {"stacks": PACKAGE, **inside}
