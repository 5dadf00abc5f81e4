"""Lay out the sources in the wheel, all of whose top-level packages begin with `homing`.

`stacks` is `homing_cdk`. The functions' sources are in `homing_cdk/sources`, laid out as here, so
that the construct finds them and their code has the same digest.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "homing_cdk"
SOURCES = ("homing", "lambdas", "statemachine")


class WheelLayout(BuildHookInterface[Any]):
    """Adds `homing_cdk` to the wheel; an editable installation uses the sources in place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add further files to the wheel."""
        if version == "standard":
            inside = {name: f"{PACKAGE}/sources/{name}" for name in SOURCES}
            build_data["force_include"] |= {"stacks": PACKAGE, **inside}
