"""The Lambda functions of the stack."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm

from ..exceptions import except_from
from ..settings import InvalidSettingsError
from .bundle import bundle
from .powertools_layer import BUILT, is_built

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import Duration
    from constructs import Construct

    from ..settings import NamedSettings

RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64

# The release of Powertools in the published layer that the functions use; the tests use it, too.
POWERTOOLS = "3.37.0"

# The name of the functions in logs and metrics, where it is the dimension `service`.
SERVICE = "homing"


class PythonFunction(lambda_.Function):
    """A function. Its construct id determines its code: `ComputeBackoff` runs `compute_backoff.py`.

    Args:
        settings: log level and retention, metrics namespace, Powertools layer.
        environment: the variables of the handler's settings class (homing/settings.py).
        timeout: how long one invocation may take.
        memory_size: the memory in MB; Lambda allots processor time in proportion to it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: NamedSettings,
        timeout: Duration,
        memory_size: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        layer = _powertools(scope, construct_id, settings)
        log_group = logs.LogGroup(
            scope,
            f"{construct_id}Logs",
            retention=settings.log_retention,
            removal_policy=settings.removal_policy,
        )
        role = _role(scope, construct_id, log_group)
        super().__init__(
            scope,
            construct_id,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=lambda_.Code.from_asset(str(bundle())),
            handler=f"lambdas.{_module(construct_id)}.handler",
            layers=[layer] if layer else None,
            environment={**_observation(settings), **(environment or {})},
            timeout=timeout,
            memory_size=memory_size,
            # The function continues a caller's trace, and starts none itself (docs/decisions/0011).
            tracing=lambda_.Tracing.PASS_THROUGH,
            log_group=log_group,
            role=role,
        )
        self.own_role = role
        except_from(
            self, "L1", "The Python version that the tests and the published Powertools layer use."
        )

    def reserve(self, concurrency: int) -> None:
        """Reserve part of the account's concurrency for the function; this is also its limit."""
        node = cast("lambda_.CfnFunction", self.node.default_child)
        node.reserved_concurrent_executions = concurrency


def _role(scope: Construct, construct_id: str, log_group: logs.LogGroup) -> iam.Role:
    """Return a role that may write to one log group; CDK's default role may write to all."""
    role = iam.Role(
        scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
    )
    log_group.grant_write(role)
    except_from(
        role, "IAM5[Resource::*]", "X-Ray's two Put actions do not support narrower resources."
    )
    return role


def _module(construct_id: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", construct_id).lower()


def _observation(settings: NamedSettings) -> dict[str, str]:
    return {
        "POWERTOOLS_SERVICE_NAME": SERVICE,
        "POWERTOOLS_METRICS_NAMESPACE": settings.name,
        "POWERTOOLS_LOG_LEVEL": settings.log_level,
    }


def _powertools(
    scope: Construct, construct_id: str, settings: NamedSettings
) -> lambda_.ILayerVersion | None:
    """Return the layer with Powertools and pydantic, or None if `powertools_layer` is `none`.

    The published layer has the version that the tests use.

    CloudFormation reads its ARN from a public parameter at deployment, so synthesis does not call
    AWS (docs/decisions/0086).
    """
    match settings.powertools_layer:
        case "none":
            return None
        case "built":
            return _built_powertools(scope)
        case "published":
            name = f"/aws/service/powertools/python/{ARCHITECTURE.name}/{RUNTIME.name}/{POWERTOOLS}"
            arn = ssm.StringParameter.value_for_string_parameter(scope, name)
        case given:
            arn = given
    return lambda_.LayerVersion.from_layer_version_arn(scope, f"{construct_id}Powertools", arn)


def _built_powertools(scope: Construct) -> lambda_.ILayerVersion:
    """Return this stack's layer, built by `make powertools-layer`.

    Raises:
        InvalidSettingsError: when the layer has not been built.
    """
    if not is_built():
        raise InvalidSettingsError(
            "powertoolsLayer: nothing is built; run `make powertools-layer` first, or give an ARN"
        )
    stack = Stack.of(scope)
    found = cast("lambda_.LayerVersion | None", stack.node.try_find_child("PowertoolsLayer"))
    return found or lambda_.LayerVersion(
        stack,
        "PowertoolsLayer",
        code=lambda_.Code.from_asset(str(BUILT)),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[ARCHITECTURE],
        description="Powertools and pydantic, compiled",
    )
