"""Synthesize the stack as the CDK CLI would, once per set of settings."""

from __future__ import annotations

import functools
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from synth_cache import SynthCache

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[2]

# CDK's Python runs on jsii, which takes `node` from the PATH when it is imported. The environment
# brings one; pytest may have been started without activating it.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ["PATH"]])


@dataclass(frozen=True)
class Synthesized:
    """A synthesized stack, read by construct paths such as `Workflow/Deliver`."""

    name: str
    template: dict[str, Any]
    directory: Path
    termination_protection: bool

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Give the resources of a CloudFormation type, by construct path."""
        found = self.template["Resources"].values()
        return {self._path(one): one for one in found if one["Type"] == kind}

    def properties(self, kind: str, path: str) -> dict[str, Any]:
        """Give the properties of the one resource of this type at this path."""
        properties: dict[str, Any] = self.resources(kind)[path]["Properties"]
        return properties

    def path_of(self, logical_id: str) -> str:
        """Give the construct path of a logical id."""
        return self._path(self.template["Resources"][logical_id])

    def referred(self, value: Any) -> str:
        """Write a reference as the construct path that it leads to, whatever it is wrapped in."""
        match value:
            case {"Ref": target} if target in self.template["Resources"]:
                return self.path_of(target)
            case {"Fn::GetAtt": [target, _]}:
                return self.path_of(target)
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self.referred(part) for part in parts)
            case _:
                return str(value)

    def _path(self, resource: dict[str, Any]) -> str:
        path: str = resource["Metadata"]["aws:cdk:path"]
        return path.removeprefix(f"{self.name}/").removesuffix("/Resource")


@pytest.fixture(scope="session")
def synthesize() -> Callable[..., Synthesized]:
    """Synthesize with context as `-c` gives it, unless that was done before (see `synth_cache`)."""
    cache = SynthCache()
    flags = json.loads((PROJECT / "cdk.json").read_text())["context"]
    # As the CLI sets them.
    flags |= {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}

    @functools.cache
    def read(directory: Path) -> Synthesized:
        artifacts = json.loads((directory / "manifest.json").read_text())["artifacts"]
        ((name, stack),) = (
            (name, each)
            for name, each in artifacts.items()
            if each["type"] == "aws:cloudformation:stack"
        )
        template = json.loads((directory / stack["properties"]["templateFile"]).read_text())
        is_protected = stack["properties"].get("terminationProtection", False)
        return Synthesized(name, template, directory, is_protected)

    def run(**context: str) -> Synthesized:
        whole = {**flags, **context}
        return read(cache.assembly(whole, functools.partial(synth, whole)))

    return run


def synth(context: dict[str, Any], directory: Path) -> None:
    from aws_cdk import App  # noqa: PLC0415 -- starts Node

    from app import build  # noqa: PLC0415 -- as above

    app = App(context=context, outdir=str(directory))
    build(app)
    app.synth()


@pytest.fixture(scope="session")
def stack(synthesize: Callable[..., Synthesized]) -> Synthesized:
    """The stack with every setting at its default."""
    return synthesize()
