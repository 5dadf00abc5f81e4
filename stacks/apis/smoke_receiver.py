"""The receiver that `homing smoke` sends its message to (docs/decisions/0089)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigwv2
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from ..exceptions import except_from
from ..functions.function import PythonFunction
from .stage import Throttle, api_stage

if TYPE_CHECKING:
    from ..settings import NamedSettings

PATH = "/smoke"
_TIMEOUT = Duration.seconds(5)
# Anybody may call the receiver, and each call runs a function. This limit is enough for `homing
# smoke`, and keeps cost and concurrency low.
_THROTTLE = Throttle(per_second=2, burst=5)


class SmokeReceiver(Construct):
    """An HTTP API with one route, which anybody may call, and the function behind the route.

    The function may write its own log and nothing else.

    Args:
        settings: log level and retention.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: NamedSettings) -> None:
        super().__init__(scope, construct_id)
        self.function = PythonFunction(
            self, "SmokeReceiver", settings=settings, timeout=_TIMEOUT, memory_size=128
        )
        self.api = apigwv2.HttpApi(
            self,
            "Api",
            description="Homing: the receiver of `homing smoke`",
            create_default_stage=False,
        )
        api_stage(self, self.api, settings, _THROTTLE)
        route = self.api.add_routes(
            path=PATH,
            methods=[apigwv2.HttpMethod.POST],
            integration=HttpLambdaIntegration("SmokeReceiverIntegration", self.function),
        )
        reason = (
            "A webhook has no AWS credentials; its receiver stores nothing and has no permissions."
        )
        except_from(route[0], "APIG4", reason)

    @property
    def url(self) -> str:
        """The URL to which requests are sent."""
        return f"{self.api.api_endpoint}{PATH}"
