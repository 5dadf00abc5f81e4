"""Synthesize the stack as the CDK CLI would, once per set of settings."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from synth_cache import SynthCache

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[2]

# The CDK for Python runs on jsii, which takes `node` from the PATH when it is imported. The
# environment contains Node, but pytest may have been started without activating it.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ["PATH"]])
# The CDK's own validation of each template takes longer than the synthesis. `make static` does it.
os.environ["CDK_VALIDATION"] = "false"


@dataclass(frozen=True)
class Synthesized:
    """A synthesized stack, read by construct paths such as `Workflow/Deliver`."""

    name: str
    template: dict[str, Any]
    directory: Path
    termination_protection: bool

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the resources of a CloudFormation type, by construct path."""
        found = self.template["Resources"].values()
        return {self._path(one): one for one in found if one["Type"] == kind}

    def properties(self, kind: str, path: str) -> dict[str, Any]:
        """Return the properties of the one resource of this type at this path."""
        properties: dict[str, Any] = self.resources(kind)[path]["Properties"]
        return properties

    def path_of(self, logical_id: str) -> str:
        """Return the construct path of a logical id."""
        return self._path(self.template["Resources"][logical_id])

    def referred(self, value: Any) -> str:
        """Return the construct path that a reference leads to, however it is written."""
        match value:
            case {"Ref": target} if target in self.template["Resources"]:
                return self.path_of(target)
            case {"Fn::GetAtt": [target, _]}:
                return self.path_of(target)
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self.referred(part) for part in parts)
            case _:
                return str(value)

    def allowed(self, role: str) -> set[tuple[str, str]]:
        """Return the (action, resource) pairs that the policies of a role allow."""
        return {
            (action, self._allowed_on(resource))
            for policy in self.resources("AWS::IAM::Policy").values()
            if role in [self.referred(one) for one in policy["Properties"]["Roles"]]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        }

    def _allowed_on(self, resource: Any) -> str:
        """Return the construct path of a resource; for executions, that of their state machine."""
        text = self.referred(resource)
        machine = re.search(r":execution:.*'Ref': '(\w+)'.*:\*$", text)
        return f"{self.path_of(machine[1])} executions" if machine else text

    def _path(self, resource: dict[str, Any]) -> str:
        path: str = resource["Metadata"]["aws:cdk:path"]
        inside = path.removeprefix(f"{self.name}/").removeprefix("Default/")
        return inside.removesuffix("/Resource")


def as_list(value: Any) -> list[Any]:
    """Return a value of a policy as a list; IAM allows a single value without one."""
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="session")
def synthesize() -> Callable[..., Synthesized]:
    """Synthesize with context as from `-c`, unless it is cached (see `synth_cache`)."""
    cache = SynthCache()
    flags = json.loads((PROJECT / "cdk.json").read_text())["context"]
    # As the CDK CLI sets them.
    flags |= {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}

    def run(**context: str) -> Synthesized:
        whole = {**flags, **context}
        return read(cache.assembly(whole, functools.partial(synth, whole)))

    return run


@functools.cache
def read(directory: Path) -> Synthesized:
    """Read a cloud assembly that contains one stack."""
    artifacts = json.loads((directory / "manifest.json").read_text())["artifacts"]
    ((name, stack),) = (
        (name, each)
        for name, each in artifacts.items()
        if each["type"] == "aws:cloudformation:stack"
    )
    template = json.loads((directory / stack["properties"]["templateFile"]).read_text())
    is_protected = stack["properties"].get("terminationProtection", False)
    return Synthesized(name, template, directory, is_protected)


def synth(context: dict[str, Any], directory: Path) -> None:
    from aws_cdk import App  # noqa: PLC0415 -- starts Node

    from stacks.application import build  # noqa: PLC0415 -- as above

    app = App(context=context, outdir=str(directory))
    build(app)
    app.synth()


@pytest.fixture(scope="session")
def stack(synthesize: Callable[..., Synthesized]) -> Synthesized:
    """The stack with every setting at its default."""
    return synthesize()


@pytest.fixture(scope="session")
def theirs() -> Synthesized:
    """Another project's stack, with two Homings and what uses them."""
    return read(SynthCache().assembly({"app": "theirs"}, synth_theirs))


def synth_theirs(directory: Path) -> None:
    """Synthesize an app that sets no feature flag of the CDK."""
    from aws_cdk import App, Duration, Stack  # noqa: PLC0415 -- starts Node
    from aws_cdk import aws_iam as iam  # noqa: PLC0415 -- as above
    from constructs import Construct  # noqa: PLC0415 -- as above

    from stacks import Homing, HomingSettings  # noqa: PLC0415 -- as above

    app = App(context={"aws:cdk:enable-path-metadata": True}, outdir=str(directory))
    stack = Stack(app, "Shop")
    homings = {
        "Checkout": Homing(stack, "Webhooks", settings=HomingSettings(max_attempts=8)),
        "Partner": Homing(
            Construct(stack, "Partners"), "Webhooks", settings=HomingSettings(messages_url=False)
        ),
    }
    for name, homing in homings.items():
        role = iam.Role(stack, name, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        homing.grant_send(role)
        stack.export_value(homing.messages_url, name=f"{name}Url")
        for of in ("delivered", "dead_lettered", "attempt_duration"):
            metric = getattr(homing, f"metric_{of}")(period=Duration.minutes(1))
            metric.create_alarm(stack, f"{name}-{of}", threshold=1, evaluation_periods=1)
    app.synth()


@pytest.fixture(scope="session")
def subscribed() -> Synthesized:
    """Another project's stack, whose Homing gets messages from a bus, two topics and a queue."""
    return read(SynthCache().assembly({"app": "subscribed"}, synth_subscribed))


def synth_subscribed(directory: Path) -> None:
    """Synthesize an app whose Homing subscribes to them."""
    from aws_cdk import App, Stack  # noqa: PLC0415 -- starts Node
    from aws_cdk import aws_events as events  # noqa: PLC0415 -- as above
    from aws_cdk import aws_sns as sns  # noqa: PLC0415 -- as above
    from aws_cdk import aws_sqs as sqs  # noqa: PLC0415 -- as above

    from stacks import Homing  # noqa: PLC0415 -- as above

    app = App(context={"aws:cdk:enable-path-metadata": True}, outdir=str(directory))
    stack = Stack(app, "Shop")
    homing = Homing(stack, "Webhooks")
    bus, pattern = events.EventBus(stack, "Bus"), events.EventPattern(source=["shop"])
    homing.subscribe_to_bus(bus, pattern=pattern, sender_path="$.detail.tenantId")
    homing.subscribe_to_bus(bus, pattern=pattern, sender_path="$.detail.tenantId")
    homing.subscribe_to_topic(sns.Topic(stack, "Orders"), sender_id="shop")
    homing.subscribe_to_topic(sns.Topic(stack, "Returns"), sender_id="shop")
    homing.subscribe_to_queue(sqs.Queue(stack, "Queue"), sender_id="partner")
    app.synth()
